//! Smaller tables: fewer tables, columns, rows, simpler values.

use std::rc::Rc;

use super::Shrinker;
use crate::case::Case;
use crate::cell;
use crate::schema::Table;
use crate::types::Ty;

impl Shrinker<'_> {
    /// Leaves out tables, columns and what is special about a table.
    pub(super) fn tables(&mut self) {
        for number in (0..self.case.schema.tables.len()).rev() {
            let mut case = self.case.clone();
            let table = Rc::make_mut(&mut case.schema).tables.remove(number);
            if !self.case.query.names().contains(&table.name) && self.keep(case) {
                continue;
            }
            self.edit(number, |table| table.indexes.clear());
            self.edit(number, |table| table.partitions = 0);
            for heirs in [0, 1] {
                self.edit(number, |table| {
                    table.heirs = table.heirs.min(heirs);
                    table.homes.iter_mut().for_each(|home| *home = (*home).min(heirs));
                });
            }
            self.edit(number, |table| table.dropped_column = false);
            self.edit(number, |table| table.analyzed = false);
            self.edit(number, |table| {
                for column in &mut table.columns {
                    (column.late, column.not_null) = (false, false);
                    (column.storage, column.compression) = (None, None);
                }
            });
            let columns = self.case.schema.tables[number].columns.len();
            for index in (0..columns).rev() {
                self.edit(number, |table| drop_column(table, index));
            }
            for index in 0..self.case.schema.tables[number].columns.len() {
                self.edit(number, |table| {
                    let column = &mut table.columns[index];
                    column.declared = column.ty.name().to_owned();
                });
            }
        }
    }

    fn edit(&mut self, number: usize, edit: impl Fn(&mut Table)) -> bool {
        let mut case = self.case.clone();
        edit(&mut Rc::make_mut(&mut case.schema).tables[number]);
        self.keep(case)
    }

    /// Leaves out rows: halves, then ever smaller parts; down to single rows only if
    /// the search is not coarse.
    pub(super) fn rows(&mut self, coarse: bool) {
        for number in 0..self.case.schema.tables.len() {
            let count = |case: &Case| case.schema.tables[number].rows.len();
            self.edit(number, |table| table.remove_rows(0..table.rows.len()));
            let mut part = count(&self.case).div_ceil(2);
            let smallest = if coarse { (part / 8).max(1) } else { 1 };
            while part >= smallest && part > 0 {
                let mut end = count(&self.case);
                while end > 0 && !self.is_over() {
                    let start = end.saturating_sub(part);
                    self.edit(number, |table| table.remove_rows(start..end));
                    end = start;
                }
                part /= 2;
            }
        }
    }

    /// Replaces values by simpler ones, as long as there are not too many.
    pub(super) fn values(&mut self) {
        for number in 0..self.case.schema.tables.len() {
            if self.case.schema.tables[number].rows.len() > 20 {
                continue;
            }
            for row in 0..self.case.schema.tables[number].rows.len() {
                for index in 0..self.case.schema.tables[number].columns.len() {
                    self.value(number, row, index);
                }
            }
        }
    }

    fn value(&mut self, number: usize, row: usize, index: usize) {
        let table = &self.case.schema.tables[number];
        let column = &table.columns[index];
        let Some(text) = table.rows[row][index].clone() else { return };
        if column.unique || column.late {
            return;
        }
        let mut simpler: Vec<Option<String>> = vec![None];
        let own = |text: &&str| Some((*text).to_owned());
        simpler.extend(match column.ty {
            Ty::Int2 | Ty::Int4 | Ty::Int8 | Ty::Float4 | Ty::Float8 | Ty::Numeric | Ty::Oid => {
                ["0", "1", "2"].iter().map(own).collect::<Vec<_>>()
            }
            _ if cell::is_long(&text) => vec![own(&"a"), cell::shorter(&text)],
            ty if ty.is_string() && cell::is_invalid(&text) => {
                vec![own(&""), own(&"a"), Some(cell::invalid(b"\xe9"))]
            }
            ty if ty.is_string() => {
                let half: String = text.chars().take(text.chars().count() / 2).collect();
                vec![own(&""), own(&"a"), Some(half)]
            }
            _ => Vec::new(),
        });
        for value in simpler {
            let shorter =
                value.as_ref().is_none_or(|value| (value.len(), value) < (text.len(), &text));
            if shorter && self.edit(number, |table| table.rows[row][index].clone_from(&value)) {
                return;
            }
        }
    }
}

fn drop_column(table: &mut Table, index: usize) {
    let name = table.columns[index].name.clone();
    if table.columns.len() > 1 && table.indexes.iter().all(|i| !i.columns.contains(&name)) {
        table.columns.remove(index);
        for row in &mut table.rows {
            row.remove(index);
        }
    }
}
