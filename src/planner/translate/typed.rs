//! Translated expressions with their types, and calls on them.

use fusion_plan::{CastFunction, DataType, Expr, Function};

/// A translated expression and its type.
#[derive(Clone, Debug)]
pub struct Typed {
    /// The expression.
    pub expr: Expr,
    /// Its type.
    pub ty: DataType,
}

/// `arg` as the decimal type `ty`, which holds all its values; other types stay
/// as they are.
pub fn as_decimal(arg: Typed, ty: DataType) -> Expr {
    match (arg.ty == ty, ty) {
        (false, DataType::Decimal { .. }) => Expr::call(Function::WidenDecimal, vec![arg.expr], ty),
        _ => arg.expr,
    }
}

/// A call of `function` on translated arguments.
pub fn call(function: Function, args: Vec<Typed>, ty: DataType) -> Typed {
    let args = args.into_iter().map(|arg| arg.expr).collect();
    Typed { expr: Expr::call(function, args, ty), ty }
}

/// A conversion of `arg` to `ty`.
pub fn convert(function: CastFunction, arg: Typed, ty: DataType) -> Typed {
    call(Function::Cast(function), vec![arg], ty)
}
