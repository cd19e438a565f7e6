//! Tables with their rows, and the statements that make them.

use std::fmt::Write as _;

use crate::cell::{self, quoted};
use crate::facts::Facts;
use crate::types::Ty;
use crate::values::{Modifier, is_canonical, is_summable, magnitude, mark};

/// The schema that tables are made in. It is dropped before.
pub const NAMESPACE: &str = "fuzz";

/// A row's values as text; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// Some tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// The tables.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, in the order in which they are inserted.
    pub rows: Vec<Row>,
    /// Its indexes.
    pub indexes: Vec<Index>,
    /// How many tables inherit from it.
    pub heirs: u8,
    /// Where each row is: in the table itself (0), or in the table of this number that
    /// inherits from it.
    pub homes: Vec<u8>,
    /// Into how many partitions the first column's hash divides it; 0 if it does not.
    pub partitions: u8,
    /// It once had one more column, before the others.
    pub dropped_column: bool,
    /// The planner knows its statistics.
    pub analyzed: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type; of a domain, the one below.
    pub ty: Ty,
    /// The type as CREATE TABLE says it, with modifier, domain and collation.
    pub declared: String,
    /// The type's modifier.
    pub modifier: Modifier,
    /// It is NOT NULL.
    pub not_null: bool,
    /// No value is there twice.
    pub unique: bool,
    /// Texts that differ are also different for `=`.
    pub exact_collation: bool,
    /// How values are stored, if not as the type says.
    pub storage: Option<&'static str>,
    /// How long values are compressed, if not as the server says.
    pub compression: Option<&'static str>,
    /// It was added when the rows were there: they do not contain its value, which is
    /// the same for all.
    pub late: bool,
}

/// An index.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// The columns' names.
    pub columns: Vec<String>,
    /// It is the primary key.
    pub primary: bool,
}

impl Schema {
    /// A table by its name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The statements that make and fill all tables in an empty schema
    /// [`NAMESPACE`].
    pub fn statements(&self) -> Vec<String> {
        let mut all = vec![
            format!("DROP SCHEMA IF EXISTS {NAMESPACE} CASCADE;"),
            format!("CREATE SCHEMA {NAMESPACE};"),
            search_path(),
        ];
        for table in &self.tables {
            table.add_statements(&mut all);
        }
        all
    }
}

/// The statement that finds the tables and the objects of the preamble.
pub fn search_path() -> String {
    format!("SET search_path = {NAMESPACE}, public;")
}

impl Table {
    /// What is known of a column's values.
    pub fn facts(&self, column: usize) -> Facts {
        let Column { ty, modifier, unique, exact_collation, .. } = self.columns[column];
        let mut facts = Facts::nothing_special();
        facts.unique = unique && self.heirs == 0;
        let is_key =
            |index: &Index| index.primary && index.columns == [self.columns[column].name.clone()];
        facts.primary = self.indexes.iter().any(is_key);
        facts.stored = true;
        facts.fixed_scale = matches!(modifier, Modifier::Scale(..)) || Ty::INTEGERS.contains(&ty);
        facts.canonical = match ty {
            // Without a length, 'a' and 'a ' are both there.
            Ty::Bpchar => matches!(modifier, Modifier::Length(_)),
            Ty::Numeric => true,
            ty if ty.is_string() => exact_collation,
            Ty::Jsonb | Ty::Point => false,
            _ => true,
        };
        let mut distinct: Vec<&str> = Vec::new();
        for text in self.rows.iter().filter_map(|row| row[column].as_deref()) {
            let size = magnitude(ty, text);
            if size.is_finite() || !(ty.is_float() || ty == Ty::Numeric) {
                facts.magnitude = facts.magnitude.max(size);
            } else {
                facts.finite = false;
            }
            facts.valid &= !cell::is_invalid(text);
            facts.long |= cell::length(text) > 500;
            facts.summable &= is_summable(ty, text);
            facts.marks |= mark(ty, text);
            facts.canonical &= facts.fixed_scale || is_canonical(ty, text);
            if distinct.len() < 100 && !distinct.contains(&text) {
                distinct.push(text);
            }
        }
        facts.distinct = if facts.unique { self.rows.len() } else { distinct.len() }.max(1) as f64;
        facts
    }

    fn add_statements(&self, all: &mut Vec<String>) {
        let name = &self.name;
        let mut columns: Vec<String> =
            self.columns.iter().filter(|column| !column.late).map(Column::definition).collect();
        if self.dropped_column {
            columns.insert(0, "gone text DEFAULT 'gone'".to_owned());
        }
        let partition_by = match self.columns.first() {
            Some(first) if self.partitions > 0 => format!(" PARTITION BY HASH ({})", first.name),
            _ => String::new(),
        };
        all.push(format!("CREATE TABLE {name} ({}){partition_by};", columns.join(", ")));
        if !partition_by.is_empty() {
            for part in 0..self.partitions {
                all.push(format!(
                    "CREATE TABLE {name}_{part} PARTITION OF {name} \
                     FOR VALUES WITH (MODULUS {}, REMAINDER {part});",
                    self.partitions
                ));
            }
        }
        let stored: Vec<usize> =
            (0..self.columns.len()).filter(|&index| !self.columns[index].late).collect();
        let names: Vec<&str> =
            stored.iter().map(|&index| self.columns[index].name.as_str()).collect();
        for heir in 1..=self.heirs {
            all.push(format!("CREATE TABLE {} () INHERITS ({name});", self.home(heir)));
        }
        for Column { name: column, storage, .. } in self.columns.iter().filter(|c| !c.late) {
            if let Some(storage) = storage {
                all.push(format!("ALTER TABLE {name} ALTER {column} SET STORAGE {storage};"));
            }
        }
        let cast = self.rows.iter().flatten().flatten().any(|text| cell::is_invalid(text));
        if cast {
            all.push(cell::CAST.to_owned());
        }
        for home in 0..=self.heirs {
            let is_here = |index: usize| self.homes.get(index).copied().unwrap_or(0) == home;
            let rows: Vec<&Row> = (0..self.rows.len())
                .filter(|index| is_here(*index))
                .map(|index| &self.rows[index])
                .collect();
            let into = format!("INSERT INTO {} ({}) VALUES", self.home(home), names.join(", "));
            all.extend(rows.chunks(500).map(|rows| self.insert(&into, &stored, rows)));
        }
        if cast {
            all.push(cell::NO_CAST.to_owned());
        }
        if self.dropped_column {
            all.push(format!("ALTER TABLE {name} DROP COLUMN gone;"));
        }
        for (index, column) in self.columns.iter().enumerate().filter(|(_, column)| column.late) {
            let mut add = format!("ALTER TABLE {name} ADD COLUMN {}", column.definition());
            if let Some(Some(text)) = self.rows.first().map(|row| &row[index]) {
                let _ = write!(add, " DEFAULT {}", quoted(text));
            }
            add.push(';');
            all.push(add);
        }
        for index in &self.indexes {
            let columns = index.columns.join(", ");
            all.push(if index.primary {
                format!("ALTER TABLE {name} ADD PRIMARY KEY ({columns});")
            } else {
                format!("CREATE INDEX ON {name} ({columns});")
            });
        }
        if self.analyzed {
            all.push(format!("ANALYZE {name};"));
            // Not of the tables that inherit.
            all.extend((1..=self.heirs).map(|heir| format!("ANALYZE {};", self.home(heir))));
        }
    }

    /// The name of the table where rows of a home are.
    fn home(&self, home: u8) -> String {
        if home == 0 { self.name.clone() } else { format!("{}_heir{home}", self.name) }
    }

    fn insert(&self, into: &str, stored: &[usize], rows: &[&Row]) -> String {
        let mut insert = into.to_owned();
        for (number, row) in rows.iter().enumerate() {
            insert.push_str(if number == 0 { "\n    (" } else { ",\n    (" });
            for (position, &index) in stored.iter().enumerate() {
                if position > 0 {
                    insert.push_str(", ");
                }
                match &row[index] {
                    Some(text) => insert.push_str(&cell::sql(self.columns[index].ty, text)),
                    None => insert.push_str("NULL"),
                }
            }
            insert.push(')');
        }
        insert.push(';');
        insert
    }

    /// Takes rows away.
    pub fn remove_rows(&mut self, rows: std::ops::Range<usize>) {
        self.rows.drain(rows.clone());
        self.homes.drain(rows);
    }
}

impl Column {
    fn definition(&self) -> String {
        let not_null = if self.not_null { " NOT NULL" } else { "" };
        let method = self.compression.map(|method| format!(" COMPRESSION {method}"));
        let method = method.unwrap_or_default();
        // COMPRESSION comes before COLLATE.
        let (declared, collation) = match self.declared.split_once(" COLLATE ") {
            Some((declared, collation)) => (declared, format!(" COLLATE {collation}")),
            None => (self.declared.as_str(), String::new()),
        };
        format!("{} {declared}{method}{collation}{not_null}", self.name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A plain column.
    pub(crate) fn column(name: &str, ty: Ty) -> Column {
        Column {
            name: name.to_owned(),
            ty,
            declared: ty.name().to_owned(),
            modifier: Modifier::Plain,
            not_null: false,
            unique: false,
            exact_collation: true,
            storage: None,
            compression: None,
            late: false,
        }
    }

    /// A table of plain columns with rows; empty text stands for NULL.
    pub(crate) fn table(name: &str, columns: &[(&str, Ty)], rows: &[&[&str]]) -> Table {
        let value = |text: &&str| (!text.is_empty()).then(|| (*text).to_owned());
        Table {
            name: name.to_owned(),
            columns: columns.iter().map(|(name, ty)| column(name, *ty)).collect(),
            rows: rows.iter().map(|row| row.iter().map(value).collect()).collect(),
            indexes: Vec::new(),
            heirs: 0,
            homes: vec![0; rows.len()],
            partitions: 0,
            dropped_column: false,
            analyzed: false,
        }
    }

    #[test]
    fn statements_quote_and_order() {
        let mut table =
            table("t", &[("a", Ty::Int4), ("b", Ty::Text)], &[&["1", "it's"], &["", "x"]]);
        table.columns[1].late = true;
        table.dropped_column = true;
        table.indexes = vec![Index { columns: vec!["a".to_owned()], primary: true }];
        let schema = Schema { tables: vec![table] };
        let statements = schema.statements();
        assert_eq!(
            statements[3..],
            [
                "CREATE TABLE t (gone text DEFAULT 'gone', a int4);",
                "INSERT INTO t (a) VALUES\n    ('1'),\n    (NULL);",
                "ALTER TABLE t DROP COLUMN gone;",
                "ALTER TABLE t ADD COLUMN b text DEFAULT 'it''s';",
                "ALTER TABLE t ADD PRIMARY KEY (a);",
            ]
        );
    }

    #[test]
    fn facts_come_from_the_rows() {
        let table = table(
            "t",
            &[("a", Ty::Int4), ("n", Ty::Numeric), ("f", Ty::Float8)],
            &[&["-7", "1.0", "0.5"], &["3", "NaN", "0.1"], &["", "1", "0.5"]],
        );
        let facts = table.facts(0);
        assert_eq!((facts.magnitude, facts.distinct, facts.canonical), (7.0, 2.0, true));
        let facts = table.facts(1);
        assert_eq!((facts.magnitude, facts.finite, facts.canonical), (1.0, false, false));
        assert!(!table.facts(2).summable && table.facts(2).canonical);
    }
}
