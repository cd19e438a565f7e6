//! Random tables with random rows.
//!
//! Values come from pools that columns share, so that joins and groups match. Each
//! column is either tame or wild: with only wild columns nearly every query would be
//! an overflow.

use std::collections::BTreeMap;

use crate::cell;
use crate::dice::Dice;
use crate::schema::{Column, Index, Row, Schema, Table};
use crate::types::Ty;
use crate::values::{Modifier, Taste, value};

/// Tables with rows.
pub fn schema(dice: &mut Dice) -> Schema {
    let count = *dice.weighted(&[(2, 2), (4, 3), (2, 4)]);
    let mut values = Values::default();
    let tables = (0..count).map(|number| table(dice, &mut values, number)).collect();
    Schema { tables }
}

/// Values of columns so far, to be used again.
#[derive(Default)]
struct Values {
    seen: BTreeMap<(Ty, bool), Vec<String>>,
}

fn table(dice: &mut Dice, values: &mut Values, number: usize) -> Table {
    let count = *dice.weighted(&[(1, 0), (1, 1), (8, 12), (12, 40), (8, 120), (4, 400), (2, 3000)]);
    let count = if count > 1 { dice.between(count / 2, count) as usize } else { count as usize };
    let mut columns = Vec::new();
    let mut filling: Vec<Filling> = Vec::new();
    if dice.percent(75) {
        columns.push(unique_column(dice));
        filling.push(Filling::new(dice, &columns[0], values));
    }
    let width = dice.between(3, 8) as usize;
    while columns.len() < width {
        let column = column(dice, columns.len());
        filling.push(Filling::new(dice, &column, values));
        columns.push(column);
    }
    let mut rows: Vec<Row> = (0..count)
        .map(|row| {
            let cells = columns.iter().zip(&mut filling);
            cells.map(|(column, filling)| filling.next(dice, column, row)).collect()
        })
        .collect();
    if columns[0].unique {
        // In another order than that of the key.
        dice.shuffle(&mut rows);
    }
    if count <= MOST_LONG_ROWS {
        for (index, column) in columns.iter_mut().enumerate() {
            lengthen(dice, column, index, &mut rows);
        }
    }
    for (index, column) in columns.iter().enumerate() {
        damage(dice, column, index, &mut rows);
    }
    for (index, column) in columns.iter_mut().enumerate() {
        share_late_value(column, index, &mut rows);
    }
    let partitions =
        if columns[0].unique && dice.percent(8) { dice.between(2, 3) as u8 } else { 0 };
    let indexes = indexes(dice, &columns, &rows);
    let heirs = if partitions == 0 && dice.percent(10) { dice.between(1, 2) as u8 } else { 0 };
    let homes = homes(dice, heirs, &columns, &mut rows);
    Table {
        name: format!("t{number}"),
        columns,
        rows,
        heirs,
        homes,
        indexes,
        partitions,
        dropped_column: dice.percent(6),
        analyzed: dice.percent(70),
    }
}

fn unique_column(dice: &mut Dice) -> Column {
    let ty = *dice.weighted(&[(6, Ty::Int4), (3, Ty::Int8), (1, Ty::Numeric)]);
    let (declared, modifier) = match ty {
        Ty::Numeric => ("numeric(8,2)".to_owned(), Modifier::Scale(8, 2)),
        ty => (ty.name().to_owned(), Modifier::Plain),
    };
    Column {
        name: "id".to_owned(),
        ty,
        declared,
        modifier,
        not_null: true,
        unique: true,
        exact_collation: true,
        storage: None,
        compression: None,
        late: false,
    }
}

fn column(dice: &mut Dice, number: usize) -> Column {
    let ty = *dice.weighted(&[
        (14, Ty::Int4),
        (8, Ty::Int8),
        (5, Ty::Int2),
        (15, Ty::Numeric),
        (8, Ty::Float8),
        (4, Ty::Float4),
        (13, Ty::Text),
        (7, Ty::Varchar),
        (6, Ty::Bpchar),
        (8, Ty::Date),
        (8, Ty::Timestamp),
        (5, Ty::Timestamptz),
        (3, Ty::Time),
        (5, Ty::Interval),
        (6, Ty::Bool),
        (2, Ty::Name),
        (2, Ty::Bytea),
        (3, Ty::Uuid),
        (2, Ty::Oid),
        (3, Ty::Mood),
        (2, Ty::Jsonb),
        (2, Ty::Ints),
        (1, Ty::Point),
    ]);
    let (declared, modifier) = declaration(dice, ty);
    let exact_collation = !declared.contains("caseless");
    Column {
        name: format!("c{number}"),
        ty,
        declared,
        modifier,
        not_null: dice.percent(20),
        unique: false,
        exact_collation,
        storage: None,
        compression: None,
        late: dice.percent(2),
    }
}

/// A type with its modifier, or a domain over it.
fn declaration(dice: &mut Dice, ty: Ty) -> (String, Modifier) {
    let domain = dice.percent(8);
    match ty {
        Ty::Int4 if domain => ("whole".to_owned(), Modifier::Plain),
        Ty::Float8 if domain => ("ratio".to_owned(), Modifier::Plain),
        Ty::Date if domain => ("day".to_owned(), Modifier::Plain),
        Ty::Text if domain => ("label".to_owned(), Modifier::Plain),
        Ty::Varchar if domain => ("code".to_owned(), Modifier::Length(8)),
        Ty::Numeric if domain && dice.percent(50) => ("quantity".to_owned(), Modifier::Plain),
        Ty::Numeric if domain => ("amount".to_owned(), Modifier::Scale(12, 2)),
        Ty::Numeric if dice.percent(60) => {
            let (precision, scale) = *dice.pick(&[
                (12, 2),
                (10, 2),
                (15, 2),
                (5, 0),
                (4, 2),
                (18, 6),
                (19, 0),
                (30, 10),
                (38, 10),
                (38, 0),
                (60, 20),
                (7, 4),
            ]);
            (format!("numeric({precision},{scale})"), Modifier::Scale(precision, scale))
        }
        Ty::Varchar if dice.percent(60) => {
            let length = *dice.pick(&[1, 5, 20, 200]);
            (format!("varchar({length})"), Modifier::Length(length))
        }
        Ty::Bpchar if dice.percent(92) => {
            let length = *dice.pick(&[1, 4, 8, 30]);
            (format!("char({length})"), Modifier::Length(length))
        }
        Ty::Time | Ty::Timestamp | Ty::Timestamptz if dice.percent(12) => {
            let digits = *dice.pick(&[0, 3]);
            let zone = if ty == Ty::Timestamptz { " with time zone" } else { "" };
            let base = if ty == Ty::Time { "time" } else { "timestamp" };
            (format!("{base}({digits}){zone}"), Modifier::Fraction(digits))
        }
        Ty::Text => {
            let collation = *dice.weighted(&[
                (90, ""),
                (4, " COLLATE \"und-x-icu\""),
                (3, " COLLATE \"POSIX\""),
                (3, " COLLATE caseless"),
            ]);
            (format!("text{collation}"), Modifier::Plain)
        }
        ty => (ty.name().to_owned(), Modifier::Plain),
    }
}

/// How a column gets its values.
struct Filling {
    taste: Taste,
    /// Of 100 values, how many are NULL.
    nulls: u32,
    /// The values it mostly has.
    pool: Vec<String>,
    /// Of 100 values, how many are not from the pool.
    fresh: u32,
}

impl Filling {
    fn new(dice: &mut Dice, column: &Column, values: &mut Values) -> Self {
        let taste = if dice.percent(45) { Taste::Wild } else { Taste::Tame };
        let nulls = *dice.weighted(&[(30, 0), (25, 5), (25, 20), (12, 60), (4, 100)]);
        let nulls = if column.not_null { 0 } else { nulls };
        let size = *dice.pick(&[1, 2, 4, 8, 16]);
        // Values with a modifier are no values of other columns.
        let key = (column.ty, column.modifier == Modifier::Plain && taste == Taste::Tame);
        let seen = values.seen.entry(key).or_default();
        let shared = column.modifier == Modifier::Plain;
        let pool: Vec<String> = (0..size)
            .map(|_| {
                if shared && !seen.is_empty() && dice.percent(60) {
                    return dice.pick(seen).clone();
                }
                let text = value(dice, column.ty, column.modifier, taste);
                if shared {
                    seen.push(text.clone());
                }
                text
            })
            .collect();
        Self { taste, nulls, pool, fresh: *dice.pick(&[0, 10, 50]) }
    }

    fn next(&mut self, dice: &mut Dice, column: &Column, row: usize) -> Option<String> {
        if column.unique {
            return Some((row + 1).to_string());
        }
        if dice.percent(self.nulls) {
            return None;
        }
        if dice.percent(self.fresh) {
            return Some(value(dice, column.ty, column.modifier, self.taste));
        }
        Some(dice.pick(&self.pool).clone())
    }
}

/// Larger tables have no long values.
const MOST_LONG_ROWS: usize = 120;

/// Gives some rows a value of some kB, rarely of 100, and the column perhaps another way to
/// store it.
fn lengthen(dice: &mut Dice, column: &mut Column, index: usize, rows: &mut [Row]) {
    let types = [Ty::Text, Ty::Varchar, Ty::Bpchar, Ty::Bytea, Ty::Jsonb, Ty::Ints, Ty::Numeric];
    let fits = types.contains(&column.ty) && column.modifier == Modifier::Plain;
    if !fits || column.late || !dice.percent(30) {
        return;
    }
    if column.ty != Ty::Numeric {
        column.storage = *dice.weighted(&[(50, None), (35, Some("EXTERNAL")), (15, Some("MAIN"))]);
        column.compression = *dice.weighted(&[(60, None), (25, Some("lz4")), (15, Some("pglz"))]);
    }
    // Few different ones, so that some are equal.
    let pool: Vec<String> = (0..3).map(|_| long_value(dice, column.ty)).collect();
    for row in rows {
        if dice.percent(8) {
            row[index] = Some(dice.pick(&pool).clone());
        }
    }
}

fn long_value(dice: &mut Dice, ty: Ty) -> String {
    let bytes = *dice.weighted(&[(20, 1000), (40, 3000), (25, 9000), (12, 30_000), (3, 100_000)]);
    let bytes: usize = bytes;
    let noisy = ty != Ty::Numeric && dice.percent(40);
    if noisy {
        return cell::noise(dice.below(9) as u64, bytes / 32);
    }
    match ty {
        Ty::Bytea => cell::repeated("6162", bytes / 2),
        Ty::Ints => cell::repeated(&dice.below(9).to_string(), bytes / 4),
        Ty::Numeric => cell::repeated("9", bytes.min(9000) / 4),
        _ => {
            let part = *dice.pick(&["ab", "long ", "0123456789abcdef", "日本"]);
            cell::repeated(part, bytes / part.len())
        }
    }
}

/// Gives some rows text that is not valid in the server's encoding.
fn damage(dice: &mut Dice, column: &Column, index: usize, rows: &mut [Row]) {
    // Of types that take text of any length as it is.
    let fits = column.ty.is_string() && column.modifier == Modifier::Plain && !column.late;
    let is_simple = column.declared == column.ty.name();
    if !fits || !is_simple || !dice.percent(8) {
        return;
    }
    let texts: [&[u8]; 7] = [
        b"\xe9",
        b"caf\xe9",
        b"aa\xc3",
        b"\xf0",
        b"a\x80b",
        b"\xed\xa0\x80",
        b"abcdefghijklmnop\xff",
    ];
    let share = *dice.pick(&[3, 20, 60]);
    for row in rows {
        if dice.percent(share) {
            row[index] = Some(cell::invalid(dice.pick::<&[u8]>(&texts)));
        }
    }
}

/// Sends rows to the tables that inherit. Their keys are no keys: some are there twice.
fn homes(dice: &mut Dice, heirs: u8, columns: &[Column], rows: &mut [Row]) -> Vec<u8> {
    if heirs == 0 {
        return vec![0; rows.len()];
    }
    let homes: Vec<u8> = rows.iter().map(|_| dice.below(usize::from(heirs) + 1) as u8).collect();
    if columns[0].unique && !rows.is_empty() {
        for index in 0..rows.len() {
            if homes[index] > 0 && dice.percent(70) {
                let other = dice.below(rows.len());
                rows[index][0] = rows[other][0].clone();
            }
        }
    }
    homes
}

/// Gives all rows the value of a column that was added later; there is none without
/// rows, or without a value where one must be.
fn share_late_value(column: &mut Column, index: usize, rows: &mut [Row]) {
    column.late &= !column.unique && index > 0;
    if column.late {
        match rows.first().map(|row| row[index].clone()) {
            Some(value) if value.is_some() || !column.not_null => {
                rows.iter_mut().for_each(|row| row[index].clone_from(&value));
            }
            _ => column.late = false,
        }
    }
}

fn indexes(dice: &mut Dice, columns: &[Column], rows: &[Row]) -> Vec<Index> {
    let mut indexes = Vec::new();
    if columns[0].unique && dice.percent(60) {
        indexes.push(Index { columns: vec!["id".to_owned()], primary: true });
    }
    if dice.percent(40) {
        let short = |column: &Column| {
            !matches!(column.ty, Ty::Point | Ty::Jsonb | Ty::Text | Ty::Bytea | Ty::Varchar)
        };
        // An index cannot have long values.
        let is_long =
            |index: usize| rows.iter().any(|row| row[index].as_deref().is_some_and(cell::is_long));
        let all = columns.iter().enumerate();
        let columns = all.filter(|(index, column)| short(column) && !is_long(*index));
        let names: Vec<&str> = columns.map(|(_, column)| column.name.as_str()).collect();
        if !names.is_empty() {
            let columns =
                (0..dice.between(1, 2)).map(|_| (*dice.pick(&names)).to_owned()).collect();
            indexes.push(Index { columns, primary: false });
        }
    }
    indexes
}
