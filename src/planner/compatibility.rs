//! What the engine computes, for users: asked of the tables and of the translator
//! itself, so that the answer is what a query would get.
//!
//! Each function here answers with the conditions in words ([`ALWAYS`] for none),
//! or `None` for what is left to PostgreSQL. Whether a call can be translated is
//! found out by translating one: of variables of the declared argument types, under
//! the collation C. A function that is written in SQL is what PostgreSQL's planner
//! puts in its place.

use super::report::reason::Object;
use super::report::reason::Reason;
use super::translate::aggregates::aggregate as translate_aggregate;
use super::translate::collation::{Need, is_text};
use super::translate::columns::AnyVar;
use super::translate::expressions::{Translator, kinds};
use super::translate::functions::{self, Rule};
use super::translate::params::Params;
use super::translate::typed::Typed;
use super::translate::types::fusion_type;
use crate::nodes::{cast, list_of, make};
use fusion_plan::{AggregateFunction, DataType, Expr, Function};
use pgrx::pg_sys;
use std::ptr;

/// Computed whatever the arguments are.
pub const ALWAYS: &str = "always";

/// The OIDs of the admitted functions.
pub fn functions() -> impl Iterator<Item = pg_sys::Oid> {
    functions::all().map(|(oid, _)| oid.into())
}

/// The OIDs of the admitted aggregates.
pub fn aggregates() -> impl Iterator<Item = pg_sys::Oid> {
    functions::all_aggregates().map(|(oid, _)| oid.into())
}

/// The expressions beside functions and operators, in SQL.
pub fn expressions() -> impl Iterator<Item = &'static str> {
    kinds::SQL.iter().copied().filter(|sql| !sql.is_empty())
}

/// Function `oid`, called by its name or by an operator.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn function(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(rule) = functions::rule(oid) else {
            return inlined(oid);
        };
        let signature = Signature::of(oid);
        Some(match rule {
            Rule::Concat | Rule::ConcatWithSeparator => {
                "if all arguments can be cast to text here".to_owned()
            }
            // No variable is of such a type.
            _ if signature.is_polymorphic() => ALWAYS.to_owned(),
            _ => {
                let call = signature.call(oid, Arguments::Variables);
                conditions(called_on_text(rule, &signature), translate(call).map(drop))
            }
        })
    }
}

/// A function that PostgreSQL replaces by its definition.
unsafe fn inlined(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: in a backend's main thread; PostgreSQL simplifies expressions without
    // a planner call, too.
    unsafe {
        let signature = Signature::of(oid);
        if signature.is_polymorphic() {
            return None;
        }
        let definition = |arguments| {
            let call = signature.call(oid, arguments);
            let definition = pg_sys::eval_const_expressions(ptr::null_mut(), call);
            let same =
                cast::<pg_sys::FuncExpr, _>(definition).is_some_and(|call| call.funcid == oid);
            (!same).then_some(definition)
        };
        match translate(definition(Arguments::Variables)?) {
            Ok(translated) if signature.has_text() => {
                Some(conditions(strictest_need(&translated.expr), Ok(())))
            }
            Ok(_) => Some(ALWAYS.to_owned()),
            Err(reason) => {
                let with_constants = [Arguments::ConstantField, Arguments::ConstantNumbers];
                let possible = with_constants.into_iter().any(|arguments| {
                    definition(arguments).is_some_and(|node| translate(node).is_ok())
                });
                possible.then(|| conditions(Need::Nothing, Err(reason)))
            }
        }
    }
}

/// What the calls in an expression over text ask of their collation.
fn strictest_need(expr: &Expr) -> Need {
    let own = match expr {
        Expr::Call { function, .. } => Need::of(*function),
        _ => Need::Nothing,
    };
    expr.children().into_iter().map(strictest_need).fold(own, Need::max)
}

/// A cast by function `oid`, whose further arguments are constants.
///
/// # Safety
///
/// As for [`function`].
pub unsafe fn cast_by_function(oid: pg_sys::Oid) -> Option<String> {
    let rule = functions::rule(oid)?;
    // SAFETY: the caller's promise.
    unsafe {
        let signature = Signature::of(oid);
        let call = signature.call(oid, Arguments::OfCast);
        Some(conditions(called_on_text(rule, &signature), translate(call).map(drop)))
    }
}

/// A cast between types of the same form.
///
/// # Safety
///
/// As for [`function`].
pub unsafe fn cast_by_relabelling(from: pg_sys::Oid, to: pg_sys::Oid) -> Option<String> {
    // SAFETY: the caller's promise.
    unsafe {
        let relabel = make::<pg_sys::RelabelType>();
        (*relabel).arg = variable(1, from).cast();
        (*relabel).resulttype = to;
        (*relabel).resulttypmod = -1;
        translate(relabel.cast()).ok()?;
        Some(ALWAYS.to_owned())
    }
}

/// A cast through the text form of a value.
///
/// # Safety
///
/// As for [`function`].
pub unsafe fn cast_through_text(from: pg_sys::Oid, to: pg_sys::Oid) -> Option<String> {
    // SAFETY: the caller's promise.
    unsafe {
        let coerce = make::<pg_sys::CoerceViaIO>();
        (*coerce).arg = variable(1, from).cast();
        (*coerce).resulttype = to;
        translate(coerce.cast()).ok()?;
        Some(ALWAYS.to_owned())
    }
}

/// Aggregate `oid`.
///
/// # Safety
///
/// As for [`function`].
pub unsafe fn aggregate(oid: pg_sys::Oid) -> Option<String> {
    let function = functions::aggregate(oid)?;
    // SAFETY: the caller's promise; a zeroed call is that of a plain aggregate.
    unsafe {
        let signature = Signature::of(oid);
        if signature.is_polymorphic() {
            return Some(ALWAYS.to_owned());
        }
        let call = make::<pg_sys::Aggref>();
        (*call).aggfnoid = oid;
        (*call).aggtype = signature.result;
        (*call).inputcollid = pg_sys::C_COLLATION_OID;
        let args = signature.variables().zip(1..).map(|(arg, number)| {
            pg_sys::makeTargetEntry(arg.cast(), number, ptr::null_mut(), false)
        });
        (*call).args = list_of(args);
        let need = match function {
            AggregateFunction::Min | AggregateFunction::Max if signature.has_text() => {
                Need::of(Function::Lt)
            }
            _ => Need::Nothing,
        };
        let mut params = Params::default();
        let mut translator = Translator::new(&AnyVar, &mut params);
        Some(conditions(need, translate_aggregate(&mut translator, &*call).map(drop)))
    }
}

/// How values of `typid` travel, if the engine knows them.
///
/// # Safety
///
/// As for [`function`].
pub unsafe fn carried(typid: pg_sys::Oid) -> Option<&'static str> {
    // SAFETY: the caller's promise.
    match unsafe { fusion_type(typid, -1) }.ok()? {
        DataType::Opaque => None,
        ty => Some(form(ty)),
    }
}

/// The form in which values of a type travel.
pub fn form(ty: DataType) -> &'static str {
    match ty {
        DataType::Bool => "a bit",
        DataType::Int2 => "an integer of 16 bits",
        DataType::Int4 => "an integer of 32 bits",
        DataType::Int8 => "an integer of 64 bits",
        DataType::Float4 => "a float of 32 bits, with one NaN",
        DataType::Float8 => "a float of 64 bits, with one NaN",
        DataType::Oid => "an unsigned integer of 32 bits",
        DataType::Date => "days since 2000-01-01",
        DataType::Time => "microseconds since midnight",
        DataType::Timestamp => "microseconds since 2000-01-01",
        DataType::TimestampTz => "microseconds since 2000-01-01 in UTC",
        DataType::Interval => "months, days and microseconds",
        DataType::Decimal { .. } | DataType::Numeric => {
            "an integer of 128 or 256 bits if precision and scale are declared, up to 76 digits; \
             else PostgreSQL's digits"
        }
        DataType::Text => "UTF-8",
        DataType::Bpchar => "UTF-8, with the blanks at its end",
        DataType::Bytea => "bytes",
        DataType::Uuid => "16 bytes",
        DataType::Enum => "the value's place in the order of the type, and its OID",
        DataType::Opaque => {
            "PostgreSQL's bytes, which the engine passes on, counts, and tests for NULL"
        }
    }
}

/// The types of a function's arguments and result.
struct Signature {
    args: Vec<pg_sys::Oid>,
    result: pg_sys::Oid,
}

impl Signature {
    unsafe fn of(function: pg_sys::Oid) -> Self {
        let (mut args, mut count) = (ptr::null_mut(), 0);
        // SAFETY: in a backend's main thread; the function exists, and PostgreSQL
        // fills as many types as it counts.
        unsafe {
            let result = pg_sys::get_func_signature(function, &mut args, &mut count);
            let args = (0..count.max(0) as usize).map(|index| *args.add(index)).collect();
            Self { args, result }
        }
    }

    unsafe fn is_polymorphic(&self) -> bool {
        // SAFETY: in a backend's main thread.
        self.args
            .iter()
            .any(|ty| unsafe { pg_sys::get_typtype(*ty) as u8 == pg_sys::TYPTYPE_PSEUDO })
    }

    unsafe fn has_text(&self) -> bool {
        // SAFETY: in a backend's main thread.
        self.args.iter().any(|ty| unsafe { fusion_type(*ty, -1) }.is_ok_and(is_text))
    }

    /// A variable for each argument.
    unsafe fn variables(&self) -> impl Iterator<Item = *mut pg_sys::Node> {
        // SAFETY: in a backend's main thread.
        self.args.iter().zip(1..).map(|(ty, number)| unsafe { variable(number, *ty).cast() })
    }

    /// A call under the collation C.
    unsafe fn call(&self, function: pg_sys::Oid, arguments: Arguments) -> *mut pg_sys::Node {
        // SAFETY: in a backend's main thread; each constant is of its type.
        unsafe {
            let args = self.args.iter().zip(1..).map(|(ty, number)| match (arguments, *ty) {
                (Arguments::ConstantField, pg_sys::TEXTOID) if number == 1 => {
                    let text = pg_sys::cstring_to_text(c"year".as_ptr());
                    constant(pg_sys::TEXTOID, -1, pg_sys::Datum::from(text))
                }
                (Arguments::ConstantNumbers, pg_sys::INT4OID) if number > 1 => {
                    constant(pg_sys::INT4OID, 4, pg_sys::Datum::from(1))
                }
                (Arguments::OfCast, pg_sys::INT4OID) if number > 1 => {
                    constant(pg_sys::INT4OID, 4, pg_sys::Datum::from(A_TYPMOD))
                }
                (Arguments::OfCast, pg_sys::BOOLOID) if number > 1 => {
                    constant(pg_sys::BOOLOID, 1, pg_sys::Datum::from(false))
                }
                (_, ty) => variable(number, ty).cast(),
            });
            let args = list_of(args);
            pg_sys::makeFuncExpr(
                function,
                self.result,
                args,
                pg_sys::Oid::INVALID,
                pg_sys::C_COLLATION_OID,
                pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
            )
            .cast()
        }
    }
}

/// What a function is called on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arguments {
    /// Variables.
    Variables,
    /// A constant where the name of a field is likely, else variables.
    ConstantField,
    /// Constants where numbers beside the first argument are, else variables.
    ConstantNumbers,
    /// A variable, the type modifier, and whether the cast is explicit.
    OfCast,
}

/// A type modifier: of `numeric(10, 2)`, and a long length to other types.
const A_TYPMOD: i32 = (10 << 16 | 2) + pg_sys::VARHDRSZ as i32;

unsafe fn constant(ty: pg_sys::Oid, length: i32, value: pg_sys::Datum) -> *mut pg_sys::Node {
    // SAFETY: in a backend's main thread; the value is of the type, and of a type
    // that is passed by value if it has a length.
    unsafe {
        let collation = pg_sys::get_typcollation(ty);
        pg_sys::makeConst(ty, -1, collation, length, value, false, length > 0).cast()
    }
}

unsafe fn variable(number: i16, ty: pg_sys::Oid) -> *mut pg_sys::Var {
    // SAFETY: in a backend's main thread.
    unsafe { pg_sys::makeVar(1, number, ty, -1, pg_sys::get_typcollation(ty), 0) }
}

unsafe fn translate(node: *mut pg_sys::Node) -> Result<Typed, Reason> {
    let mut params = Params::default();
    // SAFETY: an expression as the planner has them; in a backend's main thread.
    unsafe { Translator::new(&AnyVar, &mut params).translate(node) }
}

/// What the function asks of its collation, if it takes text.
unsafe fn called_on_text(rule: Rule, signature: &Signature) -> Need {
    match rule {
        Rule::Compare(function) | Rule::Plain(function) | Rule::BpcharLike(function)
            // SAFETY: in a backend's main thread.
            if unsafe { signature.has_text() } =>
        {
            Need::of(function)
        }
        _ => Need::Nothing,
    }
}

fn conditions(need: Need, translated: Result<(), Reason>) -> String {
    match (translated, need) {
        (Err(reason), _) => format!("but for {reason}"),
        (Ok(()), Need::Nothing) => ALWAYS.to_owned(),
        (Ok(()), Need::Deterministic) => "with a deterministic collation".to_owned(),
        (Ok(()), Need::ByteOrder) => "with a collation that orders by byte, like C".to_owned(),
        (Ok(()), Need::AsciiCase) => "with the collations C and POSIX".to_owned(),
    }
}

/// The name of a function or aggregate, with the types of its arguments.
pub fn procedure_name(oid: pg_sys::Oid) -> String {
    Object::Function(oid).name()
}

/// The name of an operator, with the types of its operands.
pub fn operator_name(oid: pg_sys::Oid) -> String {
    Object::Operator(oid).name()
}
