//! Makes random schemas and random queries over them. Everything follows from a seed.

mod conditions;
mod expressions;
mod grouping;
mod manners;
mod queries;
mod schemas;
mod selects;
mod sources;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ast::{Column, Expr, Query};
use crate::case::{Basis, Case};
use crate::cell;
use crate::determined::determined;
use crate::dice::Dice;
use crate::print::sql;
use crate::schema::Schema;
use crate::types::Ty;

pub use schemas::schema;

/// What queries on a schema are made of.
#[derive(Debug, Default)]
pub struct Known {
    tables: Vec<Relation>,
    /// The values of all columns of a type, but no long ones. Constants are taken from
    /// here, so that comparisons with them come out both ways.
    values: BTreeMap<Ty, Vec<String>>,
}

impl Known {
    /// What is known of a schema.
    pub fn of(schema: &Schema) -> Self {
        let mut known = Self::default();
        for table in &schema.tables {
            let mut columns = Vec::new();
            for (index, column) in table.columns.iter().enumerate() {
                let pool = known.values.entry(column.ty).or_default();
                for text in table.rows.iter().take(60).filter_map(|row| row[index].as_ref()) {
                    let fits = text.len() <= 60 && !cell::is_special(text);
                    if fits && pool.len() < 60 && !pool.contains(text) {
                        pool.push(text.clone());
                    }
                }
                let (name, ty) = (column.name.clone(), column.ty);
                let facts = table.facts(index);
                columns.push(Expr::Column(Column { relation: String::new(), name, ty, facts }));
            }
            let (name, rows) = (table.name.clone(), table.rows.len() as f64);
            known.tables.push(Relation { name, columns, rows });
        }
        known
    }
}

/// What to leave out.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// No pattern of the catalogue that contains one of these.
    pub without: Vec<String>,
}

/// Makes a case: a query on a schema, with settings and a way to run it.
pub fn case(dice: Dice, schema: &Rc<Schema>, known: &Known, options: &Options) -> Case {
    let mut generator = Generator::new(dice, known, options);
    let basis = generator.basis();
    generator.serial = basis == Basis::Serial;
    let query = generator.determined_query(basis);
    let manner = generator.manner(&query, basis);
    let against = generator.against();
    let settings = generator.settings();
    Case { schema: Rc::clone(schema), settings, manner, against, basis, query }
}

/// Makes one query.
struct Generator<'a> {
    dice: Dice,
    known: &'a Known,
    options: &'a Options,
    /// How many names were given out.
    names: u32,
    /// Whether expressions that can fail are allowed.
    may_fail: bool,
    /// Whether the serial plan says what is right.
    serial: bool,
    /// Whether aggregates may depend on the order of rows.
    order_counts: bool,
    /// The CTEs that can be used.
    ctes: Vec<Relation>,
    /// The arguments in work are to be leaves or constants.
    converting: bool,
}

/// Something to select from.
#[derive(Clone, Debug)]
struct Relation {
    /// A table's or CTE's name.
    name: String,
    /// The columns, with the relation's alias once it has one.
    columns: Vec<Expr>,
    /// About how many rows it has.
    rows: f64,
}

impl<'a> Generator<'a> {
    fn new(dice: Dice, known: &'a Known, options: &'a Options) -> Self {
        let (names, may_fail, converting) = (0, false, false);
        let (serial, order_counts, ctes) = (false, false, Vec::new());
        Self { dice, known, options, names, may_fail, serial, order_counts, ctes, converting }
    }

    /// A query whose result is determined.
    fn determined_query(&mut self, basis: Basis) -> Query {
        loop {
            self.names = 0;
            self.ctes.clear();
            self.order_counts = self.serial;
            self.may_fail = self.dice.percent(25);
            let query = self.top_query();
            let without = &self.options.without;
            let unwanted = !without.is_empty() && {
                let text = sql(&query);
                without.iter().any(|part| text.contains(part))
            };
            if !unwanted && determined(&query, basis).is_some() {
                return query;
            }
        }
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// Settings that change what values look like, and the planner's mind.
    fn settings(&mut self) -> Vec<String> {
        let choices: [(u32, &[&str]); 9] = [
            (
                15,
                &[
                    "timezone = 'America/New_York'",
                    "timezone = 'Asia/Kolkata'",
                    "timezone = 'Europe/Berlin'",
                ],
            ),
            (8, &["datestyle = 'German'", "datestyle = 'SQL, MDY'", "datestyle = 'Postgres, DMY'"]),
            (
                8,
                &[
                    "intervalstyle = 'iso_8601'",
                    "intervalstyle = 'sql_standard'",
                    "intervalstyle = 'postgres_verbose'",
                ],
            ),
            (5, &["extra_float_digits = 0", "extra_float_digits = -2"]),
            (5, &["bytea_output = 'escape'"]),
            (6, &["enable_hashagg = off", "enable_sort = off"]),
            (
                8,
                &[
                    "enable_hashjoin = off",
                    "enable_nestloop = off",
                    "enable_mergejoin = off",
                    "join_collapse_limit = 1",
                ],
            ),
            (
                4,
                &[
                    "enable_seqscan = off",
                    "enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on",
                ],
            ),
            (6, &[PARALLEL]),
        ];
        let mut settings = Vec::new();
        for (percent, texts) in choices {
            if self.dice.percent(percent) {
                settings.push(format!("SET {};", self.dice.pick(texts)));
            }
        }
        settings
    }
}

/// Makes every scan parallel that can be.
const PARALLEL: &str = "min_parallel_table_scan_size = 0; SET min_parallel_index_scan_size = 0; \
                        SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Special, What};

    fn cases(seed: u64, count: u64) -> Vec<Case> {
        let schema = Rc::new(schema(&mut Dice::new(seed, 0)));
        let known = Known::of(&schema);
        let options = Options::default();
        (1..=count).map(|stream| case(Dice::new(seed, stream), &schema, &known, &options)).collect()
    }

    #[test]
    fn a_seed_decides_everything() {
        let first = cases(5, 40);
        assert_eq!(first, cases(5, 40));
        assert_ne!(first[0].query, cases(6, 1)[0].query);
        let alone = case(
            Dice::new(5, 17),
            &first[0].schema,
            &Known::of(&first[0].schema),
            &Options::default(),
        );
        assert_eq!(alone, first[16]);
    }

    #[test]
    fn expressions_have_the_types_of_their_places() {
        for case in (0..8).flat_map(|seed| cases(seed, 60)) {
            case.query.visit_exprs(&mut |expr| {
                let (Expr::Call(call), None) = (expr, expr.query()) else { return };
                assert!(call.template.result.covers(call.ty), "{}", call.template.text);
                let mut variables = BTreeMap::new();
                if let What::Variable(_, number) = call.template.result {
                    variables.insert(number, call.ty);
                }
                for (slot, arg) in call.template.slots.iter().zip(&call.args) {
                    assert!(slot.what.covers(arg.ty()), "{} {}", call.template.text, arg.ty());
                    if let What::Variable(_, number) = slot.what {
                        let ty = *variables.entry(number).or_insert(arg.ty());
                        assert_eq!(ty, arg.ty(), "{}", call.template.text);
                    }
                    let constant =
                        slot.constant || matches!(slot.what, What::Special(Special::Like));
                    assert!(!constant || matches!(arg, Expr::Literal(_)));
                }
            });
        }
    }

    #[test]
    fn columns_exist_where_they_are_used() {
        for case in (0..8).flat_map(|seed| cases(seed, 60)) {
            let mut aliases = Vec::new();
            for query in case.query.all_queries() {
                for leaf in
                    query.body.selects().iter().flat_map(|s| &s.from).flat_map(|s| s.leaves())
                {
                    aliases.extend(leaf.alias().map(str::to_owned));
                }
            }
            let count = aliases.len();
            aliases.sort();
            aliases.dedup();
            assert_eq!(aliases.len(), count, "an alias is there twice: {}", sql(&case.query));
            case.query.visit_exprs(&mut |expr| {
                if let Expr::Column(column) = expr {
                    assert!(aliases.contains(&column.relation), "{}", sql(&case.query));
                }
            });
        }
    }

    #[test]
    fn every_kind_of_clause_comes_up() {
        let texts: Vec<String> =
            (0..10).flat_map(|seed| cases(seed, 100)).map(|case| sql(&case.query)).collect();
        let clauses = [
            " JOIN ",
            " LEFT JOIN ",
            " RIGHT JOIN ",
            " FULL JOIN ",
            " CROSS JOIN ",
            "EXISTS (",
            "NOT EXISTS (",
            " IN (SELECT",
            " NOT IN (SELECT",
            "LATERAL (",
            "WITH ",
            "MATERIALIZED (",
            "SELECT DISTINCT",
            " GROUP BY ",
            "ROLLUP (",
            " HAVING ",
            " FILTER (",
            "(DISTINCT ",
            ") UNION (",
            ") UNION ALL (",
            ") INTERSECT (",
            ") EXCEPT (",
            " ORDER BY ",
            " LIMIT ",
            " OFFSET ",
            " NULLS FIRST",
            " OVER (",
            "(VALUES ",
            "CASE WHEN",
            "COALESCE(",
            " BETWEEN ",
            " LIKE ",
            "generate_series(",
            "fz_",
        ];
        for clause in clauses {
            assert!(texts.iter().any(|text| text.contains(clause)), "no {clause}");
        }
        let aggregates = texts.iter().filter(|text| text.contains(" GROUP BY ")).count();
        assert!(aggregates > texts.len() / 6, "{aggregates} of {}", texts.len());
    }

    #[test]
    fn patterns_can_be_left_out() {
        let schema = Rc::new(schema(&mut Dice::new(3, 0)));
        let options = Options { without: vec!["CASE".to_owned(), "upper(".to_owned()] };
        let known = Known::of(&schema);
        for stream in 0..300 {
            let text = sql(&case(Dice::new(3, stream), &schema, &known, &options).query);
            assert!(!text.contains("CASE") && !text.contains("upper("), "{text}");
        }
    }
}
