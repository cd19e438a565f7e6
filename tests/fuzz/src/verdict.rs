//! What came out of a case.

use std::fmt;

/// What is said about a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// PostgreSQL does not accept the query (or the tables).
    Invalid(Failure),
    /// The forced plan has no PgFusion node: there is nothing to compare.
    NotTaken,
    /// Both gave the same rows, so many.
    Same(usize),
    /// Both failed with the same SQLSTATE.
    SameError {
        /// PostgreSQL's error.
        native: Failure,
        /// The other one.
        forced: Failure,
    },
    /// Both failed with data exceptions, but different ones: which comes first is not
    /// determined.
    OtherDataError,
    /// PostgreSQL alone takes too long.
    Slow,
    /// PostgreSQL's own plans do not agree with each other.
    Undetermined,
    /// Only one of them came to an error, and it depends on the plan who does: the
    /// other had no rows to join with, was done with the row by another condition, or
    /// stopped at its LIMIT.
    Unreached,
    /// A difference.
    Different(Difference),
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its SQLSTATE.
    pub sqlstate: String,
    /// Its message.
    pub message: String,
}

/// A difference between PostgreSQL alone and with pg_fusion forced.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its kind.
    pub kind: Kind,
    /// In words.
    pub text: String,
}

/// Kinds of difference. The shrinker keeps to one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The rows.
    Rows,
    /// The rows, where only PostgreSQL's serial plan says which are right.
    Serial,
    /// Only pg_fusion fails, with this SQLSTATE.
    ForcedFails(String),
    /// Only PostgreSQL fails, with this SQLSTATE.
    NativeFails(String),
    /// Both fail, with these SQLSTATEs.
    Errors(String, String),
    /// The server crashed, or gave no answer any more.
    Lost,
    /// pg_fusion takes much longer than PostgreSQL, and hit the timeout.
    TimesOut,
    /// Pages or sessions are left behind.
    Leak,
}

impl Difference {
    /// What an error that only pg_fusion raises says, if no data can be the cause: an
    /// internal error, or one that speaks of pg_fusion. A difference with another message
    /// has another cause.
    pub fn fault(&self) -> Option<String> {
        let (Kind::ForcedFails(sqlstate) | Kind::Errors(_, sqlstate)) = &self.kind else {
            return None;
        };
        let message = self.text.split(" instead of ").next().unwrap_or_default();
        let is_fault = sqlstate.starts_with("XX") || message.contains("pg_fusion");
        is_fault.then(|| without_values(message))
    }
}

/// A message without what it quotes: that differs from row to row.
pub fn without_values(message: &str) -> String {
    let mut quoted = false;
    let mut text = String::new();
    for c in message.chars() {
        if c == '"' {
            quoted = !quoted;
        }
        if c == '"' || !quoted {
            text.push(c);
        }
    }
    text
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows => f.write_str("other rows"),
            Self::Serial => f.write_str("other rows than those of PostgreSQL's serial plan"),
            Self::ForcedFails(sqlstate) => write!(f, "error {sqlstate} only with pg_fusion"),
            Self::NativeFails(sqlstate) => write!(f, "error {sqlstate} only without pg_fusion"),
            Self::Errors(native, forced) => write!(f, "error {forced} instead of {native}"),
            Self::Lost => f.write_str("crash"),
            Self::TimesOut => f.write_str("timeout"),
            Self::Leak => f.write_str("pages or sessions left behind"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.sqlstate)
    }
}

impl Failure {
    /// Whether it is about data: division by zero, overflow, invalid text. PostgreSQL
    /// also reports some of these as features that it lacks, and comparisons that have
    /// no collation only when they are evaluated.
    pub fn is_data_exception(&self) -> bool {
        self.sqlstate.starts_with("22")
            || self.sqlstate == "42P22"
            || (self.sqlstate == "0A000" && self.message.starts_with("cannot convert "))
    }

    /// Whether the query itself is at fault: syntax, names, types, features.
    pub fn is_about_the_query(&self) -> bool {
        ["42", "0A"].iter().any(|class| self.sqlstate.starts_with(class))
    }
}

/// What is said about a case, and how it was planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// What came out.
    pub verdict: Verdict,
    /// The lines of the fusion plans in the forced plan.
    pub fusion_lines: Vec<String>,
}

/// Tries cases. The finder's is [`crate::oracle::Oracle`].
pub trait Judge {
    /// Tries a case.
    fn judge(&mut self, case: &crate::case::Case) -> Judgement;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_exceptions_have_several_classes() {
        let about_data = |sqlstate: &str, message: &str| {
            let failure = Failure { sqlstate: sqlstate.into(), message: message.into() };
            failure.is_data_exception()
        };
        assert!(about_data("22012", "division by zero"));
        assert!(about_data("0A000", "cannot convert NaN to integer"));
        assert!(!about_data("0A000", "interval units \"x\" not supported"));
        assert!(!about_data("42883", "function does not exist"));
    }

    #[test]
    fn faults_are_told_by_their_message() {
        let fault = |sqlstate: &str, text: &str| {
            let kind = Kind::ForcedFails(sqlstate.to_owned());
            Difference { kind, text: text.to_owned() }.fault()
        };
        let text = "no column \"a\" (XX000) instead of 3 rows";
        assert_eq!(fault("XX000", text).unwrap(), "no column \"\" (XX000)");
        assert_eq!(fault("22012", "division by zero (22012) instead of 3 rows"), None);
        assert_eq!(fault("0A000", "cannot convert NaN to integer (0A000) instead of 1 rows"), None);
        assert!(fault("0A000", "pg_fusion cannot do it (0A000) instead of 1 rows").is_some());
    }
}
