//! Casts that are function calls.

use super::Rule;
use fusion_plan::CastFunction;
use fusion_plan::Function::Cast;
use pgrx::pg_sys::*;

/// `oid(int8)`; several functions of that name make the bindings use another type.
const F_OID_INT8: u32 = 1287;
/// `int8(oid)`.
const F_INT8_FROM_OID: u32 = 1288;

/// The functions, by OID.
pub const TABLE: &[(u32, Rule)] = &[
    (F_INT2_INT4, Rule::Plain(Cast(CastFunction::NarrowInteger))),
    (F_INT2_INT8, Rule::Plain(Cast(CastFunction::NarrowInteger))),
    (F_INT4_INT8, Rule::Plain(Cast(CastFunction::NarrowInteger))),
    (F_FLOAT4_FLOAT8, Rule::Plain(Cast(CastFunction::NarrowFloat))),
    (F_INT2_FLOAT4, Rule::Plain(Cast(CastFunction::RoundToInteger))),
    (F_INT2_FLOAT8, Rule::Plain(Cast(CastFunction::RoundToInteger))),
    (F_INT4_FLOAT4, Rule::Plain(Cast(CastFunction::RoundToInteger))),
    (F_INT4_FLOAT8, Rule::Plain(Cast(CastFunction::RoundToInteger))),
    (F_INT8_FLOAT4, Rule::Plain(Cast(CastFunction::RoundToInteger))),
    (F_INT8_FLOAT8, Rule::Plain(Cast(CastFunction::RoundToInteger))),
    (F_BOOL_INT4, Rule::Plain(Cast(CastFunction::IntegerToBool))),
    (F_INT4_BOOL, Rule::Plain(Cast(CastFunction::BoolToInteger))),
    (F_OID_INT8, Rule::Plain(Cast(CastFunction::IntegerToOid))),
    (F_INT8_FROM_OID, Rule::Plain(Cast(CastFunction::OidToInteger))),
    (F_TEXT_BOOL, Rule::Plain(Cast(CastFunction::BoolWord))),
];
