//! Generates TPC-H data and streams it into PostgreSQL with COPY, two tables at
//! a time, then creates the indexes asked for and runs VACUUM ANALYZE.
//!
//! Each table is created and filled in one transaction, so rows arrive frozen and
//! a failed load leaves no half-filled table. An existing table is an error: data
//! that is already there is never dropped.

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use postgres::{Config, CopyInWriter, NoTls};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};

use crate::progress::{Progress, Task};
use crate::schema::{Indexes, TABLES, Table};

const CHUNK: usize = 256 * 1024;

/// Loads all tables at a scale factor.
pub fn load(config: &Config, scale: f64, indexes: Indexes) -> Result<()> {
    if !(scale > 0.0 && scale.is_finite()) {
        bail!("the scale factor must be a positive number, not {scale}");
    }
    let start = Instant::now();
    let progress = Progress::new();
    progress.line(&format!("loading TPC-H at scale factor {scale}, indexes: {}", indexes.as_str()));
    // lineitem is two thirds of the data; the other tables share the second connection.
    let (big, rest) = TABLES.split_at(1);
    let total: u64 = thread::scope(|scope| {
        let threads = [big, rest].map(|tables| {
            let progress = &progress;
            scope.spawn(move || load_tables(config, tables, scale, indexes, progress))
        });
        threads.into_iter().try_fold(0, |sum, thread| {
            let rows = thread.join().map_err(|_| anyhow!("a loading thread panicked"))??;
            anyhow::Ok(sum + rows)
        })
    })?;
    progress.line(&format!("loaded {total} rows in {:.1} s", start.elapsed().as_secs_f64()));
    Ok(())
}

fn load_tables(
    config: &Config,
    tables: &[Table],
    scale: f64,
    indexes: Indexes,
    progress: &Progress,
) -> Result<u64> {
    let mut total = 0;
    for table in tables {
        let task = progress.task(table.name, table.expected_rows(scale));
        let rows = load_table(config, table, scale, indexes, &task)
            .with_context(|| format!("loading {}", table.name))?;
        task.finish();
        progress.line(&format!("  {:<9} {rows:>10} rows", table.name));
        total += rows;
    }
    Ok(total)
}

fn load_table(
    config: &Config,
    table: &Table,
    scale: f64,
    indexes: Indexes,
    task: &Task,
) -> Result<u64> {
    let mut client = config.connect(NoTls)?;
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&format!("CREATE TABLE {} ({})", table.name, table.columns))?;
    let copy = format!("COPY {} FROM STDIN (DELIMITER '|', FREEZE)", table.name);
    let rows = copy_table(transaction.copy_in(&copy)?, table, scale, task)?;
    transaction.commit()?;
    if indexes == Indexes::Pk {
        task.message("primary key");
        client.batch_execute(&format!(
            "ALTER TABLE {} ADD PRIMARY KEY ({})",
            table.name, table.key
        ))?;
    }
    task.message("vacuum analyze");
    client.batch_execute(&format!("VACUUM ANALYZE {}", table.name))?;
    Ok(rows)
}

/// Writes the rows of one table and returns how many the server took.
fn copy_table(writer: CopyInWriter<'_>, table: &Table, scale: f64, task: &Task) -> Result<u64> {
    let mut sink = Sink { writer, buffer: String::new(), task };
    match table.name {
        "region" => sink.write_all(RegionGenerator::new(scale, 1, 1).iter())?,
        "nation" => sink.write_all(NationGenerator::new(scale, 1, 1).iter())?,
        "part" => sink.write_all(PartGenerator::new(scale, 1, 1).iter())?,
        "supplier" => sink.write_all(SupplierGenerator::new(scale, 1, 1).iter())?,
        "customer" => sink.write_all(CustomerGenerator::new(scale, 1, 1).iter())?,
        "partsupp" => sink.write_all(PartSuppGenerator::new(scale, 1, 1).iter())?,
        "orders" => sink.write_all(OrderGenerator::new(scale, 1, 1).iter())?,
        "lineitem" => sink.write_all(LineItemGenerator::new(scale, 1, 1).iter())?,
        other => bail!("no generator for {other}"),
    }
    Ok(sink.writer.finish()?)
}

/// Collects lines and hands them to COPY in chunks.
struct Sink<'a> {
    writer: CopyInWriter<'a>,
    buffer: String,
    task: &'a Task,
}

impl Sink<'_> {
    fn write_all<T: Display>(&mut self, rows: impl Iterator<Item = T>) -> Result<()> {
        let mut pending = 0;
        for row in rows {
            push_line(&mut self.buffer, &row)?;
            pending += 1;
            if self.buffer.len() >= CHUNK {
                self.flush()?;
                self.task.advance(pending);
                pending = 0;
            }
        }
        self.flush()?;
        self.task.advance(pending);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.write_all(self.buffer.as_bytes())?;
        self.buffer.clear();
        Ok(())
    }
}

/// Appends one row for COPY. TPC-H's own line format ends each value with a bar,
/// COPY separates them; no TPC-H value holds a bar or a backslash.
fn push_line(buffer: &mut String, row: &impl Display) -> Result<()> {
    write!(buffer, "{row}")?;
    if buffer.ends_with('|') {
        buffer.pop();
    }
    buffer.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_as_many_values_as_the_table_has_columns() {
        fn check<T: Display>(name: &str, rows: impl Iterator<Item = T>) {
            let table = TABLES.iter().find(|t| t.name == name).unwrap();
            let columns = table.columns.matches("NOT NULL").count();
            let mut buffer = String::new();
            for row in rows.take(1000) {
                push_line(&mut buffer, &row).unwrap();
            }
            assert!(!buffer.contains('\\'), "{name}");
            for line in buffer.lines() {
                assert_eq!(line.split('|').count(), columns, "{name}: {line}");
            }
        }
        check("region", RegionGenerator::new(0.01, 1, 1).iter());
        check("nation", NationGenerator::new(0.01, 1, 1).iter());
        check("part", PartGenerator::new(0.01, 1, 1).iter());
        check("supplier", SupplierGenerator::new(0.01, 1, 1).iter());
        check("customer", CustomerGenerator::new(0.01, 1, 1).iter());
        check("partsupp", PartSuppGenerator::new(0.01, 1, 1).iter());
        check("orders", OrderGenerator::new(0.01, 1, 1).iter());
        check("lineitem", LineItemGenerator::new(0.01, 1, 1).iter());
    }
}
