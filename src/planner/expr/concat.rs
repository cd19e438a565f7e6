//! `concat` and `concat_ws`, which take values of any type, skip NULLs, and are not
//! strict. PostgreSQL calls them stable because output functions may depend on
//! settings; those of the types admitted here do not, or the setting is known.

use super::{Columns, Translator, Typed, call};
use crate::nodes::iter;
use crate::planner::Reason;
use fusion_plan::{DataType, Expr, Function, Literal, TextFunction, Value};
use pgrx::pg_sys;

impl<C: Columns> Translator<'_, C> {
    /// `concat(args)`: the empty string in place of each NULL.
    pub(super) unsafe fn concat(&mut self, args: *const pg_sys::List) -> Result<Typed, Reason> {
        // SAFETY: the arguments of a valid node.
        let parts = unsafe { iter(args).map(|arg| self.text_of(arg).map(or_empty)) };
        Ok(appended(parts.collect::<Result<_, _>>()?))
    }

    /// `concat_ws(separator, args)`: NULL if the separator is NULL. Each argument
    /// that is not NULL comes with the separator before it, and what is before the
    /// first one is cut off.
    pub(super) unsafe fn concat_ws(&mut self, args: *const pg_sys::List) -> Result<Typed, Reason> {
        // SAFETY: the arguments of a valid node.
        let mut args = unsafe { iter(args) };
        let Some(separator) = args.next() else {
            return Err("concat_ws without a separator".into());
        };
        // SAFETY: as above.
        let separator = unsafe { self.text_of(separator)? };
        let parts = args.map(|arg| {
            // SAFETY: as above.
            let part = unsafe { self.text_of(arg)? };
            let both = vec![separator.clone(), part];
            Ok(or_empty(call(Function::Text(TextFunction::Concat), both, DataType::Text)))
        });
        let all = appended(parts.collect::<Result<_, Reason>>()?);
        let length = call(Function::Text(TextFunction::Length), vec![separator], DataType::Int4);
        let one = Typed { expr: Expr::literal(DataType::Int4, Value::Int(1)), ty: DataType::Int4 };
        let start = call(Function::Add, vec![length, one], DataType::Int4);
        Ok(call(Function::Text(TextFunction::Substring), vec![all, start], DataType::Text))
    }
}

/// The empty string in place of NULL.
fn or_empty(text: Typed) -> Typed {
    if matches!(text.expr, Expr::Literal(Literal { value: Some(_), .. })) {
        return text;
    }
    let expr = Expr::Coalesce(vec![text.expr, empty()]);
    Typed { expr, ty: DataType::Text }
}

fn empty() -> Expr {
    Expr::literal(DataType::Text, Value::Text(String::new()))
}

fn appended(parts: Vec<Typed>) -> Typed {
    call(Function::Text(TextFunction::Append), parts, DataType::Text)
}
