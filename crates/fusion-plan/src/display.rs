//! Plans as text, for EXPLAIN.

use crate::{
    Aggregate, BoolTest, DataType, Expr, Extreme, Function, Join, JoinKind, Literal, NodeId, Plan,
    Rel, SortKey, Value, WindowFunction, from_server,
};
use std::fmt::{self, Write};

/// One line of a plan's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanDisplay {
    /// The node.
    pub node: NodeId,
    /// Its depth, zero for the root.
    pub depth: usize,
    /// What the node does, for example `Filter: (o.o_totalprice > 100.00)`.
    pub text: String,
}

impl Plan {
    /// The plan as lines of text, in [`NodeId`] order: one per node that does something
    /// with rows. Columns appear under the names their leaves give them.
    pub fn lines(&self) -> Vec<PlanDisplay> {
        let mut lines = Vec::new();
        self.describe(&self.root, NodeId(0), 0, &mut lines);
        lines
    }

    /// Appends the lines of `rel` and its inputs; returns the names of its
    /// output columns.
    fn describe(
        &self,
        rel: &Rel,
        node: NodeId,
        depth: usize,
        lines: &mut Vec<PlanDisplay>,
    ) -> Vec<String> {
        if let Rel::InOrder { input } = rel {
            return self.describe(input, NodeId(node.0 + 1), depth, lines);
        }
        let line = lines.len();
        lines.push(PlanDisplay { node, depth, text: String::new() });
        let mut next = node.0 + 1;
        let mut inputs: Vec<Vec<String>> = Vec::new();
        for input in rel.inputs() {
            inputs.push(self.describe(input, NodeId(next), depth + 1, lines));
            next += input.node_count();
        }
        let first = inputs.first().cloned().unwrap_or_default();
        let (text, names) = match rel {
            Rel::Leaf(leaf) => match self.leaves.get(*leaf as usize) {
                Some(schema) => {
                    let names: Vec<_> = schema.fields.iter().map(|f| f.name.clone()).collect();
                    (format!("Leaf {leaf}: {}", schema.name), names)
                }
                None => (format!("Leaf {leaf}"), vec![]),
            },
            Rel::Filter { predicates, .. } => {
                (format!("Filter: {}", conjunction(predicates, &first)), first)
            }
            Rel::Project { exprs, .. } => {
                let names: Vec<_> = exprs.iter().map(|expr| show(expr, &first)).collect();
                (format!("Project: {}", names.join(", ")), names)
            }
            Rel::InOrder { .. } => (String::new(), first),
            Rel::Join(join) => describe_join(join, &inputs),
            Rel::Aggregate { groups, aggregates, .. } => {
                let mut names: Vec<_> = groups.iter().map(|expr| show(expr, &first)).collect();
                let mut text = match names.is_empty() {
                    true => "Aggregate: ".to_owned(),
                    false => format!("Aggregate by {}: ", names.join(", ")),
                };
                let calls: Vec<_> = aggregates.iter().map(|call| show_call(call, &first)).collect();
                text.push_str(&calls.join(", "));
                names.extend(calls);
                (text.trim_end_matches([' ', ':']).to_owned(), names)
            }
            Rel::Sort { keys, fetch, .. } => {
                let keys = show_keys(keys, &first);
                let text = match fetch {
                    Some(fetch) => format!("Top {fetch} by {keys}"),
                    None => format!("Sort by {keys}"),
                };
                (text, first)
            }
            Rel::Limit { offset, count, .. } => {
                let mut text = "Limit".to_owned();
                if let Some(count) = count {
                    let _ = write!(text, " {}", show(count, &first));
                }
                if let Some(offset) = offset {
                    let _ = write!(text, " offset {}", show(offset, &first));
                }
                (text, first)
            }
            Rel::Distinct { .. } => ("Distinct".to_owned(), first),
            Rel::Window { window, .. } => {
                let calls: Vec<_> = window
                    .functions
                    .iter()
                    .map(|function| match function {
                        WindowFunction::RowNumber => "row_number()".to_owned(),
                        WindowFunction::Rank => "rank()".to_owned(),
                        WindowFunction::DenseRank => "dense_rank()".to_owned(),
                        WindowFunction::Aggregate(call) => show_call(call, &first),
                    })
                    .collect();
                let by: Vec<_> = window.partition_by.iter().map(|e| show(e, &first)).collect();
                let mut text = format!("Window: {}", calls.join(", "));
                if !by.is_empty() {
                    let _ = write!(text, " partition by {}", by.join(", "));
                }
                if !window.order_by.is_empty() {
                    let _ = write!(text, " order by {}", show_keys(&window.order_by, &first));
                }
                (text, first.into_iter().chain(calls).collect())
            }
            Rel::Union { all, .. } => (if *all { "Union all" } else { "Union" }.to_owned(), first),
        };
        if let Some(line) = lines.get_mut(line) {
            line.text = text;
        }
        names
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            writeln!(f, "{:indent$}{}", "", line.text, indent = line.depth * 2)?;
        }
        Ok(())
    }
}

fn describe_join(join: &Join, inputs: &[Vec<String>]) -> (String, Vec<String>) {
    let both: Vec<String> = inputs.concat();
    let left = inputs.first().map(Vec::as_slice).unwrap_or_default();
    let right = inputs.get(1).map(Vec::as_slice).unwrap_or_default();
    let kind = match join.kind {
        JoinKind::Inner => "Inner join",
        JoinKind::Left => "Left join",
        JoinKind::Right => "Right join",
        JoinKind::Full => "Full join",
        JoinKind::Semi => "Semi join",
        JoinKind::Anti => "Anti join",
        JoinKind::NullAwareAnti => "Null-aware anti join",
    };
    let mut conditions: Vec<String> = join
        .keys
        .iter()
        .map(|(l, r)| format!("({} = {})", show(l, left), show(r, right)))
        .collect();
    conditions.extend(join.residual.iter().map(|expr| show(expr, &both)));
    let text = match conditions.is_empty() {
        true => kind.to_owned(),
        false => format!("{kind} on {}", conditions.join(" AND ")),
    };
    let names = join.output.iter().map(|index| column(*index, &both)).collect();
    (text, names)
}

fn column(index: u32, names: &[String]) -> String {
    names.get(index as usize).cloned().unwrap_or_else(|| format!("#{index}"))
}

fn conjunction(predicates: &[Expr], names: &[String]) -> String {
    let shown: Vec<_> = predicates.iter().map(|expr| show(expr, names)).collect();
    shown.join(" AND ")
}

fn list(exprs: &[Expr], separator: &str, names: &[String]) -> String {
    let shown: Vec<_> = exprs.iter().map(|expr| show(expr, names)).collect();
    shown.join(separator)
}

fn show_keys(keys: &[SortKey], names: &[String]) -> String {
    let shown: Vec<_> = keys
        .iter()
        .map(|key| {
            let mut text = show(&key.expr, names);
            if key.descending {
                text.push_str(" DESC");
            }
            // PostgreSQL's default is NULLS LAST, and NULLS FIRST under DESC.
            match (key.nulls_first, key.descending) {
                (true, false) => text.push_str(" NULLS FIRST"),
                (false, true) => text.push_str(" NULLS LAST"),
                _ => {}
            }
            text
        })
        .collect();
    shown.join(", ")
}

fn show_call(call: &Aggregate, names: &[String]) -> String {
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    let args = match call.args.is_empty() {
        true => "*".to_owned(),
        false => list(&call.args, ", ", names),
    };
    let mut text = format!("{}({distinct}{args})", call.function.name());
    if let Some(filter) = &call.filter {
        let _ = write!(text, " FILTER (WHERE {})", show(filter, names));
    }
    text
}

/// The expression as SQL-like text; conversions that change no value are left
/// out.
fn show(expr: &Expr, names: &[String]) -> String {
    match expr {
        Expr::Column(index) => column(*index, names),
        Expr::Literal(literal) => show_literal(literal),
        Expr::Param(index) => format!("${}", index + 1),
        Expr::Call { function, args, ty } => match (function.infix(), args.as_slice()) {
            (Some(infix), [l, r]) => format!("({} {infix} {})", show(l, names), show(r, names)),
            _ => match (function.name(*ty), args.as_slice()) {
                (None, [arg]) => show(arg, names),
                (Some(name), _)
                    if let Function::Datetime(function) = function
                        && let Some(unit) = function.unit() =>
                {
                    format!("{name}({}, {})", unit.name(), list(args, ", ", names))
                }
                (Some(name), _) => format!("{name}({})", list(args, ", ", names)),
                (None, _) => format!("{function:?}({})", list(args, ", ", names)),
            },
        },
        Expr::And(args) => format!("({})", list(args, " AND ", names)),
        Expr::Or(args) => format!("({})", list(args, " OR ", names)),
        Expr::Not(arg) => format!("(NOT {})", show(arg, names)),
        Expr::IsNull(arg) => format!("({} IS NULL)", show(arg, names)),
        Expr::IsNotNull(arg) => format!("({} IS NOT NULL)", show(arg, names)),
        Expr::BoolTest { arg, test } => {
            let test = match test {
                BoolTest::True => "TRUE",
                BoolTest::NotTrue => "NOT TRUE",
                BoolTest::False => "FALSE",
                BoolTest::NotFalse => "NOT FALSE",
                BoolTest::Unknown => "UNKNOWN",
                BoolTest::NotUnknown => "NOT UNKNOWN",
            };
            format!("({} IS {test})", show(arg, names))
        }
        Expr::Case { whens, otherwise, .. } => {
            let mut text = "CASE".to_owned();
            for (when, then) in whens {
                let _ = write!(text, " WHEN {} THEN {}", show(when, names), show(then, names));
            }
            if let Some(otherwise) = otherwise {
                let _ = write!(text, " ELSE {}", show(otherwise, names));
            }
            text.push_str(" END");
            text
        }
        Expr::Coalesce(args) => format!("COALESCE({})", list(args, ", ", names)),
        Expr::IsDistinct { left, right, negated } => {
            let not = if *negated { "NOT " } else { "" };
            format!("({} IS {not}DISTINCT FROM {})", show(left, names), show(right, names))
        }
        Expr::NullIf { left, right, .. } => {
            format!("NULLIF({}, {})", show(left, names), show(right, names))
        }
        Expr::MinMax { extreme, args } => {
            let name = match extreme {
                Extreme::Greatest => "GREATEST",
                Extreme::Least => "LEAST",
            };
            format!("{name}({})", list(args, ", ", names))
        }
        Expr::InList { arg, values, negated } => {
            let not = if *negated { "NOT " } else { "" };
            let values: Vec<_> = values.iter().map(show_literal).collect();
            format!("({} {not}IN ({}))", show(arg, names), values.join(", "))
        }
        Expr::RowCompare { comparison, pairs } => {
            let (left, right): (Vec<_>, Vec<_>) =
                pairs.iter().map(|(l, r)| (show(l, names), show(r, names))).unzip();
            let infix = comparison.infix().unwrap_or_default();
            format!("(ROW({}) {infix} ROW({}))", left.join(", "), right.join(", "))
        }
    }
}

fn show_literal(literal: &Literal) -> String {
    let Some(value) = &literal.value else {
        return "NULL".to_owned();
    };
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => match literal.ty {
            DataType::Date => show_date(*value),
            DataType::Timestamp | DataType::TimestampTz => show_timestamp(*value),
            DataType::Time => format!("'{}'", show_time(*value)),
            _ => value.to_string(),
        },
        Value::Float(bits) => f64::from_bits(*bits).to_string(),
        Value::Decimal(None) => "NaN".to_owned(),
        Value::Decimal(Some(unscaled)) => match literal.ty {
            DataType::Decimal { scale, .. } => show_decimal(*unscaled, scale),
            _ => unscaled.to_string(),
        },
        Value::Interval(months, days, micros) => {
            format!("'{months} mons {days} days {micros} us'")
        }
        Value::Text(text) => format!("'{}'", from_server(text).replace('\'', "''")),
        Value::Bytes(bytes) if literal.ty == DataType::Numeric => show_numeric(bytes),
        Value::Bytes(bytes) => {
            let mut text = "'\\x".to_owned();
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\'');
            text
        }
    }
}

/// PostgreSQL's stored `numeric`: a header of one or two words, then base-10000
/// digits.
fn show_numeric(bytes: &[u8]) -> String {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]]));
    let header = words.next().unwrap_or_default();
    let (negative, scale, weight) = match header >> 14 {
        3 => {
            let text = match header {
                0xD000 => "Infinity",
                0xF000 => "-Infinity",
                _ => "NaN",
            };
            return text.to_owned();
        }
        2 => {
            let weight = i32::from(header & 0x3f) - i32::from(header & 0x40);
            (header & 0x2000 != 0, (header >> 7) & 0x3f, weight)
        }
        sign => {
            let weight = i32::from(words.next().unwrap_or_default() as i16);
            (sign == 1, header & 0x3fff, weight)
        }
    };
    let digits: Vec<u16> = words.collect();
    let groups = |weights: std::ops::RangeInclusive<i32>| {
        weights.rev().fold(String::new(), |mut text, place| {
            let digit = usize::try_from(weight - place).ok().and_then(|index| digits.get(index));
            let _ = write!(text, "{:04}", digit.copied().unwrap_or_default());
            text
        })
    };
    let whole = groups(0..=weight.max(0));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if negative { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{whole}");
    }
    let mut fraction = groups(-i32::from(scale.div_ceil(4))..=-1);
    fraction.truncate(scale.into());
    format!("{sign}{whole}.{fraction}")
}

fn show_decimal(unscaled: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

fn show_date(days: i64) -> String {
    if days == i64::from(i32::MIN) {
        return "-infinity".to_owned();
    }
    if days == i64::from(i32::MAX) {
        return "infinity".to_owned();
    }
    let (year, month, day) = civil(days);
    match year {
        1.. => format!("'{year:04}-{month:02}-{day:02}'"),
        _ => format!("'{:04}-{month:02}-{day:02} BC'", 1 - year),
    }
}

fn show_timestamp(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    match micros {
        i64::MIN => return "-infinity".to_owned(),
        i64::MAX => return "infinity".to_owned(),
        _ => {}
    }
    let date = show_date(micros.div_euclid(DAY));
    let rest = micros.rem_euclid(DAY);
    let time = show_time(rest);
    // The era, if any, follows the time.
    let date = date.trim_matches('\'');
    match date.strip_suffix(" BC") {
        Some(date) => format!("'{date} {time} BC'"),
        None => format!("'{date} {time}'"),
    }
}

fn show_time(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut time = format!("{hour:02}:{minute:02}:{second:02}");
    if fraction != 0 {
        let _ = write!(time, ".{fraction:06}");
    }
    time
}

/// Proleptic Gregorian year, month and day of a day count from 2000-01-01;
/// year 0 is 1 BC. (Eras of 400 years have 146,097 days; counting years from
/// March puts the leap day last.)
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_FROM_0000_03_01: i64 = 730_425;
    let shifted = days + DAYS_FROM_0000_03_01;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AggregateFunction, Field, Function, LeafSchema};

    #[test]
    fn stored_numerics_are_shown_as_numbers() {
        let show = |words: &[u16]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            show_numeric(&bytes)
        };
        assert_eq!(show(&[0xd000]), "Infinity");
        assert_eq!(show(&[0xf000]), "-Infinity");
        assert_eq!(show(&[0xc000]), "NaN");
        assert_eq!(show(&[0x8100]), "0.00");
        assert_eq!(show(&[0xa100 | 1, 1, 2345, 6700]), "-12345.67");
        assert_eq!(show(&[0x8000 | 5 << 7 | 0x7e, 1000]), "0.00001");
        assert_eq!(show(&[0x800a, 1]), format!("1{}", "0".repeat(40)));
        assert_eq!(show(&[0x4000 | 70, (-18_i16) as u16, 500]), format!("-0.{}5", "0".repeat(69)));
    }

    #[test]
    fn values_read_as_sql() {
        assert_eq!(show_decimal(-5, 2), "-0.05");
        assert_eq!(show_decimal(12345, 0), "12345");
        assert_eq!(show_date(0), "'2000-01-01'");
        assert_eq!(show_date(59), "'2000-02-29'");
        assert_eq!(show_date(-730_119), "'0001-01-01'");
        assert_eq!(show_date(-730_120), "'0001-12-31 BC'");
        assert_eq!(show_timestamp(-1), "'1999-12-31 23:59:59.999999'");
        assert_eq!(show_timestamp(i64::MAX), "infinity");
        assert_eq!(show_time(86_400_000_000), "24:00:00");
    }

    #[test]
    fn lazy_operators_read_as_sql() {
        let names = ["a".to_owned(), "b".to_owned()];
        let (a, b) = (|| Box::new(Expr::Column(0)), || Box::new(Expr::Column(1)));
        let shown = |expr: Expr| show(&expr, &names);
        let distinct = |negated| Expr::IsDistinct { left: a(), right: b(), negated };
        assert_eq!(shown(distinct(false)), "(a IS DISTINCT FROM b)");
        assert_eq!(shown(distinct(true)), "(a IS NOT DISTINCT FROM b)");
        let equal = Expr::call(Function::Eq, vec![*a(), *b()], DataType::Bool);
        let null_if = Expr::NullIf { left: b(), right: a(), equal: Box::new(equal) };
        assert_eq!(shown(null_if), "NULLIF(b, a)");
        let least = Expr::MinMax { extreme: Extreme::Least, args: vec![*a(), *b()] };
        assert_eq!(shown(least), "LEAST(a, b)");
        let ty = DataType::Int4;
        let values = vec![Literal { ty, value: Some(Value::Int(1)) }, Literal { ty, value: None }];
        let list = Expr::InList { arg: a(), values, negated: true };
        assert_eq!(shown(list), "(a NOT IN (1, NULL))");
        let pairs = vec![(*a(), *b()), (*b(), *a())];
        let rows = Expr::RowCompare { comparison: Function::Ge, pairs };
        assert_eq!(shown(rows), "(ROW(a, b) >= ROW(b, a))");
    }

    #[test]
    fn plan_reads_top_down_with_leaf_names() {
        let field = |name: &str, ty| Field { name: name.into(), ty };
        let decimal = DataType::Decimal { precision: 15, scale: 2 };
        let plan = Plan {
            root: Rel::Aggregate {
                input: Box::new(Rel::Filter {
                    input: Box::new(Rel::Leaf(0)),
                    predicates: vec![Expr::call(
                        Function::Lt,
                        vec![Expr::Column(1), Expr::literal(decimal, Value::Decimal(Some(2400)))],
                        DataType::Bool,
                    )],
                    rows: 10.0,
                }),
                groups: vec![Expr::Column(0)],
                aggregates: vec![Aggregate {
                    function: AggregateFunction::Sum,
                    args: vec![Expr::Column(1)],
                    filter: None,
                    distinct: false,
                    ty: DataType::Decimal { precision: 38, scale: 2 },
                }],
                rows: 3.0,
            },
            leaves: vec![LeafSchema {
                name: "lineitem".into(),
                fields: vec![field("l_returnflag", DataType::Bpchar), field("l_quantity", decimal)],
                rows: 100.0,
            }],
            params: vec![],
        };
        assert_eq!(
            plan.to_string(),
            "Aggregate by l_returnflag: sum(l_quantity)\n  \
             Filter: (l_quantity < 24.00)\n    \
             Leaf 0: lineitem\n"
        );
    }
}
