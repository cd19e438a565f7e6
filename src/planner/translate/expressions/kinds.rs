//! The kinds of expression nodes that are translated.
//!
//! The translator's `match` over [`Kind`] is complete by the compiler's word, and
//! nothing gets there but through [`kind`], so the list is what the code does.

use pgrx::pg_sys::NodeTag;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $tag:ident, $sql:literal;)*) => {
        /// A kind of expression node that is translated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind {
            $($(#[$doc])* $kind,)*
        }

        /// What the nodes that are translated are in SQL; empty for those that are
        /// only part of others.
        pub const SQL: &[&str] = &[$($sql),*];

        /// The kind of a node with this tag, if such nodes are translated.
        pub(super) fn kind(tag: NodeTag) -> Option<Kind> {
            match tag {
                $(NodeTag::$tag => Some(Kind::$kind),)*
                _ => None,
            }
        }
    };
}

kinds! {
    /// `Const`.
    Const, T_Const, "a constant";
    /// `Param`.
    Param, T_Param, "a parameter of the statement ($1)";
    /// `SQLValueFunction`.
    SqlValue, T_SQLValueFunction, "CURRENT_DATE, CURRENT_TIMESTAMP, LOCALTIMESTAMP and their like";
    /// `RelabelType`.
    Relabel, T_RelabelType, "a cast to a type of the same form";
    /// `CoerceViaIO`.
    ViaText, T_CoerceViaIO, "a cast from or to text";
    /// `OpExpr`.
    Operator, T_OpExpr, "an operator";
    /// `FuncExpr`.
    Function, T_FuncExpr, "a function call, or a cast that is one";
    /// `ScalarArrayOpExpr`.
    AnyOf, T_ScalarArrayOpExpr, "IN (...), NOT IN (...), operator ANY (array), operator ALL (array)";
    /// `BoolExpr`.
    Boolean, T_BoolExpr, "AND, OR, NOT";
    /// `NullTest`.
    NullTest, T_NullTest, "IS NULL, IS NOT NULL";
    /// `BooleanTest`.
    BooleanTest, T_BooleanTest, "IS [NOT] TRUE, IS [NOT] FALSE, IS [NOT] UNKNOWN";
    /// `CaseExpr`.
    Case, T_CaseExpr, "CASE";
    /// `CaseTestExpr`: the value after CASE.
    CaseValue, T_CaseTestExpr, "";
    /// `CoalesceExpr`.
    Coalesce, T_CoalesceExpr, "COALESCE";
    /// `NullIfExpr`.
    NullIf, T_NullIfExpr, "NULLIF";
    /// `MinMaxExpr`.
    MinMax, T_MinMaxExpr, "GREATEST, LEAST";
    /// `DistinctExpr`.
    Distinct, T_DistinctExpr, "IS [NOT] DISTINCT FROM";
    /// `RowCompareExpr`.
    RowCompare, T_RowCompareExpr, "(a, b) < (c, d) and the other orders of rows";
}
