//! What a row is made of beside its operand types: immediates, declarations that they refer to, and
//! framing code.

use crate::ops::kinds::Type;

/// A function, structure, array or continuation type that the prelude declares. The order is the
/// order of declaration: each refers only to earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Declared {
    /// `struct (mut i64) (mut i8) (mut anyref)`, open to subtypes.
    Struct,
    /// `array (mut i32)`.
    Array,
    /// `array (mut i8)`.
    Bytes,
    /// `array (mut funcref)`.
    Refs,
    /// `func [] -> []`.
    Empty,
    /// `func [] -> [i32]`.
    Thunk,
    /// `func [i32] -> [i32]`.
    Unary,
    /// `func [i32] -> []`.
    Tail,
    /// `cont Unary`.
    ContUnary,
    /// `cont Thunk`.
    ContThunk,
    /// `cont Tail`.
    ContTail,
    /// `func [i32 (ref null ContTail)] -> []`.
    Switch,
    /// `cont Switch`.
    ContSwitch,
    /// `func [] -> [i32 (ref null ContUnary)]`: the label of an effect handler.
    Handler,
    /// `func [t] -> []`: the imported sink for values of `t`.
    Sink(Type),
}

/// A function that the prelude imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Callee {
    /// `[i32] -> [i32]`.
    Unary,
    /// `[t] -> []`.
    Sink(Type),
}

/// A tag that the prelude declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tag {
    /// An exception that carries one `i32`.
    Exception,
    /// An effect `[i32] -> [i32]`.
    Effect,
    /// A `switch` tag `[] -> []`.
    Switch,
}

/// What follows the opcode, in the order of the binary format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Immediate {
    /// Alignment and offset; the alignment is the natural one of the access width.
    MemArg,
    /// The index of the memory.
    Memory,
    /// A lane number below this count.
    Lane(u8),
    /// Sixteen lane numbers below 32.
    Shuffle,
    /// A constant of a numeric type.
    Value(Type),
    /// A local of the host function.
    Local(Type),
    /// A mutable global.
    Global(Type),
    /// The table of a reference type.
    Table(Type),
    /// The table of callable functions.
    CallTable,
    /// The index of an imported function.
    Callee(Callee),
    /// The index of a declared type.
    Type(Declared),
    /// The index of a tag.
    Tag(Tag),
    /// The index of the passive data segment.
    Data,
    /// The index of the passive element segment.
    Elements,
    /// The index of an imported function that the prelude also declares as referable.
    Referable(Callee),
    /// A number that is the same in every variant: a field, a count, a label, a reserved byte.
    Number(u32),
    /// The targets of `br_table`; the last is the default.
    Labels(&'static [u32]),
    /// A heap type.
    Heap(Type),
    /// Flags, label and both heap types of `br_on_cast`, which casts a nullable reference to a
    /// non-null one.
    Cast(u32, Type, Type),
    /// A block type with a single result.
    BlockResult(Type),
    /// A block type given by a declared function type.
    BlockType(Declared),
    /// The one-element type vector of `select` with a type.
    SelectType(Type),
    /// The catch clauses of `try_table`: this tag goes to label 0.
    Catch(Tag),
    /// The handlers of `resume`: this tag goes to label 0.
    Handle(Tag),
}

/// A fixed piece of code that a row puts around its operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// `block` without a type.
    Block,
    /// `block (result t)`.
    BlockResult(Type),
    /// `block` with a declared function type.
    BlockType(Declared),
    /// Branches to label 0 when a loaded `i32` is zero, so that what follows is neither dead nor
    /// certain.
    Guard,
    /// Branches to label 0 when a loaded `i32` is not zero: ends a loop in fresh memory.
    Repeat,
    /// A constant of this type (null for a reference).
    Const(Type),
    /// A call of an imported function.
    Call(Callee),
    /// Bytes as they are.
    Raw(&'static [u8]),
}

/// What a row puts around its operator to make a self-contained piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Emitted before the operands.
    pub before: &'static [Piece],
    /// Emitted after the operator.
    pub after: &'static [Piece],
}

impl Frame {
    /// Nothing around the operator.
    pub const NONE: Frame = Frame { before: &[], after: &[] };
}
