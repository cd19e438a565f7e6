//! A finding as a script for psql: tables, rows, settings, the query without and with
//! pg_fusion, and what was seen.

use std::fmt::Write as _;

use crate::case::{Against, Case};
use crate::manner::Step;
use crate::preamble::objects_in;
use crate::schema::{NAMESPACE, search_path};
use crate::verdict::Difference;

/// What a finding's script says besides the case.
#[derive(Clone, Debug)]
pub struct Story<'a> {
    /// How to find it again.
    pub origin: &'a str,
    /// The difference.
    pub difference: &'a Difference,
    /// What PostgreSQL alone and pg_fusion gave, and the forced plan.
    pub outputs: &'a [String; 3],
}

/// The script of a case that differs.
pub fn script(case: &Case, story: &Story<'_>) -> String {
    let mut text = String::new();
    let Difference { kind, text: difference } = story.difference;
    let _ = writeln!(text, "-- {}: {kind}", story.origin);
    comment(&mut text, difference);
    let [native, forced, plan] = story.outputs;
    for (title, output) in [("PostgreSQL", native), ("pg_fusion", forced), ("the plan", plan)] {
        let _ = writeln!(text, "--\n-- {title}:");
        comment(&mut text, output);
    }
    let program = case.program();
    let tables = case.schema.statements();
    let all = format!("{} {}", tables.join(" "), program.text());
    let _ = writeln!(text, "\nCREATE EXTENSION IF NOT EXISTS pg_fusion;");
    for sql in objects_in(&all) {
        let _ = writeln!(text, "{sql}");
    }
    for sql in &tables {
        let _ = writeln!(text, "{sql}");
    }
    let _ = writeln!(text);
    for (title, switch) in [("PostgreSQL alone", "off"), ("with pg_fusion", "on")] {
        let _ = writeln!(text, "\n-- {title}");
        let force = if switch == "on" && case.against == Against::Forced { "on" } else { "off" };
        let _ = writeln!(text, "RESET ALL; DEALLOCATE ALL; CLOSE ALL;\n{}", search_path());
        let _ = writeln!(
            text,
            "SET enable_fusion_customscan = {switch}; SET pg_fusion.force = {force};"
        );
        for sql in &program.prepare {
            let _ = writeln!(text, "{sql}");
        }
        if switch == "on" {
            let _ = writeln!(text, "EXPLAIN (COSTS OFF) {};", program.explain);
        }
        for sql in program.steps.iter().flat_map(Step::text) {
            let _ = writeln!(text, "{sql}");
        }
        if program.steps.iter().any(|step| matches!(step, Step::Run(sql, _) if sql == "BEGIN")) {
            let _ = writeln!(text, "ROLLBACK;");
        }
    }
    let _ = writeln!(text, "\nDROP SCHEMA {NAMESPACE} CASCADE;");
    text
}

fn comment(text: &mut String, lines: &str) {
    for line in lines.lines() {
        let short: String = line.chars().take(200).collect();
        let _ = writeln!(text, "--   {short}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{Expr, Query, Select, Target};
    use crate::case::Basis;
    use crate::manner::Manner;
    use crate::schema::Schema;
    use crate::schema::tests::table;
    use crate::types::Ty;
    use crate::verdict::Kind;

    #[test]
    fn a_script_stands_alone() {
        let target = Target { expr: Expr::null(Ty::Mood), name: "x".to_owned() };
        let query = Query::of(Select {
            distinct: false,
            targets: vec![target],
            from: Vec::new(),
            conditions: Vec::new(),
            group: Vec::new(),
            rollup: false,
            having: Vec::new(),
        });
        let case = Case {
            schema: Schema { tables: vec![table("t", &[("a", Ty::Int4)], &[&["1"]])] }.into(),
            settings: vec!["SET timezone = 'UTC';".to_owned()],
            manner: Manner::Plain,
            against: Against::Forced,
            basis: Basis::Any,
            query,
        };
        let difference = Difference { kind: Kind::Rows, text: "row 1".to_owned() };
        let outputs = ["one\ntwo".to_owned(), "three".to_owned(), "plan".to_owned()];
        let story = Story { origin: "seed 1", difference: &difference, outputs: &outputs };
        let text = script(&case, &story);
        let order = [
            "-- seed 1: other rows",
            "--   two",
            "CREATE TYPE mood",
            "CREATE TABLE t (a int4);",
            "pg_fusion.force = off",
            "SET timezone = 'UTC';",
            "SELECT NULL::mood AS x;",
            "pg_fusion.force = on",
            "EXPLAIN",
            "SELECT NULL::mood AS x;",
        ];
        let mut from = 0;
        for part in order {
            let found = text[from..].find(part);
            from += found.unwrap_or_else(|| panic!("no {part} in its place in {text}"));
        }
    }
}
