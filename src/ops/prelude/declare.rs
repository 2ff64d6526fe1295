//! The declarations of a prelude as sections of a module.

use wasm_encoder::{
    CompositeInnerType, CompositeType, ConstExpr, ContType, DataCountSection, DataSection,
    ElementSection, Elements, EntityType, FieldType, GlobalSection, GlobalType, HeapType,
    ImportSection, MemorySection, MemoryType, RefType, StorageType, StructType, SubType,
    TableSection, TableType, TagKind, TagSection, TagType, TypeSection, ValType,
};

use crate::ops::entity::Entity;
use crate::ops::numbers::PAGE_BYTES;
use crate::ops::prelude::{IMPORT_MODULE, Prelude, TABLE_ELEMENTS};
use crate::ops::table::{Callee, Declared, Type};

/// Content of the passive data segment.
const DATA: [u8; 64] = *b"brink brink brink brink brink brink brink brink brink brink brin";

/// The sections of a prelude, open for more entries at their ends.
///
/// Leave out those that stay empty: even an empty tag section asks for the exceptions proposal.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    /// Types.
    pub types: TypeSection,
    /// Imported functions.
    pub imports: ImportSection,
    /// Tables.
    pub tables: TableSection,
    /// The memory.
    pub memories: MemorySection,
    /// Tags.
    pub tags: TagSection,
    /// Globals, all mutable and zero or null at first.
    pub globals: GlobalSection,
    /// Element segments. They refer to imported functions only.
    pub elements: ElementSection,
    /// The number of data segments; a module that has any must state it before its code.
    pub data_count: Option<DataCountSection>,
    /// Data segments.
    pub data: DataSection,
}

impl Prelude {
    /// The sections that declare all this.
    pub fn sections(&self) -> Sections {
        let mut sections = Sections::default();
        for entity in self.indices.keys() {
            self.declare(*entity, &mut sections);
        }
        sections
    }

    fn declare(&self, entity: Entity, sections: &mut Sections) {
        match entity {
            Entity::Declared(declared) => self.declare_type(declared, &mut sections.types),
            Entity::Callee(callee) => {
                let name = match callee {
                    Callee::Unary => "unary".to_owned(),
                    Callee::Sink(ty) => format!("sink.{ty}"),
                };
                let ty = EntityType::Function(self.of(Entity::Declared(callee.declared())));
                sections.imports.import(IMPORT_MODULE, &name, ty);
            }
            Entity::CallTable => {
                sections.tables.table(table_type(RefType::FUNCREF));
            }
            Entity::Table(ty) => {
                sections.tables.table(table_type(self.ref_type(ty)));
            }
            Entity::Memory => {
                sections.memories.memory(MemoryType {
                    minimum: if self.small_pages { PAGE_BYTES } else { 1 },
                    maximum: None,
                    memory64: self.memory64,
                    shared: false,
                    page_size_log2: self.small_pages.then_some(0),
                });
            }
            Entity::Tag(tag) => {
                let func_type_idx = self.of(Entity::Declared(tag.declared()));
                sections.tags.tag(TagType { kind: TagKind::Exception, func_type_idx });
            }
            Entity::Global(ty) => {
                let val_type = self.val_type(ty);
                let ty = GlobalType { val_type, mutable: true, shared: false };
                sections.globals.global(ty, &zero(val_type));
            }
            Entity::CallElements => {
                let functions = [self.of(Entity::Callee(Callee::Unary))];
                let table = self.of(Entity::CallTable);
                let functions = Elements::Functions((&functions[..]).into());
                sections.elements.active(Some(table), &ConstExpr::i32_const(0), functions);
            }
            Entity::Elements => {
                let functions = [self.of(Entity::Callee(Callee::Unary))];
                sections.elements.passive(Elements::Functions((&functions[..]).into()));
            }
            Entity::Referable(callee) => {
                let functions = [self.of(Entity::Callee(callee))];
                sections.elements.declared(Elements::Functions((&functions[..]).into()));
            }
            Entity::Data => {
                sections.data.passive(DATA);
                sections.data_count = Some(DataCountSection { count: 1 });
            }
            Entity::Base | Entity::Params(_) | Entity::Scratch(..) | Entity::MultiValue => {}
        }
    }

    fn declare_type(&self, declared: Declared, types: &mut TypeSection) {
        let index = |declared| self.of(Entity::Declared(declared));
        let i32 = ValType::I32;
        match declared {
            Declared::Struct => types.ty().subtype(&open_struct()),
            Declared::Array => types.ty().array(&StorageType::Val(i32), true),
            Declared::Bytes => types.ty().array(&StorageType::I8, true),
            Declared::Refs => types.ty().array(&StorageType::Val(ValType::FUNCREF), true),
            Declared::Empty => types.ty().function([], []),
            Declared::Thunk => types.ty().function([], [i32]),
            Declared::Unary => types.ty().function([i32], [i32]),
            Declared::Tail => types.ty().function([i32], []),
            Declared::ContUnary => types.ty().cont(&ContType(index(Declared::Unary))),
            Declared::ContThunk => types.ty().cont(&ContType(index(Declared::Thunk))),
            Declared::ContTail => types.ty().cont(&ContType(index(Declared::Tail))),
            Declared::Switch => {
                let cont = RefType {
                    nullable: true,
                    heap_type: HeapType::Concrete(index(Declared::ContTail)),
                };
                types.ty().function([i32, ValType::Ref(cont)], []);
            }
            Declared::ContSwitch => types.ty().cont(&ContType(index(Declared::Switch))),
            Declared::Handler => types.ty().function([], [i32, self.val_type(Type::Cont)]),
            Declared::Sink(ty) => types.ty().function([self.val_type(ty)], []),
        }
    }
}

fn table_type(element_type: RefType) -> TableType {
    TableType {
        element_type,
        table64: false,
        minimum: u64::from(TABLE_ELEMENTS),
        maximum: None,
        shared: false,
    }
}

fn open_struct() -> SubType {
    let field = |element_type| FieldType { element_type, mutable: true };
    let any = ValType::Ref(RefType::ANYREF);
    let fields = [StorageType::Val(ValType::I64), StorageType::I8, StorageType::Val(any)];
    let inner = CompositeInnerType::Struct(StructType { fields: fields.map(field).into() });
    let composite_type = CompositeType { inner, shared: false, descriptor: None, describes: None };
    SubType { is_final: false, supertype_idx: None, composite_type }
}

fn zero(ty: ValType) -> ConstExpr {
    match ty {
        ValType::I32 => ConstExpr::i32_const(0),
        ValType::I64 => ConstExpr::i64_const(0),
        ValType::F32 => ConstExpr::f32_const(0f32.into()),
        ValType::F64 => ConstExpr::f64_const(0f64.into()),
        ValType::V128 => ConstExpr::v128_const(0),
        ValType::Ref(ty) => ConstExpr::ref_null(ty.heap_type),
    }
}
