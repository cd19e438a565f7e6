//! A fixed set of seeds must show no difference, on servers with all settings that the
//! finder uses; and a difference must be found if there is one.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use fusion_fuzz::ast::{Call, Expr, Target};
use fusion_fuzz::campaign::{Campaign, Place};
use fusion_fuzz::case::{Against, Basis, Case};
use fusion_fuzz::catalogue::{Kind as TemplateKind, Piece, Template, What, catalogue};
use fusion_fuzz::kinds::ALL;
use fusion_fuzz::manner::Manner;
use fusion_fuzz::print::sql;
use fusion_fuzz::script::{Story, script};
use fusion_fuzz::shrink::{Budget, shrink};
use fusion_fuzz::tally::Tally;
use fusion_fuzz::types::Ty;
use fusion_fuzz::verdict::{Judge, Kind, Verdict};

/// Seeds and first schemas: each set of server settings once.
const SEEDS: [(u64, u64); 4] = [(1, 0), (2, 25), (3, 50), (4, 75)];
const QUERIES: usize = 420;

/// Below these shares the finder would mostly compare PostgreSQL with itself, or
/// compare nothing.
const LEAST_VALID: f64 = 97.0;
const LEAST_TAKEN: f64 = 70.0;
const LEAST_WITH_ROWS: f64 = 45.0;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/fuzz-findings"))
}

fn check_shares(tally: &Tally) {
    assert!(tally.valid_percent() >= LEAST_VALID, "too few are valid: {tally}");
    assert!(tally.taken_percent() >= LEAST_TAKEN, "too few have a PgFusion node: {tally}");
    let with_rows = 100.0 * tally.same_with_rows as f64 / tally.same as f64;
    assert!(with_rows >= LEAST_WITH_ROWS, "too few give rows: {tally}");
    for operator in ["Inner join", "Left join", "Semi join", "Aggregate", "Filter", "Sort", "Top"] {
        assert!(tally.operators.contains_key(operator), "no {operator}: {tally}");
    }
}

#[test]
fn fixed_seeds_show_no_difference() {
    let mut findings = Vec::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (seed, first_schema) in SEEDS {
        let campaign = Campaign {
            first_schema,
            most_queries: Some(QUERIES),
            most_findings: 3,
            ..Campaign::new(seed, folder())
        };
        let report = campaign.run().expect("the server works");
        println!("seed {seed}: {}", report.tally);
        if report.tally.differences() == 0 {
            check_shares(&report.tally);
        }
        for (name, kind) in &report.tally.kinds {
            *kinds.entry(name).or_default() += kind.taken;
        }
        findings.extend(report.findings);
    }
    assert!(findings.is_empty(), "differences: {findings:?}");
    let missing: Vec<&str> =
        ALL.into_iter().filter(|name| kinds.get(name).copied().unwrap_or_default() == 0).collect();
    assert!(missing.is_empty(), "no query with a PgFusion node: {missing:?}");
}

/// An expression that tells what it must not: whether pg_fusion is forced.
fn telltale() -> Expr {
    let like = catalogue().giving(TemplateKind::Scalar, Ty::Text).next().expect("text functions");
    let text = "current_setting('pg_fusion.force')";
    let template = Template {
        text,
        kind: TemplateKind::Scalar,
        result: What::Ty(Ty::Text),
        pieces: vec![Piece::Text(text)],
        slots: Vec::new(),
        rule: like.rule,
        closed: true,
    };
    // The catalogue's patterns live as long as the program; so must this one.
    Expr::Call(Call { template: Box::leak(Box::new(template)), args: Vec::new(), ty: Ty::Text })
}

/// A case of several tables, with the telltale in its output.
fn telling_case(campaign: &Campaign, query: u64) -> Case {
    let mut case = campaign.case(Place { schema: 0, query });
    (case.against, case.basis) = (Against::Forced, Basis::Any);
    case.manner = Manner::Plain;
    for select in case.query.body.selects_mut() {
        select.targets.push(Target { expr: telltale(), name: "told".to_owned() });
    }
    case
}

#[test]
fn an_injected_difference_is_found_and_made_small() {
    let campaign = Campaign::new(7, folder());
    let server = campaign.server(0).expect("a throw-away server with pg_fusion");
    let mut oracle = campaign.oracle(&server).expect("the server takes connections");
    let mut found = (0..200)
        .map(|query| telling_case(&campaign, query))
        .filter(|case| case.query.limit.is_none() && sql(&case.query).len() > 300)
        .filter_map(|case| match oracle.judge(&case).verdict {
            Verdict::Different(difference) if difference.kind == Kind::Rows => {
                Some((case, difference))
            }
            _ => None,
        });
    let (case, difference) = found.next().expect("a case with rows and a PgFusion node");
    assert!(difference.text.contains("on") && difference.text.contains("off"), "{difference:?}");

    let rows = |case: &Case| case.schema.tables.iter().map(|table| table.rows.len()).sum::<usize>();
    let before = rows(&case);
    let small = shrink(&mut oracle, case.clone(), &difference, Budget::default());
    let text = sql(&small.query);
    assert!(text.contains("current_setting") && text.len() < 120, "{text}");
    assert!(rows(&small) <= 2 && rows(&small) < before, "{} of {before} rows", rows(&small));
    assert!(!Rc::ptr_eq(&small.schema, &case.schema));

    let outputs = oracle.outputs(&small);
    let story = Story { origin: "the test", difference: &difference, outputs: &outputs };
    let script = script(&small, &story);
    let tables = small.schema.tables.is_empty() || script.contains("CREATE TABLE");
    assert!(tables && script.contains("enable_fusion_customscan = on"), "{script}");
    assert!(outputs[0].contains("off") && outputs[1].contains("on"), "{outputs:?}");
}
