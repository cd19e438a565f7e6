//! The functions and aggregates that the engine computes exactly as PostgreSQL
//! does, by OID.
//!
//! Nothing outside these tables runs in the engine. An operator stands under
//! the OID of its function.

use fusion_plan::{AggregateFunction, Function};
use pgrx::pg_sys::*;

/// How a call of an admitted function becomes a fusion expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A comparison: both sides are brought to one type first (a wider
    /// integer or float, trimmed `bpchar`, timestamp for a date against a
    /// timestamp).
    Compare(Function),
    /// Arithmetic in the result type: integer and float arguments are widened
    /// to it first.
    Arithmetic(Function),
    /// `numeric` arithmetic, whose result precision and scale follow from the
    /// arguments'.
    Numeric(Function),
    /// A call of the function on its arguments as they are.
    Plain(Function),
    /// LIKE or NOT LIKE on `bpchar`, which sees the padding.
    BpcharLike(Function),
    /// `extract(field from date)`: admitted for the field `year`.
    ExtractFromDate,
}

/// The rule for function `oid`, if it is admitted.
pub fn rule(oid: Oid) -> Option<Rule> {
    use Function::*;
    Some(match oid.to_u32() {
        F_BOOLEQ | F_INT2EQ | F_INT4EQ | F_INT8EQ | F_INT24EQ | F_INT42EQ | F_INT28EQ
        | F_INT82EQ | F_INT48EQ | F_INT84EQ | F_FLOAT4EQ | F_FLOAT8EQ | F_FLOAT48EQ
        | F_FLOAT84EQ | F_NUMERIC_EQ | F_TEXTEQ | F_BPCHAREQ | F_DATE_EQ | F_TIMESTAMP_EQ
        | F_DATE_EQ_TIMESTAMP | F_TIMESTAMP_EQ_DATE => Rule::Compare(Eq),
        F_BOOLNE | F_INT2NE | F_INT4NE | F_INT8NE | F_INT24NE | F_INT42NE | F_INT28NE
        | F_INT82NE | F_INT48NE | F_INT84NE | F_FLOAT4NE | F_FLOAT8NE | F_FLOAT48NE
        | F_FLOAT84NE | F_NUMERIC_NE | F_TEXTNE | F_BPCHARNE | F_DATE_NE | F_TIMESTAMP_NE
        | F_DATE_NE_TIMESTAMP | F_TIMESTAMP_NE_DATE => Rule::Compare(Ne),
        F_BOOLLT | F_INT2LT | F_INT4LT | F_INT8LT | F_INT24LT | F_INT42LT | F_INT28LT
        | F_INT82LT | F_INT48LT | F_INT84LT | F_FLOAT4LT | F_FLOAT8LT | F_FLOAT48LT
        | F_FLOAT84LT | F_NUMERIC_LT | F_TEXT_LT | F_BPCHARLT | F_DATE_LT | F_TIMESTAMP_LT
        | F_DATE_LT_TIMESTAMP | F_TIMESTAMP_LT_DATE => Rule::Compare(Lt),
        F_BOOLLE | F_INT2LE | F_INT4LE | F_INT8LE | F_INT24LE | F_INT42LE | F_INT28LE
        | F_INT82LE | F_INT48LE | F_INT84LE | F_FLOAT4LE | F_FLOAT8LE | F_FLOAT48LE
        | F_FLOAT84LE | F_NUMERIC_LE | F_TEXT_LE | F_BPCHARLE | F_DATE_LE | F_TIMESTAMP_LE
        | F_DATE_LE_TIMESTAMP | F_TIMESTAMP_LE_DATE => Rule::Compare(Le),
        F_BOOLGT | F_INT2GT | F_INT4GT | F_INT8GT | F_INT24GT | F_INT42GT | F_INT28GT
        | F_INT82GT | F_INT48GT | F_INT84GT | F_FLOAT4GT | F_FLOAT8GT | F_FLOAT48GT
        | F_FLOAT84GT | F_NUMERIC_GT | F_TEXT_GT | F_BPCHARGT | F_DATE_GT | F_TIMESTAMP_GT
        | F_DATE_GT_TIMESTAMP | F_TIMESTAMP_GT_DATE => Rule::Compare(Gt),
        F_BOOLGE | F_INT2GE | F_INT4GE | F_INT8GE | F_INT24GE | F_INT42GE | F_INT28GE
        | F_INT82GE | F_INT48GE | F_INT84GE | F_FLOAT4GE | F_FLOAT8GE | F_FLOAT48GE
        | F_FLOAT84GE | F_NUMERIC_GE | F_TEXT_GE | F_BPCHARGE | F_DATE_GE | F_TIMESTAMP_GE
        | F_DATE_GE_TIMESTAMP | F_TIMESTAMP_GE_DATE => Rule::Compare(Ge),

        F_INT2PL | F_INT4PL | F_INT8PL | F_INT24PL | F_INT42PL | F_INT28PL | F_INT82PL
        | F_INT48PL | F_INT84PL | F_FLOAT4PL | F_FLOAT8PL | F_FLOAT48PL | F_FLOAT84PL => {
            Rule::Arithmetic(Add)
        }
        F_INT2MI | F_INT4MI | F_INT8MI | F_INT24MI | F_INT42MI | F_INT28MI | F_INT82MI
        | F_INT48MI | F_INT84MI | F_FLOAT4MI | F_FLOAT8MI | F_FLOAT48MI | F_FLOAT84MI => {
            Rule::Arithmetic(Sub)
        }
        F_INT2MUL | F_INT4MUL | F_INT8MUL | F_INT24MUL | F_INT42MUL | F_INT28MUL | F_INT82MUL
        | F_INT48MUL | F_INT84MUL | F_FLOAT4MUL | F_FLOAT8MUL | F_FLOAT48MUL | F_FLOAT84MUL => {
            Rule::Arithmetic(Mul)
        }
        F_INT2DIV | F_INT4DIV | F_INT8DIV | F_INT24DIV | F_INT42DIV | F_INT28DIV | F_INT82DIV
        | F_INT48DIV | F_INT84DIV | F_FLOAT4DIV | F_FLOAT8DIV | F_FLOAT48DIV | F_FLOAT84DIV => {
            Rule::Arithmetic(Div)
        }
        F_INT2MOD | F_INT4MOD | F_INT8MOD => Rule::Arithmetic(Mod),
        F_INT2UM | F_INT4UM | F_INT8UM | F_FLOAT4UM | F_FLOAT8UM => Rule::Arithmetic(Neg),
        F_INT2ABS | F_INT4ABS | F_INT8ABS | F_ABS_INT2 | F_ABS_INT4 | F_ABS_INT8 | F_FLOAT4ABS
        | F_FLOAT8ABS | F_ABS_FLOAT4 | F_ABS_FLOAT8 => Rule::Arithmetic(Abs),

        F_NUMERIC_ADD => Rule::Numeric(Add),
        F_NUMERIC_SUB => Rule::Numeric(Sub),
        F_NUMERIC_MUL => Rule::Numeric(Mul),
        F_NUMERIC_UMINUS => Rule::Numeric(Neg),
        F_NUMERIC_ABS | F_ABS_NUMERIC => Rule::Numeric(Abs),
        F_NUMERIC_INT2 | F_NUMERIC_INT4 | F_NUMERIC_INT8 => Rule::Numeric(WidenDecimal),

        F_INT4_INT2 | F_INT8_INT2 | F_INT8_INT4 => Rule::Plain(WidenInteger),
        F_FLOAT4_INT2 | F_FLOAT4_INT4 | F_FLOAT4_INT8 | F_FLOAT8_INT2 | F_FLOAT8_INT4
        | F_FLOAT8_INT8 | F_FLOAT8_FLOAT4 => Rule::Plain(ToFloat),
        F_TEXT_BPCHAR => Rule::Plain(BpcharTrim),
        F_DATE_PLI => Rule::Plain(DateAddDays),
        F_DATE_MII => Rule::Plain(DateSubDays),
        F_DATE_MI => Rule::Plain(DateDiff),
        F_TIMESTAMP_DATE => Rule::Plain(DateToTimestamp),
        F_EXTRACT_TEXT_DATE => Rule::ExtractFromDate,
        F_TEXTLIKE | F_LIKE_TEXT_TEXT => Rule::Plain(Like),
        F_TEXTNLIKE | F_NOTLIKE_TEXT_TEXT => Rule::Plain(NotLike),
        F_BPCHARLIKE => Rule::BpcharLike(Like),
        F_BPCHARNLIKE => Rule::BpcharLike(NotLike),
        F_SUBSTR_TEXT_INT4_INT4 | F_SUBSTRING_TEXT_INT4_INT4 => Rule::Plain(Substring),
        _ => return None,
    })
}

/// The aggregate that `oid` is, if it is admitted.
pub fn aggregate(oid: Oid) -> Option<AggregateFunction> {
    use AggregateFunction::*;
    Some(match oid.to_u32() {
        F_COUNT_ => CountStar,
        F_COUNT_ANY => Count,
        F_SUM_INT2 | F_SUM_INT4 | F_SUM_INT8 | F_SUM_FLOAT4 | F_SUM_FLOAT8 | F_SUM_NUMERIC => Sum,
        F_AVG_INT2 | F_AVG_INT4 | F_AVG_INT8 | F_AVG_FLOAT4 | F_AVG_FLOAT8 | F_AVG_NUMERIC => Avg,
        F_MIN_INT2 | F_MIN_INT4 | F_MIN_INT8 | F_MIN_FLOAT4 | F_MIN_FLOAT8 | F_MIN_NUMERIC
        | F_MIN_DATE | F_MIN_TIMESTAMP | F_MIN_TEXT | F_MIN_BPCHAR => Min,
        F_MAX_INT2 | F_MAX_INT4 | F_MAX_INT8 | F_MAX_FLOAT4 | F_MAX_FLOAT8 | F_MAX_NUMERIC
        | F_MAX_DATE | F_MAX_TIMESTAMP | F_MAX_TEXT | F_MAX_BPCHAR => Max,
        F_BOOL_AND | F_EVERY => BoolAnd,
        F_BOOL_OR => BoolOr,
        _ => return None,
    })
}
