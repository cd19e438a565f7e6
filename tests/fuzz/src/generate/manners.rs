//! How a query is run, by chance.

use super::Generator;
use crate::ast::Query;
use crate::case::{Against, Basis};
use crate::cursor::{Cursor, Move, To};
use crate::determined::{Look, Rows, determined};
use crate::manner::{Manner, is_one_group, uses_sequence};

impl Generator<'_> {
    /// The basis of a case.
    pub(super) fn basis(&mut self) -> Basis {
        if self.dice.percent(18) { Basis::Serial } else { Basis::Any }
    }

    /// What is compared with PostgreSQL alone.
    pub(super) fn against(&mut self) -> Against {
        if self.dice.percent(22) { Against::Chosen } else { Against::Forced }
    }

    /// A way to run a query that leaves something to compare.
    pub(super) fn manner(&mut self, query: &Query, basis: Basis) -> Manner {
        let step = *self.dice.pick(&[1, 7, 100]);
        let cursor = self.cursor();
        let choices = [
            (38, Manner::Plain),
            (9, Manner::Prepared),
            (13, Manner::Portal(step)),
            (6, Manner::Fetch(step)),
            (13, Manner::Cursor(cursor)),
            (6, Manner::Loop),
            (6, Manner::Function),
            (5, Manner::FirstRow),
            (6, Manner::Create),
            (6, Manner::Insert),
        ];
        let manner = self.dice.weighted(&choices).clone();
        let Some(determined) = determined(query, basis) else { return Manner::Plain };
        let exact = determined.looks.iter().all(|look| *look == Look::Exact);
        let fits = match &manner {
            Manner::FirstRow => exact && (determined.rows == Rows::Ordered || is_one_group(query)),
            manner if manner.is_composite() => exact,
            // Which rows a half-read cursor takes numbers for depends on the plan.
            Manner::Cursor(_) => !uses_sequence(query),
            _ => true,
        };
        if fits { manner } else { Manner::Plain }
    }

    fn cursor(&mut self) -> Cursor {
        let scroll = *self.dice.weighted(&[(50, None), (40, Some(true)), (10, Some(false))]);
        let moves = (0..self.dice.between(2, 6)).map(|index| self.step(index == 0)).collect();
        Cursor { scroll, hold: self.dice.percent(20), moves }
    }

    fn step(&mut self, first: bool) -> Move {
        let count = *self.dice.pick(&[1, 2, 3, 5, 20]);
        if first {
            return Move { fetch: true, to: To::Forward(count) };
        }
        let to = *self.dice.weighted(&[
            (30, To::Forward(count)),
            (35, To::Backward(count)),
            (8, To::End),
            (12, To::Start),
            (8, To::First),
            (7, To::Absolute(count)),
        ]);
        // What is passed over on the way on is not seen.
        let is_on = matches!(to, To::Forward(_) | To::End | To::Absolute(_));
        Move { fetch: self.dice.percent(if is_on { 85 } else { 60 }), to }
    }
}
