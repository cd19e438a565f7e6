//! What [`PhysicalExpr`](datafusion_physical_expr::PhysicalExpr) asks of every expression and
//! most of ours answer alike: when two are the same, their type, how they are shown.

use std::fmt;

/// Two expressions `$name` are equal, and hash alike, if their `$identity` is. It cannot be
/// derived from fields that are expressions.
macro_rules! identified_by {
    ($name:ty, $self:ident => $identity:expr) => {
        impl $name {
            fn identity(&$self) -> impl PartialEq + std::hash::Hash {
                $identity
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.identity() == other.identity()
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.identity().hash(state);
            }
        }
    };
}

/// The answers of an expression whose type does not depend on its input's columns, and which
/// is shown in SQL as it is displayed.
macro_rules! of_type {
    ($self:ident => $ty:expr, nullable: $nullable:literal) => {
        fn data_type(
            &$self,
            _input: &arrow::datatypes::Schema,
        ) -> Result<arrow::datatypes::DataType> {
            Ok($ty)
        }

        fn nullable(&self, _input: &arrow::datatypes::Schema) -> Result<bool> {
            Ok($nullable)
        }

        fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Display::fmt(self, f)
        }
    };
}

pub(crate) use {identified_by, of_type};

/// Writes `items` with commas between them.
pub(crate) fn write_list(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = impl fmt::Display>,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}
