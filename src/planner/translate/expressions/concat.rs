//! `concat` and `concat_ws`, which take values of any type, skip NULLs, and are not
//! strict. PostgreSQL calls them stable because output functions may depend on
//! settings; those of the types admitted here do not, or the setting is known.

use super::Translator;
use crate::nodes::iter;
use crate::planner::report::reason::Reason;
use crate::planner::translate::columns::Columns;
use crate::planner::translate::typed::{Typed, call};
use fusion_plan::{CastFunction, DataType, Expr, Function, Literal, TextFunction, Value};
use pgrx::pg_sys;

impl<C: Columns> Translator<'_, C> {
    /// `concat(args)`: the empty string in place of each NULL.
    pub(super) unsafe fn concat(&mut self, args: *const pg_sys::List) -> Result<Typed, Reason> {
        // SAFETY: the arguments of a valid node.
        let parts = unsafe { iter(args).map(|arg| self.output_of(arg).map(or_empty)) };
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
        let separator = unsafe { self.output_of(separator)? };
        let parts = args.map(|arg| {
            // SAFETY: as above.
            let part = unsafe { self.output_of(arg)? };
            let both = vec![separator.clone(), part];
            Ok(or_empty(call(Function::Text(TextFunction::Concat), both, DataType::Text)))
        });
        let all = appended(parts.collect::<Result<_, Reason>>()?);
        let length = Function::Text(TextFunction::OctetLength);
        let length = call(length, vec![separator], DataType::Int4);
        Ok(call(Function::Text(TextFunction::SkipBytes), vec![all, length], DataType::Text))
    }

    /// What the output function of its type gives for `node`, as a C string: text ends at
    /// its first zero byte.
    unsafe fn output_of(&mut self, node: *mut pg_sys::Node) -> Result<Typed, Reason> {
        // SAFETY: an argument of a valid node.
        let text = unsafe { self.text_of(node)? };
        let has_no_zero = match &text.expr {
            Expr::Literal(Literal { value: Some(Value::Text(text)), .. }) => !text.contains(&0),
            Expr::Call { function: Function::Cast(function), .. } => {
                *function != CastFunction::Relabel
            }
            Expr::Call { function: Function::Numeric(_), .. } => true,
            _ => false,
        };
        Ok(match has_no_zero {
            true => text,
            false => call(Function::Text(TextFunction::Output), vec![text], DataType::Text),
        })
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
    Expr::literal(DataType::Text, Value::Text(Vec::new()))
}

fn appended(parts: Vec<Typed>) -> Typed {
    call(Function::Text(TextFunction::Append), parts, DataType::Text)
}
