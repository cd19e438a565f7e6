//! What is noted in a planner call for a report, and the lines of one.

use pgrx::pg_sys::{self, UpperRelationKind};
use std::collections::{HashMap, HashSet};

/// One line of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The relation set or stage, in words.
    pub place: String,
    /// What it says.
    pub why: Why,
    /// The subplan that it is about, by its index in the planned statement.
    pub subplan: Option<usize>,
}

/// What a line says of its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// There was no fusion plan, for this reason.
    Reason(String),
    /// There was a fusion plan that costs `ours`; PostgreSQL's costs `native`, or
    /// infinity if none is left that could stand alone.
    Cost {
        /// Of the fusion plan.
        ours: f64,
        /// Of PostgreSQL's.
        native: f64,
    },
}

impl Line {
    /// The line as it is shown; `costs` says whether with the figures.
    pub fn text(&self, costs: bool) -> String {
        let place = &self.place;
        match self.why {
            Why::Reason(ref text) => format!("{place}: {text}"),
            Why::Cost { ours, native } => {
                let figures = match costs && native.is_finite() {
                    true => format!(" (cost {native:.2} against {ours:.2})"),
                    false => String::new(),
                };
                // A path that costs more may still win: for its order, or for
                // what it costs up to the first row.
                let winner = match native < ours {
                    true => "PostgreSQL's plan is cheaper",
                    false => "PostgreSQL's plan suits what is above it better",
                };
                format!("{place}: possible, but {winner}{figures}")
            }
        }
    }
}

/// What has been noted in a planner call.
#[derive(Default)]
pub struct Notes {
    /// Whether the call plans a cursor whose first rows are wanted soon.
    pub fast_start: bool,
    /// Why there is no fusion plan of something.
    pub noted: Vec<Note>,
    /// Fusion plans that were offered as paths of a relation: the last one.
    pub offered: HashMap<*const pg_sys::RelOptInfo, Offer>,
    /// The query levels whose joins the genetic query optimiser looks for.
    pub genetic: HashSet<*const pg_sys::PlannerInfo>,
    /// What is to be said.
    pub lines: Vec<Line>,
}

/// A fusion plan that was offered.
#[derive(Clone, Copy)]
pub struct Offer {
    /// What the path costs, but for its columns: in the end PostgreSQL gives all
    /// paths of a relation those that are needed above.
    pub without_target: f64,
    /// Its rows.
    pub rows: f64,
    /// Its columns.
    pub target: *const pg_sys::PathTarget,
}

/// A relation set or a stage above the joins, within one query level.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// The relations, by range table index.
    Relations(Vec<i32>),
    /// The stage.
    Stage(UpperRelationKind::Type),
}

/// What kind of note it is.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// There is no fusion plan of the place.
    Obstacle,
    /// There may be, but a condition is left to PostgreSQL.
    Condition,
    /// There may be, but PostgreSQL computes an expression for it.
    Expression,
}

/// One note.
#[derive(PartialEq)]
pub struct Note {
    /// The query level.
    pub root: *const pg_sys::PlannerInfo,
    /// What it is about.
    pub place: Place,
    /// What kind of note it is.
    pub kind: Kind,
    /// The reason in words.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(why: Why) -> Line {
        Line { place: "a, b".to_owned(), why, subplan: None }
    }

    #[test]
    fn costs_are_shown_when_wanted() {
        let dearer = line(Why::Cost { ours: 456.784, native: 123.45 });
        let text = "a, b: possible, but PostgreSQL's plan is cheaper";
        assert_eq!(dearer.text(true), format!("{text} (cost 123.45 against 456.78)"));
        assert_eq!(dearer.text(false), text);
        let not_dearer = line(Why::Cost { ours: 1.0, native: 1.0 });
        assert!(!not_dearer.text(true).contains("cheaper"));
    }
}
