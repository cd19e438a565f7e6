//! Makes a case that shows a difference as small as it can while it still shows one of
//! the same kind.
//!
//! It tries smaller cases one after the other and keeps each that still fails, until
//! none does. A smaller case may be nonsense (a column without its table): then it does
//! not fail in that way, and is not kept.

mod cost;
mod data;
mod exprs;
mod queries;

use std::time::{Duration, Instant};

use crate::case::{Against, Basis, Case};
use crate::cursor::Cursor;
use crate::manner::Manner;
use crate::verdict::{Difference, Judge, Verdict};

/// How much may be spent on one case.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Cases to try.
    pub attempts: usize,
    /// Time.
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { attempts: 6000, time: Duration::from_secs(120) }
    }
}

/// The smallest case found that shows a difference of the same kind, starting from one
/// that does.
pub fn shrink(judge: &mut dyn Judge, case: Case, found: &Difference, budget: Budget) -> Case {
    let deadline = Instant::now() + budget.time;
    let mut shrinker = Shrinker { judge, found, case, deadline, attempts: budget.attempts };
    shrinker.all();
    shrinker.case
}

struct Shrinker<'a> {
    judge: &'a mut dyn Judge,
    found: &'a Difference,
    case: Case,
    deadline: Instant,
    attempts: usize,
}

impl Shrinker<'_> {
    fn all(&mut self) {
        self.frame();
        // Few rows make everything after it fast.
        self.rows(true);
        loop {
            let before = self.case.clone();
            self.query();
            self.frame();
            self.tables();
            self.rows(false);
            self.values();
            if self.case == before || self.is_over() {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.attempts == 0 || Instant::now() > self.deadline
    }

    /// Keeps the case if it still shows the difference.
    fn keep(&mut self, case: Case) -> bool {
        if self.is_over() || case == self.case {
            return false;
        }
        self.attempts -= 1;
        let verdict = self.judge.judge(&case).verdict;
        let is_same = |difference: &Difference| {
            difference.kind == self.found.kind && difference.fault() == self.found.fault()
        };
        let fails = matches!(&verdict, Verdict::Different(difference) if is_same(difference));
        if fails {
            self.case = case;
        }
        fails
    }

    /// What is around the query.
    fn frame(&mut self) {
        if self.case.manner != Manner::Plain {
            let is_plain = self.keep(Case { manner: Manner::Plain, ..self.case.clone() });
            if !is_plain {
                self.moves();
            }
        }
        if self.case.against != Against::Forced {
            self.keep(Case { against: Against::Forced, ..self.case.clone() });
        }
        if self.case.basis != Basis::Any {
            self.keep(Case { basis: Basis::Any, ..self.case.clone() });
        }
        for index in (0..self.case.settings.len()).rev() {
            let mut case = self.case.clone();
            case.settings.remove(index);
            self.keep(case);
        }
    }

    /// How the cursor is read.
    fn moves(&mut self) {
        let Manner::Cursor(cursor) = self.case.manner.clone() else { return };
        let plain = Cursor { scroll: None, hold: false, ..cursor.clone() };
        self.keep(Case { manner: Manner::Cursor(plain), ..self.case.clone() });
        for index in (0..cursor.moves.len()).rev() {
            let Manner::Cursor(mut shorter) = self.case.manner.clone() else { return };
            shorter.moves.remove(index);
            self.keep(Case { manner: Manner::Cursor(shorter), ..self.case.clone() });
        }
    }

    /// The query, by candidates that are cheaper than it.
    fn query(&mut self) {
        let mut next = 0;
        loop {
            let best = cost::of_query(&self.case.query);
            let mut candidates = queries::candidates(&self.case.query);
            candidates.extend(exprs::candidates(&self.case.query));
            candidates.retain(|candidate| cost::of_query(candidate) < best);
            let Some(query) = candidates.into_iter().nth(next) else { return };
            if self.is_over() {
                return;
            }
            // After a success the next candidate has the same number.
            if !self.keep(Case { query, ..self.case.clone() }) {
                next += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::dice::Dice;
    use crate::generate::{Known, Options, case, schema};
    use crate::print::sql;
    use crate::verdict::{Judgement, Kind};

    /// Says that a case differs if its query has a text in it and a table has a row
    /// with NULL in it.
    struct Fake {
        text: &'static str,
        asked: usize,
    }

    fn other_rows() -> Difference {
        Difference { kind: Kind::Rows, text: String::new() }
    }

    impl Judge for Fake {
        fn judge(&mut self, case: &Case) -> Judgement {
            self.asked += 1;
            let has_null = |table: &crate::schema::Table| {
                table.rows.iter().flatten().any(|value| value.is_none())
            };
            let differs =
                sql(&case.query).contains(self.text) && case.schema.tables.iter().any(has_null);
            let verdict = if differs { Verdict::Different(other_rows()) } else { Verdict::Same(1) };
            Judgement { verdict, fusion_lines: Vec::new() }
        }
    }

    fn shrunk(text: &'static str) -> (Case, Case, usize) {
        let schema = Rc::new(schema(&mut Dice::new(11, 0)));
        let known = Known::of(&schema);
        let mut fake = Fake { text, asked: 0 };
        let found = (1..5000)
            .map(|stream| case(Dice::new(11, stream), &schema, &known, &Options::default()))
            .filter(|case| cost::of_query(&case.query) > 100)
            .find(|case| matches!(fake.judge(case).verdict, Verdict::Different(_)))
            .expect("one of many queries has the text");
        fake.asked = 0;
        let small = shrink(&mut fake, found.clone(), &other_rows(), Budget::default());
        (found, small, fake.asked)
    }

    #[test]
    fn an_expression_is_all_that_remains() {
        let (found, small, asked) = shrunk("upper(");
        let text = sql(&small.query);
        assert!(text.contains("upper(") && text.len() < 90, "{text}");
        assert!(sql(&found.query).len() > 200);
        assert_eq!(small.schema.tables.len(), 1, "{text}");
        assert_eq!(small.schema.tables[0].rows.len(), 1);
        assert_eq!(small.schema.tables[0].columns.len(), 1);
        assert!(small.settings.is_empty() && small.manner == Manner::Plain);
        assert!(asked < 2000, "{asked}");
    }

    #[test]
    fn a_clause_is_all_that_remains() {
        for text in [" FULL JOIN ", " HAVING ", "NOT EXISTS (", ") UNION (", "LIMIT ", "LATERAL ("]
        {
            let (_, small, _) = shrunk(text);
            let sql = sql(&small.query);
            assert!(sql.contains(text) && sql.len() < 160, "{sql}");
        }
    }
}
