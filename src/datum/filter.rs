//! Conditions that a feed evaluates on the datums themselves, before they are encoded.
//!
//! Only comparisons that cost next to nothing per row, and cannot fail: of integers,
//! dates, times and short decimals with constants and with each other, of texts with
//! constants for equality, and with patterns without `_`. Here they are recognised and
//! stored in plans; [`RowTest`](super::RowTest) evaluates them.

use fusion_plan::{
    CastFunction, DataType, DatetimeFunction, Expr, Function, Literal, MAX_DECIMAL128_PRECISION,
    Value,
};
use fusion_scalar::text::like::Pattern;
use serde::{Deserialize, Serialize};

/// A condition over the columns of a leaf. NULL is not true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Filter {
    /// A comparison with a constant.
    Constant {
        /// The column.
        column: usize,
        /// How its values are read.
        key: Key,
        /// The comparison.
        comparison: Comparison,
        /// The constant's key.
        value: i64,
    },
    /// A comparison of two columns.
    Columns {
        /// The left column and how its values are read.
        left: (usize, Key),
        /// The comparison.
        comparison: Comparison,
        /// The right column.
        right: (usize, Key),
    },
    /// Whether the key is one of these, in ascending order; or none.
    Among {
        /// The column.
        column: usize,
        /// How its values are read.
        key: Key,
        /// The keys.
        values: Vec<i64>,
        /// None of them.
        negated: bool,
    },
    /// Whether a text is one of these; or none.
    Texts {
        /// The column.
        column: usize,
        /// Whether blanks at the end do not count.
        padded: bool,
        /// The texts.
        values: Vec<Vec<u8>>,
        /// None of them.
        negated: bool,
    },
    /// Whether a text is like a pattern; or not.
    Like {
        /// The column.
        column: usize,
        /// A pattern whose only wildcard is `%`.
        pattern: Vec<u8>,
        /// Not like it.
        negated: bool,
    },
}

/// How a value becomes an integer that orders as the values do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Key {
    /// `int2`.
    Int2,
    /// `int4`, `date`.
    Int4,
    /// `int8`, `time`, `timestamp`, `timestamptz`.
    Int8,
    /// `oid`.
    Oid,
    /// A decimal of this scale: the unscaled value, or the nearest integer of 64 bits;
    /// NaN is the largest.
    Decimal(u8),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl Comparison {
    fn of(function: Function) -> Option<Self> {
        Some(match function {
            Function::Eq => Self::Eq,
            Function::Ne => Self::Ne,
            Function::Lt => Self::Lt,
            Function::Le => Self::Le,
            Function::Gt => Self::Gt,
            Function::Ge => Self::Ge,
            _ => return None,
        })
    }

    /// The comparison with its sides exchanged.
    fn turned(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            same => same,
        }
    }
}

impl Key {
    /// How values of `ty` are read, if they have keys.
    pub fn of(ty: DataType) -> Option<Self> {
        Some(match ty {
            DataType::Int2 => Self::Int2,
            DataType::Int4 | DataType::Date => Self::Int4,
            DataType::Int8 | DataType::Time | DataType::Timestamp | DataType::TimestampTz => {
                Self::Int8
            }
            DataType::Oid => Self::Oid,
            DataType::Decimal { precision, scale } if precision <= MAX_DECIMAL128_PRECISION => {
                Self::Decimal(scale)
            }
            _ => return None,
        })
    }
}

/// What is compared by `expr`, the side of a comparison, without what only brings the
/// two sides to one type: keys compare across types.
fn compared<'a>(expr: &'a Expr, types: &[DataType]) -> &'a Expr {
    let Expr::Call { function, args, .. } = expr else { return expr };
    let [arg] = args.as_slice() else { return expr };
    let ty = arg.ty(types, &[]);
    let is_same = match function {
        Function::WidenInteger => ty.is_some_and(DataType::is_integer),
        Function::BpcharTrim => ty == Some(DataType::Bpchar),
        Function::Datetime(DatetimeFunction::DateToTimestampForCompare) => {
            ty == Some(DataType::Date)
        }
        _ => false,
    };
    if is_same { arg } else { expr }
}

impl Filter {
    /// `expr` over columns of `types` as a filter, if it is one.
    pub fn of(expr: &Expr, types: &[DataType]) -> Option<Self> {
        match expr {
            Expr::Call { function: Function::Like, args, .. } => Self::like(args, types, false),
            Expr::Call { function: Function::NotLike, args, .. } => Self::like(args, types, true),
            Expr::Call { function, args, .. } => {
                let comparison = Comparison::of(*function)?;
                let [left, right] = args.as_slice() else { return None };
                match (compared(left, types), compared(right, types)) {
                    (Expr::Column(column), Expr::Literal(literal)) => {
                        Self::constant(*column as usize, types, comparison, literal)
                    }
                    (Expr::Literal(literal), Expr::Column(column)) => {
                        Self::constant(*column as usize, types, comparison.turned(), literal)
                    }
                    (Expr::Column(left), Expr::Column(right)) => {
                        Self::columns(*left as usize, *right as usize, types, comparison)
                    }
                    _ => None,
                }
            }
            Expr::InList { arg, values, negated } => {
                let Expr::Column(column) = compared(arg, types) else { return None };
                Self::among(*column as usize, types, values, *negated)
            }
            _ => None,
        }
    }

    fn like(args: &[Expr], types: &[DataType], negated: bool) -> Option<Self> {
        let [text, Expr::Literal(Literal { value: Some(Value::Text(pattern)), .. })] = args else {
            return None;
        };
        // A `bpchar` is compared with its blanks.
        let text = match text {
            Expr::Call { function: Function::Cast(CastFunction::Relabel), args, .. } => {
                args.first()?
            }
            text => text,
        };
        let Expr::Column(column) = text else { return None };
        let column = *column as usize;
        if !matches!(types.get(column)?, DataType::Text | DataType::Bpchar) {
            return None;
        }
        Pattern::literal(pattern)?;
        Some(Self::Like { column, pattern: pattern.clone(), negated })
    }

    fn constant(
        column: usize,
        types: &[DataType],
        comparison: Comparison,
        literal: &Literal,
    ) -> Option<Self> {
        let ty = *types.get(column)?;
        if matches!(ty, DataType::Text | DataType::Bpchar) {
            let negated = match comparison {
                Comparison::Eq => false,
                Comparison::Ne => true,
                _ => return None,
            };
            return Self::among(column, types, std::slice::from_ref(literal), negated);
        }
        let key = Key::of(ty)?;
        if (ty, literal.ty) == (DataType::Date, DataType::Timestamp) {
            let Some(Value::Int(timestamp)) = literal.value else { return None };
            let (comparison, value) = against_timestamp(comparison, timestamp)?;
            return Some(Self::Constant { column, key, comparison, value });
        }
        let value = key_of(literal, ty)?;
        Some(Self::Constant { column, key, comparison, value })
    }

    fn columns(
        left: usize,
        right: usize,
        types: &[DataType],
        comparison: Comparison,
    ) -> Option<Self> {
        let (left_type, right_type) = (*types.get(left)?, *types.get(right)?);
        // Dates and timestamps count in other units, and so do decimals; the keys of
        // large decimals are not exact.
        let alike = left_type == right_type || (left_type.is_integer() && right_type.is_integer());
        if !alike || matches!(left_type, DataType::Decimal { .. }) {
            return None;
        }
        let (left, right) = ((left, Key::of(left_type)?), (right, Key::of(right_type)?));
        Some(Self::Columns { left, comparison, right })
    }

    fn among(
        column: usize,
        types: &[DataType],
        literals: &[Literal],
        negated: bool,
    ) -> Option<Self> {
        let ty = *types.get(column)?;
        if literals.is_empty() {
            // Then even NULL is none of them.
            return None;
        }
        if matches!(ty, DataType::Text | DataType::Bpchar) {
            let padded = ty == DataType::Bpchar;
            let text = |literal: &Literal| match &literal.value {
                // A text is compared as it is: a bpchar in the form in which it is
                // compared has lost its blanks.
                Some(Value::Text(text)) => {
                    let padded = literal.ty == DataType::Bpchar;
                    Some(unpadded(text, padded).to_vec())
                }
                _ => None,
            };
            let values = literals.iter().map(text).collect::<Option<_>>()?;
            return Some(Self::Texts { column, padded, values, negated });
        }
        let key = Key::of(ty)?;
        let mut values =
            literals.iter().map(|literal| key_of(literal, ty)).collect::<Option<Vec<_>>>()?;
        values.sort_unstable();
        Some(Self::Among { column, key, values, negated })
    }
}

impl Key {
    /// Whether no two values have the same key.
    pub fn is_exact(self) -> bool {
        !matches!(self, Self::Decimal(_))
    }
}

/// `text` without the blanks at its end, if they do not count.
#[inline(always)]
pub fn unpadded(text: &[u8], padded: bool) -> &[u8] {
    let mut text = text;
    if padded {
        while let [rest @ .., b' '] = text {
            text = rest;
        }
    }
    text
}

/// The key of a constant, of the type `ty` or one that compares like it. Keys at the
/// ends of the range stand for other values, too.
fn key_of(literal: &Literal, ty: DataType) -> Option<i64> {
    match (ty, literal.ty, literal.value.as_ref()?) {
        (DataType::Decimal { scale, .. }, DataType::Decimal { scale: own, .. }, value) => {
            let Value::Decimal(Some(unscaled)) = value else { return None };
            let up = 10_i128.checked_pow(u32::from(scale.checked_sub(own)?))?;
            let key = i64::try_from(unscaled.checked_mul(up)?).ok()?;
            (key > i64::MIN && key < i64::MAX).then_some(key)
        }
        (_, own, Value::Int(value)) => {
            (ty == own || (ty.is_integer() && own.is_integer())).then_some(*value)
        }
        _ => None,
    }
}

/// A comparison of dates with `timestamp` as one with a date (`date_cmp_timestamp` in
/// date.c): days are whole.
fn against_timestamp(comparison: Comparison, timestamp: i64) -> Option<(Comparison, i64)> {
    const DAY: i64 = 86_400_000_000;
    let (day, midnight) = match timestamp {
        i64::MIN => (i64::from(i32::MIN), true),
        i64::MAX => (i64::from(i32::MAX), true),
        finite => (finite.div_euclid(DAY), finite.rem_euclid(DAY) == 0),
    };
    Some(match comparison {
        // A date is its midnight.
        _ if midnight => (comparison, day),
        Comparison::Lt | Comparison::Le => (Comparison::Le, day),
        Comparison::Gt | Comparison::Ge => (Comparison::Gt, day),
        Comparison::Eq | Comparison::Ne => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::RowTest;
    use super::*;
    use pgrx::pg_sys;

    const NUMERIC: DataType = DataType::Decimal { precision: 15, scale: 2 };

    fn column(index: u32) -> Expr {
        Expr::Column(index)
    }

    fn call(function: Function, left: Expr, right: Expr) -> Expr {
        Expr::call(function, vec![left, right], DataType::Bool)
    }

    fn int(ty: DataType, value: i64) -> Expr {
        Expr::literal(ty, Value::Int(value))
    }

    /// A bit per row that passes; in each, all columns have its value.
    fn passing(filter: &Filter, values: &[i64], nulls: u64) -> u64 {
        let test = RowTest::new(filter, &[0, 1, 2]).unwrap();
        let passes = |(row, value): (usize, &i64)| {
            let (datums, null) = ([pg_sys::Datum::from(*value); 3], nulls >> row & 1 != 0);
            // SAFETY: integers, which are by value.
            let passes = unsafe {
                test.passes(datums.as_ptr(), [null; 3].as_ptr(), std::ptr::null_mut()).unwrap()
            };
            u64::from(passes) << row
        };
        values.iter().enumerate().map(passes).sum()
    }

    #[test]
    fn integers_compare_with_constants() {
        let types = [DataType::Int4];
        for (function, expected) in [
            (Function::Eq, 0b010),
            (Function::Ne, 0b101),
            (Function::Lt, 0b001),
            (Function::Le, 0b011),
            (Function::Gt, 0b100),
            (Function::Ge, 0b110),
        ] {
            let filter =
                Filter::of(&call(function, column(0), int(DataType::Int8, 5)), &types).unwrap();
            assert_eq!(passing(&filter, &[-7, 5, 6], 0), expected, "{function:?}");
            assert_eq!(passing(&filter, &[-7, 5, 6], 0b111), 0, "NULL is not true");
            // The other way round, with the values in the other order.
            let turned = call(function, int(DataType::Int4, 5), column(0));
            let turned = Filter::of(&turned, &types).unwrap();
            assert_eq!(passing(&turned, &[6, 5, -7], 0), expected, "{function:?}");
        }
    }

    #[test]
    fn lists_and_columns() {
        let types = [DataType::Int2, DataType::Int8, NUMERIC];
        let values =
            [1, 3].map(|value| Literal { ty: DataType::Int2, value: Some(Value::Int(value)) });
        let list =
            |negated| Expr::InList { arg: Box::new(column(0)), values: values.to_vec(), negated };
        let filter = Filter::of(&list(false), &types).unwrap();
        assert_eq!(passing(&filter, &[1, 2, 3, 3], 0b1000), 0b0101);
        let filter = Filter::of(&list(true), &types).unwrap();
        assert_eq!(passing(&filter, &[1, 2, 3, 4], 0b1000), 0b0010);
        let none = Expr::InList { arg: Box::new(column(0)), values: Vec::new(), negated: true };
        assert!(Filter::of(&none, &types).is_none());
        let both = call(Function::Ge, column(0), column(1));
        let filter = Filter::of(&both, &types).unwrap();
        assert_eq!(passing(&filter, &[1, 2], 0), 0b11, "one column twice");
        assert!(Filter::of(&call(Function::Eq, column(2), column(2)), &types).is_none());
        assert!(Filter::of(&call(Function::Add, column(0), column(1)), &types).is_none());
    }

    #[test]
    fn dates_against_timestamps() {
        let types = [DataType::Date];
        let noon = 43_200_000_000;
        for (function, timestamp, expected) in [
            (Function::Lt, noon, 0b011),
            (Function::Le, noon, 0b011),
            (Function::Gt, noon, 0b100),
            (Function::Ge, noon, 0b100),
            (Function::Lt, 0, 0b001),
            (Function::Le, 0, 0b011),
            (Function::Eq, 0, 0b010),
            (Function::Lt, i64::MAX, 0b111),
            (Function::Gt, i64::MIN, 0b111),
        ] {
            let expr = call(function, column(0), int(DataType::Timestamp, timestamp));
            let filter = Filter::of(&expr, &types).unwrap();
            assert_eq!(passing(&filter, &[-1, 0, 1], 0), expected, "{function:?} {timestamp}");
        }
        let expr = call(Function::Eq, column(0), int(DataType::Timestamp, noon));
        assert!(Filter::of(&expr, &types).is_none());
    }

    #[test]
    fn sides_are_seen_through_their_casts() {
        let wrap = |function, ty| Expr::call(function, vec![column(0)], ty);
        let date = Function::Datetime(DatetimeFunction::DateToTimestampForCompare);
        let expr = call(
            Function::Lt,
            wrap(date, DataType::Timestamp),
            int(DataType::Timestamp, 86_400_000_000),
        );
        let filter = Filter::of(&expr, &[DataType::Date]).unwrap();
        assert_eq!(passing(&filter, &[-1, 0, 1], 0), 0b011);
        let expr = call(
            Function::Eq,
            wrap(Function::WidenInteger, DataType::Int8),
            int(DataType::Int8, 1 << 40),
        );
        let filter = Filter::of(&expr, &[DataType::Int4]).unwrap();
        assert_eq!(passing(&filter, &[0, 1], 0), 0);
        let text = Expr::literal(DataType::Text, Value::Text("R".into()));
        let expr = call(Function::Ne, wrap(Function::BpcharTrim, DataType::Text), text.clone());
        let filter = Filter::of(&expr, &[DataType::Bpchar]).unwrap();
        assert!(matches!(filter, Filter::Texts { padded: true, negated: true, .. }));
        let blank = Expr::literal(DataType::Text, Value::Text("R ".into()));
        let expr_with =
            |literal| call(Function::Eq, wrap(Function::BpcharTrim, DataType::Text), literal);
        let filter = Filter::of(&expr_with(blank), &[DataType::Bpchar]).unwrap();
        assert!(matches!(filter, Filter::Texts { values, .. } if values == [b"R "]));
        let padded = Expr::literal(DataType::Bpchar, Value::Text("R ".into()));
        let filter = Filter::of(&expr_with(padded), &[DataType::Bpchar]).unwrap();
        assert!(matches!(filter, Filter::Texts { values, .. } if values == [b"R"]));
        // The same function of a text is not what its comparison does.
        assert!(Filter::of(&expr, &[DataType::Text]).is_none());
        let filter = Filter::of(&call(Function::Eq, column(0), text), &[DataType::Text]).unwrap();
        assert!(matches!(filter, Filter::Texts { padded: false, negated: false, .. }));
    }

    #[test]
    fn patterns_that_cannot_fail() {
        let pattern = |text: &str| Expr::literal(DataType::Text, Value::Text(text.into()));
        let like = |text, pattern| call(Function::Like, text, pattern);
        let filter = |expr: &Expr, ty| Filter::of(expr, &[ty]);
        let wanted = Filter::Like { column: 0, pattern: b"%a%".to_vec(), negated: false };
        let expr = like(column(0), pattern("%a%"));
        assert_eq!(filter(&expr, DataType::Text), Some(wanted.clone()));
        assert_eq!(filter(&expr, DataType::Bytea), None);
        let relabel = Function::Cast(CastFunction::Relabel);
        let text = Expr::call(relabel, vec![column(0)], DataType::Text);
        assert_eq!(filter(&like(text, pattern("%a%")), DataType::Bpchar), Some(wanted));
        assert_eq!(filter(&like(column(0), pattern("a_c")), DataType::Text), None);
        assert_eq!(filter(&like(column(0), pattern("%\\")), DataType::Text), None);
        assert_eq!(filter(&like(column(0), column(0)), DataType::Text), None);
        let not = call(Function::NotLike, column(0), pattern("a%"));
        let not = filter(&not, DataType::Text);
        assert!(matches!(not, Some(Filter::Like { negated: true, .. })));
    }

    #[test]
    fn constants_that_have_no_exact_key() {
        let decimal = |scale, value| {
            let ty = DataType::Decimal { precision: 38, scale };
            let literal = Expr::literal(ty, Value::Decimal(value));
            Filter::of(&call(Function::Lt, column(0), literal), &[NUMERIC])
        };
        assert!(matches!(decimal(0, Some(24)), Some(Filter::Constant { value: 2400, .. })));
        assert!(decimal(3, Some(1)).is_none(), "a finer scale");
        assert!(decimal(2, None).is_none(), "NaN");
        assert!(decimal(2, Some(i64::MAX.into())).is_none());
        let null = Expr::null(DataType::Int4);
        assert!(Filter::of(&call(Function::Eq, column(0), null), &[DataType::Int4]).is_none());
    }
}
