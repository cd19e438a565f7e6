//! Cursors that are read in both directions, and what can be said of what they gave when
//! the query itself does not say in which order its rows come.

use std::collections::BTreeMap;

use fusion_bench::connect::Rows;

use crate::wire::Answer;

/// A cursor and how it is read. After the moves, everything that follows is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// SCROLL, NO SCROLL, or neither.
    pub scroll: Option<bool>,
    /// WITH HOLD, and the transaction ends before it is read.
    pub hold: bool,
    /// How it is read.
    pub moves: Vec<Move>,
}

/// FETCH or MOVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// FETCH: the rows are wanted.
    pub fetch: bool,
    /// Where to.
    pub to: To,
}

/// Directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// So many rows on.
    Forward(u32),
    /// So many rows back.
    Backward(u32),
    /// Behind the last row.
    End,
    /// Before the first row.
    Start,
    /// The first row.
    First,
    /// The row of this number.
    Absolute(u32),
}

/// The last move of all.
pub const REST: Move = Move { fetch: true, to: To::End };

impl Cursor {
    /// The statement that makes the cursor `c`.
    pub fn declare(&self, sql: &str) -> String {
        let scroll = match self.scroll {
            None => "",
            Some(true) => "SCROLL ",
            Some(false) => "NO SCROLL ",
        };
        let hold = if self.hold { "WITH HOLD " } else { "" };
        format!("DECLARE c {scroll}CURSOR {hold}FOR {sql}")
    }

    /// Whether it is ever read backwards.
    pub fn goes_back(&self) -> bool {
        let is_back = |step: &Move| !matches!(step.to, To::Forward(_) | To::End);
        self.moves.iter().any(is_back)
    }
}

impl Move {
    /// The statement.
    pub fn sql(self) -> String {
        let verb = if self.fetch { "FETCH" } else { "MOVE" };
        let direction = match self.to {
            To::Forward(count) => format!("FORWARD {count}"),
            To::Backward(count) => format!("BACKWARD {count}"),
            To::End => "FORWARD ALL".to_owned(),
            To::Start => "BACKWARD ALL".to_owned(),
            To::First => "FIRST".to_owned(),
            To::Absolute(number) => format!("ABSOLUTE {number}"),
        };
        format!("{verb} {direction} FROM c")
    }
}

/// What the moves gave: rows by their place, as far as places are known.
#[derive(Debug, Default)]
pub struct Reading {
    columns: Vec<String>,
    /// The number of the current row, 0 before the first, one more than there are behind
    /// the last; nothing when it is not known.
    place: Option<u64>,
    /// The place behind the last row, once it is known.
    end: Option<u64>,
    rows: BTreeMap<u64, Vec<Option<String>>>,
    log: Vec<String>,
}

impl Reading {
    /// Before the first row.
    pub fn new() -> Self {
        Self { place: Some(0), ..Self::default() }
    }

    /// Takes what a move gave.
    pub fn take(&mut self, step: Move, answer: Answer) {
        let count = answer.tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
        self.log.push(format!("{}: {count}", step.sql()));
        if !answer.rows.columns.is_empty() {
            self.columns.clone_from(&answer.rows.columns);
        }
        let first = self.go(step.to, count);
        let backwards = matches!(step.to, To::Backward(_) | To::Start);
        for (offset, row) in (0..).zip(answer.rows.rows) {
            let Some(first) = first else { continue };
            let place = if backwards { first - offset } else { first + offset };
            match self.rows.get(&place) {
                Some(known) if *known != row => {
                    self.log.push(format!("row {place} is not what it was"));
                }
                _ => drop(self.rows.insert(place, row)),
            }
        }
    }

    /// Goes to where a move of so many rows ends; the place of its first row.
    fn go(&mut self, to: To, count: u64) -> Option<u64> {
        let place = self.place;
        match to {
            To::Forward(_) | To::End => {
                let wanted =
                    if let To::Forward(wanted) = to { u64::from(wanted) } else { u64::MAX };
                let is_over = count < wanted;
                if is_over && self.end.is_none() {
                    self.end = place.map(|place| place + count + 1);
                }
                self.place = if is_over { self.end } else { place.map(|place| place + count) };
                place.map(|place| place + 1)
            }
            To::Backward(_) | To::Start => {
                let wanted =
                    if let To::Backward(wanted) = to { u64::from(wanted) } else { u64::MAX };
                let is_over = count < wanted;
                let start = place.filter(|place| *place > count);
                self.place = if is_over { Some(0) } else { start.map(|place| place - count) };
                place.map(|place| place.saturating_sub(1)).filter(|first| *first >= count)
            }
            To::First | To::Absolute(_) => {
                let number = if let To::Absolute(number) = to { u64::from(number) } else { 1 };
                self.place = if number == 0 || count == 1 { Some(number) } else { self.end };
                (count == 1).then_some(number)
            }
        }
    }

    /// The counts of all moves, and where a row was another one the second time: to be
    /// compared as they are.
    pub fn log(&self) -> Rows {
        let rows = self.log.iter().map(|line| vec![Some(line.clone())]).collect();
        Rows { columns: vec!["moves".to_owned()], rows }
    }

    /// The rows that were seen, by their places; and whether these are all.
    pub fn rows(self) -> (Rows, bool) {
        let all = self.end.is_some_and(|end| self.rows.len() as u64 + 1 == end);
        (Rows { columns: self.columns, rows: self.rows.into_values().collect() }, all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(tag: &str, rows: &[&str]) -> Answer {
        let row = |text: &&str| vec![Some((*text).to_owned())];
        let rows = Rows { columns: vec!["a".to_owned()], rows: rows.iter().map(row).collect() };
        Answer { rows, tag: tag.to_owned() }
    }

    fn fetch(to: To) -> Move {
        Move { fetch: true, to }
    }

    #[test]
    fn rows_are_put_in_their_places() {
        let mut reading = Reading::new();
        reading.take(fetch(To::Forward(2)), answer("FETCH 2", &["x", "y"]));
        reading.take(fetch(To::Backward(1)), answer("FETCH 1", &["x"]));
        reading.take(Move { fetch: false, to: To::Forward(1) }, answer("MOVE 1", &[]));
        reading.take(REST, answer("FETCH 1", &["z"]));
        reading.take(fetch(To::Start), answer("FETCH 3", &["z", "y", "x"]));
        assert_eq!(reading.log().rows.len(), 5);
        let (rows, all) = reading.rows();
        assert_eq!((rows.lines().as_str(), all), ("x\ny\nz", true));
    }

    #[test]
    fn a_row_that_changes_is_told() {
        let mut reading = Reading::new();
        reading.take(fetch(To::Forward(5)), answer("FETCH 1", &["x"]));
        reading.take(fetch(To::Backward(1)), answer("FETCH 1", &["y"]));
        reading.take(REST, answer("FETCH 0", &[]));
        assert!(reading.log().lines().contains("row 1 is not what it was"));
    }

    #[test]
    fn places_may_remain_unknown() {
        let mut reading = Reading::new();
        reading.take(fetch(To::Absolute(9)), answer("FETCH 0", &[]));
        reading.take(fetch(To::Backward(1)), answer("FETCH 1", &["y"]));
        reading.take(fetch(To::First), answer("FETCH 1", &["x"]));
        reading.take(Move { fetch: false, to: To::End }, answer("MOVE 1", &[]));
        let (rows, all) = reading.rows();
        assert_eq!((rows.lines().as_str(), all), ("x", false));
    }
}
