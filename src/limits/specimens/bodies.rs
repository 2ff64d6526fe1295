//! Functions and constant expressions at their limits.

use super::*;
use wasm_encoder::{
    CodeSection, ConstExpr, ContType, FunctionSection, GlobalSection, Module, StorageType,
    TagSection, TypeSection, ValType,
};

pub(in crate::limits) fn function_params(count: u64) -> Vec<u8> {
    Module::new().section(&one_type(count, 0)).as_slice().to_vec()
}

pub(in crate::limits) fn function_results(count: u64) -> Vec<u8> {
    Module::new().section(&one_type(0, count)).as_slice().to_vec()
}

fn one_block(mut types: TypeSection) -> Vec<u8> {
    types.ty().function([], []);
    let type_of_the_block = 0;
    one_function(
        &types,
        &[NO_LOCALS, UNREACHABLE, BLOCK, type_of_the_block, UNREACHABLE, END, UNREACHABLE, END],
    )
}

pub(in crate::limits) fn block_params(count: u64) -> Vec<u8> {
    one_block(one_type(count, 0))
}

pub(in crate::limits) fn block_results(count: u64) -> Vec<u8> {
    one_block(one_type(0, count))
}

pub(in crate::limits) fn function_body_bytes(count: u64) -> Vec<u8> {
    let mut body = vec![NOP; int(count)];
    body[0] = NO_LOCALS;
    body[int(count) - 1] = END;
    one_function(&one_type(0, 0), &body)
}

/// As many parameters as a function can have, and the rest as declared locals.
pub(in crate::limits) fn function_locals(count: u64) -> Vec<u8> {
    let params = count.min(PARAMS_MAX);
    let one_declaration = 1;
    let mut body = vec![one_declaration];
    body.extend(leb(count - params));
    wasm_encoder::Encode::encode(&ValType::F64, &mut body);
    body.push(END);
    one_function(&one_type(params, 0), &body)
}

pub(in crate::limits) fn array_operands(count: u64) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().array(&StorageType::I8, true);
    types.ty().function([], []);
    let type_of_the_array = 0;
    let mut body = vec![NO_LOCALS, UNREACHABLE];
    body.extend(ARRAY_NEW_FIXED);
    body.push(type_of_the_array);
    body.extend(leb(count));
    body.extend([DROP, END]);
    one_function(&types, &body)
}

pub(in crate::limits) fn br_table_entries(count: u64) -> Vec<u8> {
    let mut body = vec![NO_LOCALS, I32_CONST, 0, BR_TABLE];
    body.extend(leb(count));
    let and_the_default = 1;
    body.extend(vec![0; int(count + and_the_default)]);
    body.push(END);
    one_function(&one_type(0, 0), &body)
}

pub(in crate::limits) fn catches(count: u64) -> Vec<u8> {
    let mut body = vec![NO_LOCALS, TRY_TABLE, EMPTY_BLOCK];
    body.extend(leb(count));
    for _ in 0..count {
        body.extend([CATCH_ALL, 0]);
    }
    body.extend([END, END]);
    one_function(&one_type(0, 0), &body)
}

pub(in crate::limits) fn handlers(count: u64) -> Vec<u8> {
    let mut types = one_type(0, 0);
    types.ty().cont(&ContType(0));
    let type_of_the_continuation = 1;
    let mut body = vec![NO_LOCALS, UNREACHABLE, RESUME, type_of_the_continuation];
    body.extend(leb(count));
    for _ in 0..count {
        body.extend([ON_SWITCH, 0]);
    }
    body.push(END);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut tags = TagSection::new();
    tags.tag(TAG);
    let mut code = CodeSection::new();
    code.raw(&body);
    Module::new()
        .section(&types)
        .section(&functions)
        .section(&tags)
        .section(&code)
        .as_slice()
        .to_vec()
}

pub(in crate::limits) fn nesting_depth(count: u64) -> Vec<u8> {
    let mut body = vec![NO_LOCALS];
    body.extend([BLOCK, EMPTY_BLOCK].repeat(int(count)));
    body.extend([END].repeat(int(count)));
    body.push(END);
    one_function(&one_type(0, 0), &body)
}

pub(in crate::limits) fn operand_stack(count: u64) -> Vec<u8> {
    let mut body = vec![NO_LOCALS];
    body.extend([I32_CONST, 0].repeat(int(count)));
    body.extend([UNREACHABLE, END]);
    one_function(&one_type(0, 0), &body)
}

/// A chain of additions: the count of operators must be odd.
pub(in crate::limits) fn const_expr_ops(count: u64) -> Vec<u8> {
    assert_eq!(count % 2, 1, "a chain of additions has an odd number of operators");
    let mut expr = vec![I32_CONST, 0];
    expr.extend([I32_CONST, 1, I32_ADD].repeat(int(count / 2)));
    let mut globals = GlobalSection::new();
    globals.global(GLOBAL, &ConstExpr::raw(expr));
    Module::new().section(&globals).as_slice().to_vec()
}
