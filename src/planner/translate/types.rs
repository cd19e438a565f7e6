//! Which PostgreSQL types the engine can hold, and how.

use crate::encoding;
use crate::planner::report::reason::Reason;
use fusion_plan::{DataType, MAX_DECIMAL256_PRECISION};
use pgrx::pg_sys;

/// The fusion type of a column or expression of PostgreSQL type `typid` with
/// type modifier `typmod`, or why there is none. A domain is what it is over;
/// a type that the engine does not compute with is opaque.
///
/// # Safety
///
/// Must run in a backend's main thread.
pub unsafe fn fusion_type(typid: pg_sys::Oid, typmod: i32) -> Result<DataType, Reason> {
    let mut typmod = typmod;
    // SAFETY: the caller's promise.
    let base = unsafe { pg_sys::getBaseTypeAndTypmod(typid, &mut typmod) };
    Ok(match base {
        pg_sys::BOOLOID => DataType::Bool,
        pg_sys::INT2OID => DataType::Int2,
        pg_sys::INT4OID => DataType::Int4,
        pg_sys::INT8OID => DataType::Int8,
        pg_sys::FLOAT4OID => DataType::Float4,
        pg_sys::FLOAT8OID => DataType::Float8,
        pg_sys::DATEOID => DataType::Date,
        pg_sys::TIMEOID => DataType::Time,
        pg_sys::TIMESTAMPOID => DataType::Timestamp,
        pg_sys::TIMESTAMPTZOID => DataType::TimestampTz,
        pg_sys::INTERVALOID => DataType::Interval,
        pg_sys::NUMERICOID => numeric_type(typmod),
        pg_sys::BYTEAOID => DataType::Bytea,
        pg_sys::UUIDOID => DataType::Uuid,
        pg_sys::OIDOID
        | pg_sys::REGPROCOID
        | pg_sys::REGPROCEDUREOID
        | pg_sys::REGOPEROID
        | pg_sys::REGOPERATOROID
        | pg_sys::REGCLASSOID
        | pg_sys::REGCOLLATIONOID
        | pg_sys::REGTYPEOID
        | pg_sys::REGROLEOID
        | pg_sys::REGNAMESPACEOID
        | pg_sys::REGCONFIGOID
        | pg_sys::REGDICTIONARYOID => DataType::Oid,
        pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::BPCHAROID | pg_sys::NAMEOID => {
            // SAFETY: the caller's promise.
            match unsafe { pg_sys::GetDatabaseEncoding() } == pg_sys::pg_enc::PG_UTF8 as i32 {
                true if base == pg_sys::BPCHAROID => DataType::Bpchar,
                true => DataType::Text,
                false => DataType::Opaque,
            }
        }
        // SAFETY: the caller's promise.
        other => unsafe { other_type(other)? },
    })
}

/// An enum, or any other type: opaque.
unsafe fn other_type(typid: pg_sys::Oid) -> Result<DataType, Reason> {
    // SAFETY: in a backend's main thread.
    unsafe {
        if pg_sys::get_typtype(typid) as u8 == pg_sys::TYPTYPE_ENUM {
            return Ok(DataType::Enum);
        }
        // A C string is no value that can be stored.
        match pg_sys::get_typlen(typid) {
            -1 | 1.. => Ok(DataType::Opaque),
            _ => Err(format!("type {} cannot be carried", type_name(typid)).into()),
        }
    }
}

/// `numeric` by its type modifier: of fixed scale if precision and scale are
/// declared and fit, else of variable scale.
///
/// A value of a declared `numeric(p, s)` always has display scale `s`, because
/// `apply_typmod` in numeric.c rounds every value to it on entry. A negative scale keeps no
/// digits after the point; a scale above the precision means leading zeros.
pub fn numeric_type(typmod: i32) -> DataType {
    const HEADER: i32 = pg_sys::VARHDRSZ as i32;
    if typmod < HEADER {
        return DataType::Numeric;
    }
    let packed = typmod - HEADER;
    let precision = (packed >> 16) & 0xffff;
    // Eleven bits, signed, since PostgreSQL 15.
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    let digits = if scale < 0 { precision - scale } else { precision.max(scale) };
    match (u8::try_from(digits), u8::try_from(scale.max(0))) {
        (Ok(precision), Ok(scale)) if precision <= MAX_DECIMAL256_PRECISION => {
            DataType::Decimal { precision, scale }
        }
        _ => DataType::Numeric,
    }
}

/// The type's SQL name, for reasons.
pub fn type_name(typid: pg_sys::Oid) -> String {
    // SAFETY: in a backend's main thread; returns a palloc'd string.
    unsafe {
        let name = pg_sys::format_type_be(typid);
        encoding::string(name)
    }
}
