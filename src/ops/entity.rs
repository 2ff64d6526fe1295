//! What encoded units refer to by index, and what each such thing needs in turn.
//!
//! A unit is encoded twice: once to collect the entities it touches, which decides what a
//! [`Prelude`](crate::ops::Prelude) declares, and then for real, with the indices that the prelude
//! gave out. Both go through [`Resolve`], so that a prelude never declares too little or too much.

use std::collections::BTreeSet;

use crate::ops::table::{Callee, Declared, Proposal, Tag, Type};

/// Something that lives in an index space of the module or of the host function.
///
/// The order decides the indices within each index space; for types it is an order of dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Entity {
    /// A type of the type section.
    Declared(Declared),
    /// An imported function.
    Callee(Callee),
    /// The table of functions for `call_indirect`.
    CallTable,
    /// The table of a reference type.
    Table(Type),
    /// The memory.
    Memory,
    /// A tag.
    Tag(Tag),
    /// A mutable global.
    Global(Type),
    /// The active element segment that fills the call table.
    CallElements,
    /// The passive element segment.
    Elements,
    /// The declarative element segment for `ref.func`.
    Referable(Callee),
    /// The passive data segment.
    Data,
    /// The parameter that loads and stores add their offset to; nothing writes it.
    Base,
    /// Parameters of one type, [`PARAMS_PER_TYPE`] of them.
    Params(Type),
    /// A local that the encoding needs for itself.
    Scratch(Role, Type),
    /// Not a thing but a fact: a block with parameters or with several results.
    MultiValue,
}

/// Parameters of the host function per type, so that the operands of one operator differ.
pub const PARAMS_PER_TYPE: u32 = 2;

/// What a scratch local is for. Two of one role and type are never alive together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The value that a link, or the first that a join, takes from the previous copy.
    CarryA,
    /// The second value that a join takes.
    CarryB,
    /// A previous result that a step uses twice.
    Tee,
    /// The last of several results while the others are sunk.
    Last,
    /// A value that is sunk while its address is pushed.
    Sink,
}

/// Gives the index of an entity.
pub(crate) trait Resolve {
    /// The index of `entity` in its index space.
    fn index(&mut self, entity: Entity) -> u32;
}

/// Collects: every index is zero for now.
impl Resolve for &mut BTreeSet<Entity> {
    fn index(&mut self, entity: Entity) -> u32 {
        self.insert(entity);
        0
    }
}

impl Declared {
    /// The declared type behind a concrete reference type.
    pub(crate) fn of(ty: Type) -> Option<Declared> {
        match ty {
            Type::Struct => Some(Declared::Struct),
            Type::Array => Some(Declared::Array),
            Type::Bytes => Some(Declared::Bytes),
            Type::Refs => Some(Declared::Refs),
            Type::Func => Some(Declared::Unary),
            Type::TailFunc => Some(Declared::Tail),
            Type::Cont => Some(Declared::ContUnary),
            Type::BoundCont => Some(Declared::ContThunk),
            Type::SwitchCont => Some(Declared::ContSwitch),
            Type::I32
            | Type::I64
            | Type::F32
            | Type::F64
            | Type::V128
            | Type::Addr
            | Type::FuncRef
            | Type::ExternRef
            | Type::AnyRef
            | Type::EqRef
            | Type::I31Ref
            | Type::StructRef
            | Type::ArrayRef
            | Type::ExnRef => None,
        }
    }

    fn needs(self) -> Vec<Declared> {
        match self {
            Declared::Struct
            | Declared::Array
            | Declared::Bytes
            | Declared::Refs
            | Declared::Empty
            | Declared::Thunk
            | Declared::Unary
            | Declared::Tail => Vec::new(),
            Declared::ContUnary => vec![Declared::Unary],
            Declared::ContThunk => vec![Declared::Thunk],
            Declared::ContTail => vec![Declared::Tail],
            Declared::Switch => vec![Declared::ContTail],
            Declared::ContSwitch => vec![Declared::Switch],
            Declared::Handler => vec![Declared::ContUnary],
            Declared::Sink(ty) => Declared::of(ty).into_iter().collect(),
        }
    }

    fn proposal(self) -> Proposal {
        match self {
            Declared::Struct | Declared::Array | Declared::Bytes | Declared::Refs => Proposal::Gc,
            Declared::Empty | Declared::Thunk | Declared::Unary | Declared::Tail => Proposal::Mvp,
            Declared::ContUnary
            | Declared::ContThunk
            | Declared::ContTail
            | Declared::Switch
            | Declared::ContSwitch
            | Declared::Handler => Proposal::StackSwitching,
            Declared::Sink(ty) => ty.proposal(),
        }
    }
}

impl Callee {
    /// The function's type.
    pub(crate) fn declared(self) -> Declared {
        match self {
            Callee::Unary => Declared::Unary,
            Callee::Sink(ty) => Declared::Sink(ty),
        }
    }
}

impl Tag {
    /// The tag's type.
    pub(crate) fn declared(self) -> Declared {
        match self {
            Tag::Exception => Declared::Tail,
            Tag::Effect => Declared::Unary,
            Tag::Switch => Declared::Empty,
        }
    }
}

impl Entity {
    /// What must be declared as well.
    fn needs(self) -> Vec<Entity> {
        let of_type = |ty| Declared::of(ty).map(Entity::Declared).into_iter().collect();
        match self {
            Entity::Declared(declared) => {
                declared.needs().into_iter().map(Entity::Declared).collect()
            }
            Entity::Callee(callee) => vec![Entity::Declared(callee.declared())],
            Entity::CallTable => vec![Entity::CallElements],
            Entity::CallElements | Entity::Elements => vec![Entity::Callee(Callee::Unary)],
            Entity::Referable(callee) => vec![Entity::Callee(callee)],
            Entity::Tag(tag) => vec![Entity::Declared(tag.declared())],
            Entity::Table(ty)
            | Entity::Global(ty)
            | Entity::Params(ty)
            | Entity::Scratch(_, ty) => of_type(ty),
            Entity::Memory | Entity::Data | Entity::Base | Entity::MultiValue => Vec::new(),
        }
    }

    /// The proposals that the entity draws on, those of its needs included.
    pub(crate) fn proposals(&self) -> BTreeSet<Proposal> {
        let own = match *self {
            Entity::Declared(declared) => declared.proposal(),
            Entity::Callee(Callee::Sink(ty))
            | Entity::Referable(Callee::Sink(ty))
            | Entity::Global(ty)
            | Entity::Params(ty)
            | Entity::Scratch(_, ty)
            | Entity::Table(ty) => ty.proposal(),
            Entity::Elements | Entity::Data => Proposal::BulkMemory,
            Entity::Referable(Callee::Unary) => Proposal::ReferenceTypes,
            Entity::Tag(Tag::Exception) => Proposal::Exceptions,
            Entity::Tag(Tag::Effect | Tag::Switch) => Proposal::StackSwitching,
            Entity::MultiValue => Proposal::MultiValue,
            Entity::Callee(Callee::Unary)
            | Entity::CallTable
            | Entity::CallElements
            | Entity::Memory
            | Entity::Base => Proposal::Mvp,
        };
        let mut proposals = BTreeSet::from([own]);
        for need in self.needs() {
            proposals.extend(need.proposals());
        }
        proposals
    }
}

/// Adds everything that the entities need in turn.
pub(crate) fn close(entities: &mut BTreeSet<Entity>) {
    let mut open: Vec<Entity> = entities.iter().copied().collect();
    while let Some(entity) = open.pop() {
        open.extend(entity.needs().into_iter().filter(|need| entities.insert(*need)));
    }
}
