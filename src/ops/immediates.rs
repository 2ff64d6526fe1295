//! Opcodes, immediates and framing code.

use wasm_encoder::Encode;

use crate::ops::encoder::{CALL, Encoder};
use crate::ops::entity::{Entity, Resolve};
use crate::ops::kinds::Type;
use crate::ops::parts::{Declared, Immediate, Piece};
use crate::ops::table::{Access, Opcode};
use crate::ops::types;

const BR_IF_0: [u8; 2] = [0x0d, 0];
const BLOCK: u8 = 0x02;
const EMPTY_BLOCK: u8 = 0x40;
const I32_EQZ: u8 = 0x45;

impl<R: Resolve> Encoder<'_, R> {
    pub(super) fn opcode(&mut self, opcode: Opcode) {
        match opcode {
            Opcode::Byte(byte) => self.out.push(byte),
            Opcode::Prefixed(prefix, code) => {
                self.out.push(prefix);
                code.encode(self.out);
            }
        }
    }

    fn val_type(&mut self, ty: Type) {
        let resolve = &mut self.resolve;
        let index = |declared| resolve.index(Entity::Declared(declared));
        types::val_type(ty, self.memory64, index).encode(self.out);
    }

    fn block_type(&mut self, declared: Declared) {
        self.resolve.index(Entity::MultiValue);
        i64::from(self.resolve.index(Entity::Declared(declared))).encode(self.out);
    }

    pub(super) fn immediate(&mut self, immediate: Immediate, access: Option<Access>) {
        match immediate {
            Immediate::MemArg => self.memarg(access.map_or(1, |access| access.bytes)),
            Immediate::Memory => self.index(Entity::Memory),
            Immediate::Lane(lanes) => self.out.push(self.numbers.lane(lanes)),
            Immediate::Shuffle => {
                let bytes =
                    [self.numbers.spread().to_be_bytes(), self.numbers.spread().to_be_bytes()];
                self.out.extend(bytes.iter().flatten().map(|byte| byte % 32));
            }
            Immediate::Value(ty) => self.value(ty),
            Immediate::Local(ty) => self.param(ty, 0),
            Immediate::Global(ty) => self.index(Entity::Global(ty)),
            Immediate::Table(ty) => self.index(Entity::Table(ty)),
            Immediate::CallTable => self.index(Entity::CallTable),
            Immediate::Callee(callee) => self.index(Entity::Callee(callee)),
            Immediate::Type(declared) => self.index(Entity::Declared(declared)),
            Immediate::Tag(tag) => self.index(Entity::Tag(tag)),
            Immediate::Data => self.index(Entity::Data),
            Immediate::Elements => self.index(Entity::Elements),
            Immediate::Referable(callee) => {
                self.resolve.index(Entity::Referable(callee));
                self.index(Entity::Callee(callee));
            }
            Immediate::Number(number) => number.encode(self.out),
            Immediate::Labels(labels) => {
                // The count leaves out the default.
                (labels.len() - 1).encode(self.out);
                for label in labels {
                    label.encode(self.out);
                }
            }
            Immediate::Heap(ty) => self.heap_type(ty),
            Immediate::Cast(label, from, to) => {
                // Bit 0: the source type is nullable. Bit 1: the target type is.
                self.out.push(0b01);
                label.encode(self.out);
                self.heap_type(from);
                self.heap_type(to);
            }
            Immediate::BlockResult(ty) => self.val_type(ty),
            Immediate::BlockType(declared) => self.block_type(declared),
            Immediate::SelectType(ty) => {
                self.out.push(1);
                self.val_type(ty);
            }
            // One clause, of kind 0 (`catch` and `on`), for label 0.
            Immediate::Catch(tag) | Immediate::Handle(tag) => {
                self.out.extend([1, 0]);
                self.index(Entity::Tag(tag));
                self.out.push(0);
            }
        }
    }

    pub(super) fn piece(&mut self, piece: Piece) {
        match piece {
            Piece::Block => self.out.extend([BLOCK, EMPTY_BLOCK]),
            Piece::BlockResult(ty) => {
                self.out.push(BLOCK);
                self.val_type(ty);
            }
            Piece::BlockType(declared) => {
                self.out.push(BLOCK);
                self.block_type(declared);
            }
            Piece::Guard => {
                self.load(Type::I32);
                self.out.push(I32_EQZ);
                self.out.extend(BR_IF_0);
            }
            Piece::Repeat => {
                self.load(Type::I32);
                self.out.extend(BR_IF_0);
            }
            Piece::Const(ty) => self.constant(ty),
            Piece::Call(callee) => self.indexed(CALL, Entity::Callee(callee)),
            Piece::Raw(bytes) => self.out.extend(bytes),
        }
    }
}
