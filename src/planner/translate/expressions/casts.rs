//! Casts that are not function calls: relabellings, and casts by way of text through
//! the output function of one type and the input function of another.
//!
//! Types whose text depends on settings other than `extra_float_digits`, or on the
//! catalogs, stay in PostgreSQL.

use super::Translator;
use crate::nodes::{self, cast};
use crate::planner::report::reason::Reason;
use crate::planner::translate::columns::Columns;
use crate::planner::translate::typed::{Typed, call, convert};
use crate::planner::translate::types::{fusion_type, type_name};
use crate::version;
use fusion_plan::{CastFunction, DataType, Expr, Function, NumericFunction, TextFunction, Value};
use pgrx::pg_sys;

/// `arg` as a value of another PostgreSQL type, carried as `to`, that has the same bits.
pub(super) fn relabelled(arg: Typed, to: DataType) -> Result<Typed, Reason> {
    match (arg.ty, to) {
        (from, to) if from == to => Ok(arg),
        (DataType::Text, DataType::Bpchar)
        | (DataType::Int4, DataType::Oid)
        | (DataType::Oid, DataType::Int4) => Ok(convert(CastFunction::Relabel, arg, to)),
        (from, to) => Err(format!("a relabelling of {from} as {to}").into()),
    }
}

impl<C: Columns> Translator<'_, C> {
    pub(super) unsafe fn relabel(
        &mut self,
        relabel: &pg_sys::RelabelType,
    ) -> Result<Typed, Reason> {
        // SAFETY: the argument of a valid node.
        let arg = unsafe { self.translate(relabel.arg.cast())? };
        // SAFETY: in a backend's main thread.
        let (same, to) = unsafe {
            let from = pg_sys::getBaseType(pg_sys::exprType(relabel.arg.cast()));
            let same = from == pg_sys::getBaseType(relabel.resulttype);
            (same, fusion_type(relabel.resulttype, relabel.resulttypmod)?)
        };
        // Within one type only the modifier is dropped: the value, and with it the
        // scale of a numeric, stays.
        if same { Ok(arg) } else { relabelled(arg, to) }
    }

    pub(super) unsafe fn coerce_via_io(
        &mut self,
        coerce: &pg_sys::CoerceViaIO,
    ) -> Result<Typed, Reason> {
        // SAFETY: a valid node, in a backend's main thread.
        unsafe {
            let text = self.text_of(coerce.arg.cast())?;
            from_text(text, coerce.resulttype)
        }
    }

    /// What the output function of its type gives for `node`.
    ///
    /// # Safety
    ///
    /// As for [`Translator::translate`].
    pub(super) unsafe fn text_of(&mut self, node: *mut pg_sys::Node) -> Result<Typed, Reason> {
        // SAFETY: the caller's promise.
        unsafe {
            // The parser leaves a string literal as it is where any type will do.
            if let Some(constant) = cast::<pg_sys::Const, _>(node)
                && constant.consttype == pg_sys::UNKNOWNOID
            {
                return unknown_literal(constant);
            }
            text_type()?;
            let ty = pg_sys::getBaseType(pg_sys::exprType(node));
            let arg = self.translate(node)?;
            match (ty, arg.ty) {
                (_, DataType::Text) => Ok(arg),
                (_, DataType::Bpchar) => Ok(convert(CastFunction::Relabel, arg, DataType::Text)),
                (_, DataType::Int2 | DataType::Int4 | DataType::Int8 | DataType::Uuid)
                | (pg_sys::OIDOID, _) => Ok(convert(CastFunction::Format, arg, DataType::Text)),
                (_, DataType::Bool) => Ok(convert(CastFunction::BoolLetter, arg, DataType::Text)),
                (_, DataType::Float4 | DataType::Float8) => {
                    let digits = self.extra_float_digits()?;
                    let function = Function::Cast(CastFunction::FormatFloat);
                    Ok(call(function, vec![arg, digits], DataType::Text))
                }
                (_, DataType::Numeric | DataType::Decimal { .. }) => {
                    let function = Function::Numeric(NumericFunction::ToText);
                    Ok(call(function, vec![arg], DataType::Text))
                }
                _ => Err(format!("the text of a value of type {}", type_name(ty)).into()),
            }
        }
    }

    /// The setting of this name, as a value that PostgreSQL computes when the plan
    /// starts.
    unsafe fn extra_float_digits(&mut self) -> Result<Typed, Reason> {
        let function = pg_sys::Oid::from(pg_sys::F_CURRENT_SETTING_TEXT);
        // SAFETY: in a backend's main thread; the nodes are built in the planner's
        // memory context, as the query's own.
        unsafe {
            // PostgreSQL's float output asks for no privilege, but this call would.
            if version::check_execute(function) != pg_sys::AclResult::ACLCHECK_OK {
                return Err("the text of a float needs the function current_setting".into());
            }
            let name = c"extra_float_digits".as_ptr();
            let name = pg_sys::makeConst(
                pg_sys::TEXTOID,
                -1,
                pg_sys::DEFAULT_COLLATION_OID,
                -1,
                pg_sys::Datum::from(pg_sys::cstring_to_text(name)),
                false,
                false,
            );
            let setting = pg_sys::makeFuncExpr(
                function,
                pg_sys::TEXTOID,
                pg_sys::list_make1_impl(
                    pg_sys::NodeTag::T_List,
                    pg_sys::ListCell { ptr_value: name.cast() },
                ),
                pg_sys::Oid::INVALID,
                pg_sys::DEFAULT_COLLATION_OID,
                pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
            );
            let number = nodes::make::<pg_sys::CoerceViaIO>();
            (*number).arg = setting.cast();
            (*number).resulttype = pg_sys::INT4OID;
            (*number).coerceformat = pg_sys::CoercionForm::COERCE_EXPLICIT_CAST;
            (*number).location = -1;
            let index = self.params.index_of(number.cast(), DataType::Int4);
            Ok(Typed { expr: Expr::Param(index), ty: DataType::Int4 })
        }
    }
}

/// The type of text.
///
/// # Errors
///
/// If the engine does not know it, because the database is not in UTF-8.
pub(super) unsafe fn text_type() -> Result<DataType, Reason> {
    // SAFETY: in a backend's main thread.
    match unsafe { fusion_type(pg_sys::TEXTOID, -1)? } {
        DataType::Text => Ok(DataType::Text),
        _ => Err("text in a database that is not in UTF8".into()),
    }
}

/// A string literal of a call that takes values of any type.
unsafe fn unknown_literal(constant: &pg_sys::Const) -> Result<Typed, Reason> {
    // SAFETY: in a backend's main thread.
    let ty = unsafe { text_type()? };
    if constant.constisnull {
        return Ok(Typed { expr: Expr::null(ty), ty });
    }
    // SAFETY: a value of type unknown is a C string.
    let text = unsafe { std::ffi::CStr::from_ptr(constant.constvalue.cast_mut_ptr()) };
    Ok(Typed { expr: Expr::literal(ty, Value::Text(text.to_bytes().to_vec())), ty })
}

/// What the input function of type `result` makes of `text`, without a modifier.
unsafe fn from_text(text: Typed, result: pg_sys::Oid) -> Result<Typed, Reason> {
    let unsupported = || Err(format!("a value of type {} from text", type_name(result)).into());
    // SAFETY: in a backend's main thread.
    let (is_domain, ty) =
        unsafe { (pg_sys::getBaseType(result) != result, fusion_type(result, -1)?) };
    match (result, ty) {
        _ if is_domain => unsupported(),
        (pg_sys::NAMEOID, DataType::Text) => {
            Ok(call(Function::Text(TextFunction::TextToName), vec![text], ty))
        }
        (_, DataType::Text) => Ok(text),
        (_, DataType::Bpchar) => Ok(convert(CastFunction::Relabel, text, ty)),
        (
            _,
            DataType::Int2
            | DataType::Int4
            | DataType::Int8
            | DataType::Float4
            | DataType::Float8
            | DataType::Bool
            | DataType::Uuid,
        )
        | (pg_sys::OIDOID, _) => Ok(convert(CastFunction::Parse, text, ty)),
        (_, DataType::Numeric) => {
            Ok(call(Function::Numeric(NumericFunction::FromText), vec![text], ty))
        }
        _ => unsupported(),
    }
}
