//! Where the operands of a unit come from, and where its results go.

use crate::ops::table::Type;

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A constant that differs in every variant; null for a reference.
    Const,
    /// A parameter of the host function.
    Local,
    /// Linear memory, by a plain load of the full width; the type's table for a reference.
    Load,
    /// A mutable global.
    Global,
    /// The last result of the previous step; in step 0, of the previous copy of the unit.
    Prev,
}

/// Where a result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sink {
    /// `drop`.
    Drop,
    /// `local.set` of a parameter of the host function.
    Local,
    /// `global.set`.
    Global,
    /// Linear memory, by a plain store of the full width; the type's table for a reference.
    Store,
    /// A call of an imported function.
    Call,
}

impl Source {
    /// All sources, in the order of their compact numbers.
    pub const ALL: &[Source] =
        &[Source::Const, Source::Local, Source::Load, Source::Global, Source::Prev];

    /// The word of the text form.
    pub fn name(self) -> &'static str {
        match self {
            Source::Const => "const",
            Source::Local => "local",
            Source::Load => "load",
            Source::Global => "global",
            Source::Prev => "prev",
        }
    }

    /// The source that keeps an operand of this type out of an optimiser's reach: memory, except
    /// that an address is a parameter, because an address read from memory would leave the memory
    /// as soon as something is stored.
    pub fn canonical(ty: Type) -> Source {
        if ty == Type::Addr { Source::Local } else { Source::Load }
    }
}

impl Sink {
    /// All sinks, in the order of their compact numbers.
    pub const ALL: &[Sink] = &[Sink::Drop, Sink::Local, Sink::Global, Sink::Store, Sink::Call];

    /// The word of the text form.
    pub fn name(self) -> &'static str {
        match self {
            Sink::Drop => "drop",
            Sink::Local => "local",
            Sink::Global => "global",
            Sink::Store => "store",
            Sink::Call => "call",
        }
    }

    /// The sink that keeps a result of this type observable.
    pub fn canonical(ty: Option<Type>) -> Sink {
        match ty {
            None => Sink::Drop,
            Some(ty) if ty.is_reference() => Sink::Global,
            Some(_) => Sink::Store,
        }
    }
}
