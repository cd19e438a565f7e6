//! What was tried, and what came out of it.

use std::collections::BTreeMap;
use std::fmt;

use crate::case::{Against, Basis, Case};
use crate::kinds::{ALL, kinds};
use crate::verdict::{Judgement, Verdict, without_values};

/// Counts of verdicts, and of what the PgFusion nodes did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// All queries.
    pub queries: usize,
    /// Queries that PostgreSQL does not accept, by reason.
    pub invalid: BTreeMap<String, usize>,
    /// Valid queries without a PgFusion node in the forced plan.
    pub not_taken: usize,
    /// Those of them that were not forced, or are about PostgreSQL's serial plan, where much
    /// stays in PostgreSQL.
    pub kept: usize,
    /// Compared queries with the same rows.
    pub same: usize,
    /// Those of them with at least one row.
    pub same_with_rows: usize,
    /// The rows of all of them.
    pub rows: usize,
    /// Compared queries with the same error.
    pub same_errors: BTreeMap<String, usize>,
    /// Errors of one SQLSTATE with different messages.
    pub messages: BTreeMap<String, usize>,
    /// Compared queries with different errors of class 22.
    pub other_data_errors: usize,
    /// Queries that PostgreSQL alone did not finish in time.
    pub slow: usize,
    /// Queries whose result PostgreSQL does not determine.
    pub undetermined: usize,
    /// Queries where only one came to an error.
    pub unreached: usize,
    /// Differences by kind, or by pg_fusion's error.
    pub different: BTreeMap<String, usize>,
    /// What the PgFusion nodes held, by plan line.
    pub operators: BTreeMap<String, usize>,
    /// What was special about the queries.
    pub kinds: BTreeMap<&'static str, Kind>,
    /// The functions that plan lines of PgFusion nodes name.
    pub functions: BTreeMap<String, usize>,
}

/// How often a kind of query came up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kind {
    /// All queries.
    pub queries: usize,
    /// Those with a PgFusion node.
    pub taken: usize,
    /// Those with a PgFusion node and the same rows, of which there were any.
    pub with_rows: usize,
    /// Those that differ.
    pub different: usize,
}

impl Tally {
    /// Counts one case.
    pub fn count(&mut self, case: &Case, judgement: &Judgement) {
        self.queries += 1;
        for kind in kinds(case) {
            let kind = self.kinds.entry(kind).or_default();
            kind.queries += 1;
            kind.taken += usize::from(!judgement.fusion_lines.is_empty());
            let same = matches!(judgement.verdict, Verdict::Same(rows) if rows > 0);
            kind.with_rows += usize::from(same);
            let different = matches!(judgement.verdict, Verdict::Different(_));
            kind.different += usize::from(different);
        }
        let may_keep = case.against == Against::Chosen || case.basis == Basis::Serial;
        if may_keep && judgement.verdict == Verdict::NotTaken {
            self.kept += 1;
        }
        match &judgement.verdict {
            Verdict::Invalid(failure) => {
                *self.invalid.entry(without_values(&failure.to_string())).or_default() += 1;
            }
            Verdict::NotTaken => self.not_taken += 1,
            Verdict::Same(rows) => {
                self.same += 1;
                self.same_with_rows += usize::from(*rows > 0);
                self.rows += rows;
            }
            Verdict::SameError { native, forced } => {
                *self.same_errors.entry(native.sqlstate.clone()).or_default() += 1;
                let (native, forced) =
                    (without_values(&native.message), without_values(&forced.message));
                if native != forced {
                    *self.messages.entry(format!("{forced}, not {native}")).or_default() += 1;
                }
            }
            Verdict::OtherDataError => self.other_data_errors += 1,
            Verdict::Slow => self.slow += 1,
            Verdict::Undetermined => self.undetermined += 1,
            Verdict::Unreached => self.unreached += 1,
            Verdict::Different(difference) => {
                let name = difference.fault().unwrap_or_else(|| difference.kind.to_string());
                *self.different.entry(name).or_default() += 1;
            }
        }
        for line in &judgement.fusion_lines {
            *self.operators.entry(operator(line)).or_default() += 1;
            for function in functions(line) {
                *self.functions.entry(function.to_owned()).or_default() += 1;
            }
        }
    }

    /// Queries that PostgreSQL accepts.
    pub fn valid(&self) -> usize {
        self.queries - self.invalid.values().sum::<usize>()
    }

    /// Queries that ran with a PgFusion node.
    pub fn taken(&self) -> usize {
        self.valid() - self.not_taken - self.slow
    }

    /// Of 100 valid queries, how many ran with a PgFusion node; without those that may have
    /// none.
    pub fn taken_percent(&self) -> f64 {
        percent(self.taken(), self.valid() - self.kept)
    }

    /// Of 100 queries, how many PostgreSQL accepts.
    pub fn valid_percent(&self) -> f64 {
        percent(self.valid(), self.queries)
    }

    /// How many differ.
    pub fn differences(&self) -> usize {
        self.different.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} queries", self.queries)?;
        writeln!(f, "  {} valid ({:.1} %)", self.valid(), self.valid_percent())?;
        list(f, "    not: ", "; ", &self.invalid, 12)?;
        writeln!(
            f,
            "  {} with a PgFusion node ({:.1} % of the valid)",
            self.taken(),
            self.taken_percent()
        )?;
        let (same, with_rows, rows) = (self.same, self.same_with_rows, self.rows);
        writeln!(f, "    {same} with the same rows ({with_rows} with any, {rows} rows in all)")?;
        let errors: usize = self.same_errors.values().sum();
        writeln!(f, "    {errors} with the same error")?;
        list(f, "      ", ", ", &self.same_errors, 12)?;
        list(f, "      other messages: ", "; ", &self.messages, 20)?;
        writeln!(f, "    {} with another error of class 22", self.other_data_errors)?;
        writeln!(f, "    {} on which PostgreSQL contradicts itself", self.undetermined)?;
        writeln!(f, "    {} with an error that only one of them came to", self.unreached)?;
        writeln!(f, "    {} different", self.differences())?;
        list(f, "      ", "; ", &self.different, 40)?;
        writeln!(f, "  {} too slow in PostgreSQL alone", self.slow)?;
        writeln!(f, "  kinds (with a PgFusion node, with the same rows, different):")?;
        for name in ALL {
            let kind = self.kinds.get(name).copied().unwrap_or_default();
            let Kind { queries, taken, with_rows, different } = kind;
            writeln!(f, "    {name}: {queries} ({taken}, {with_rows}, {different})")?;
        }
        list(f, "  the nodes held: ", ", ", &self.operators, 40)?;
        list(f, "  and named: ", ", ", &self.functions, 120)
    }
}

/// The most frequent entries, if there are any.
fn list(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    separator: &str,
    counts: &BTreeMap<String, usize>,
    most: usize,
) -> fmt::Result {
    if counts.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<(&String, &usize)> = counts.iter().collect();
    sorted.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let shown: Vec<String> =
        sorted.iter().take(most).map(|(name, count)| format!("{name} {count}")).collect();
    let more = if sorted.len() > most { format!("{separator}...") } else { String::new() };
    writeln!(f, "{title}{}{more}", shown.join(separator))
}

fn percent(part: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { 100.0 * part as f64 / all as f64 }
}

/// The name of a plan line's operator: `Inner join` of `  Inner join on (a = b)`.
fn operator(line: &str) -> String {
    let words = line.trim_start().split(' ').take_while(|word| {
        !["on", "by"].contains(word) && word.chars().all(|c| c.is_alphabetic() || "-:".contains(c))
    });
    let mut name: Vec<&str> = Vec::new();
    for word in words {
        name.push(word.trim_end_matches(':'));
        if word.ends_with(':') {
            break;
        }
    }
    name.join(" ")
}

/// The names that stand before an opening parenthesis.
fn functions(line: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let before = line.match_indices('(').map(|(position, _)| &line[..position]);
    let names = before.map(|before| &before[before.trim_end_matches(is_part).len()..]);
    names.filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{Query, Select};
    use crate::manner::Manner;
    use crate::schema::Schema;
    use crate::verdict::Failure;

    #[test]
    fn operators_and_functions_are_named() {
        assert_eq!(operator("    Inner join on (i = i)"), "Inner join");
        assert_eq!(operator("Top 3 by i"), "Top");
        assert_eq!(operator("  Filter: (count(*) > 0)"), "Filter");
        assert_eq!(operator("  Aggregate by i: sum(n)"), "Aggregate");
        assert_eq!(operator("Leaf 0: a"), "Leaf");
        let line = "Filter: ((upper(a) = lower(b)) AND (c > 1))";
        assert_eq!(functions(line), ["upper", "lower"]);
    }

    #[test]
    fn shares_are_of_the_valid_ones() {
        let mut tally = Tally::default();
        let case = Case {
            schema: Schema::default().into(),
            settings: Vec::new(),
            manner: Manner::Plain,
            against: Against::Forced,
            basis: Basis::Any,
            query: Query::of(Select::empty()),
        };
        let failure = Failure { sqlstate: "42883".to_owned(), message: "no \"f\"".to_owned() };
        for verdict in [
            Verdict::Invalid(failure),
            Verdict::NotTaken,
            Verdict::Same(3),
            Verdict::Same(0),
            Verdict::OtherDataError,
        ] {
            tally.count(&case, &Judgement { verdict, fusion_lines: Vec::new() });
        }
        assert_eq!((tally.valid(), tally.taken(), tally.taken_percent()), (4, 3, 75.0));
        assert_eq!(tally.invalid["no \"\" (42883)"], 1);
        assert_eq!((tally.rows, tally.same_with_rows), (3, 1));
    }
}
