//! A run of the finder: schema after schema, query after query, until time or number
//! is up. What differs is made small and written to a folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fusion_tests::server::Server;

use crate::ast::Expr;
use crate::case::Case;
use crate::dice::Dice;
use crate::generate::{Known, Options, case, schema};
use crate::manner::Manner;
use crate::oracle::Oracle;
use crate::print::sql;
use crate::script::{Story, script};
use crate::shrink::{Budget, shrink};
use crate::tally::Tally;
use crate::verdict::{Difference, Judge, Kind, Verdict};

/// Queries on one schema.
pub const QUERIES_PER_SCHEMA: u64 = 120;
/// Schemas on one server; the next one has other settings.
const SCHEMAS_PER_SERVER: u64 = 25;

/// Settings of one server after the other: the usual ones; small pages, so that much
/// needs several of them and some values need more than one; one thread; little memory.
const SERVERS: [&[&str]; 5] = [
    &[],
    &["pg_fusion.page_size=8kB", "pg_fusion.page_count=512", "pg_fusion.worker_threads=3"],
    // Small tables are scanned in parallel, too.
    &["min_parallel_table_scan_size=0", "parallel_setup_cost=0", "parallel_tuple_cost=0"],
    &["pg_fusion.worker_threads=1"],
    &["pg_fusion.page_size=64kB", "pg_fusion.memory_limit=64MB", "work_mem=128kB"],
];

/// What to run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Decides everything.
    pub seed: u64,
    /// The first schema.
    pub first_schema: u64,
    /// Stop after so many queries.
    pub most_queries: Option<usize>,
    /// Stop after this time.
    pub time: Option<Duration>,
    /// Stop after so many findings.
    pub most_findings: usize,
    /// Where findings are written.
    pub folder: PathBuf,
    /// Settings for every server instead of those it would have.
    pub server_settings: Vec<String>,
    /// The timeout of statements.
    pub timeout: Duration,
    /// What to leave out of queries.
    pub options: Options,
    /// Differences with one of these texts are known: they are only counted.
    pub known: Vec<String>,
    /// Say on standard error how it goes.
    pub verbose: bool,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Report {
    /// The counts.
    pub tally: Tally,
    /// The scripts of the findings.
    pub findings: Vec<PathBuf>,
    /// Differences that look like one of the findings.
    pub repeated: usize,
    /// Differences that are known.
    pub known: usize,
}

/// A number of a schema and of a query on it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The schema.
    pub schema: u64,
    /// The query on it.
    pub query: u64,
}

impl Campaign {
    /// A run with a seed and no limits.
    pub fn new(seed: u64, folder: &Path) -> Self {
        Self {
            seed,
            first_schema: 0,
            most_queries: None,
            time: None,
            most_findings: 25,
            folder: folder.to_owned(),
            server_settings: Vec::new(),
            timeout: Duration::from_secs(5),
            options: Options::default(),
            known: Vec::new(),
            verbose: false,
        }
    }

    /// The case of a place.
    pub fn case(&self, place: Place) -> Case {
        let schema = Rc::new(schema(&mut self.dice(place.schema, 0)));
        let known = Known::of(&schema);
        case(self.dice(place.schema, place.query + 1), &schema, &known, &self.options)
    }

    fn dice(&self, schema: u64, stream: u64) -> Dice {
        Dice::new(self.seed, schema << 20 | stream)
    }

    /// A server for a schema.
    ///
    /// # Errors
    /// If it does not start.
    pub fn server(&self, schema: u64) -> Result<Server> {
        let choice = SERVERS[(schema / SCHEMAS_PER_SERVER) as usize % SERVERS.len()];
        let own: Vec<&str> = self.server_settings.iter().map(String::as_str).collect();
        let settings = if own.is_empty() { choice } else { &own };
        let options: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        Server::start(&options)
    }

    /// An oracle on a server.
    ///
    /// # Errors
    /// If there is no connection.
    pub fn oracle(&self, server: &Server) -> Result<Oracle> {
        Oracle::open(server.config().clone(), self.timeout)
    }

    /// Runs it.
    ///
    /// # Errors
    /// If a server does not start, tables cannot be made, or a finding cannot be
    /// written. A crash of the server by a query is no error but a finding.
    pub fn run(&self) -> Result<Report> {
        let mut run = Run {
            campaign: self,
            start: Instant::now(),
            last_word: Instant::now(),
            report: Report::default(),
            faults: BTreeSet::new(),
            seen: Vec::new(),
        };
        let mut number = self.first_schema;
        while !run.is_over() {
            let server = self.server(number)?;
            let mut oracle = self.oracle(&server)?;
            let end = (number / SCHEMAS_PER_SERVER + 1) * SCHEMAS_PER_SERVER;
            while number < end && !run.is_over() {
                run.schema(&mut oracle, number)?;
                number += 1;
            }
        }
        Ok(run.report)
    }
}

struct Run<'a> {
    campaign: &'a Campaign,
    start: Instant,
    last_word: Instant,
    report: Report,
    /// The messages of errors that are findings.
    faults: BTreeSet<String>,
    /// What other findings are made of.
    seen: Vec<BTreeSet<String>>,
}

impl Run<'_> {
    fn is_over(&self) -> bool {
        let campaign = self.campaign;
        campaign.most_queries.is_some_and(|most| self.report.tally.queries >= most)
            || campaign.time.is_some_and(|time| self.start.elapsed() >= time)
            || self.report.findings.len() >= campaign.most_findings
    }

    fn schema(&mut self, oracle: &mut Oracle, number: u64) -> Result<()> {
        let tables = Rc::new(schema(&mut self.campaign.dice(number, 0)));
        oracle
            .runner()
            .load(&tables)
            .with_context(|| format!("schema {number} of seed {}", self.campaign.seed))?;
        let known = Known::of(&tables);
        for query in 0..QUERIES_PER_SCHEMA {
            if self.is_over() {
                return Ok(());
            }
            let dice = self.campaign.dice(number, query + 1);
            let case = case(dice, &tables, &known, &self.campaign.options);
            let judgement = oracle.judge(&case);
            self.report.tally.count(&case, &judgement);
            if let Verdict::Different(difference) = judgement.verdict {
                let is_known = |text: &String| difference.text.contains(text.as_str());
                if self.campaign.known.iter().any(is_known) {
                    self.report.known += 1;
                    continue;
                }
                self.finding(oracle, case, &difference, Place { schema: number, query })?;
            }
            self.tell();
        }
        Ok(())
    }

    fn finding(
        &mut self,
        oracle: &mut Oracle,
        case: Case,
        difference: &Difference,
        place: Place,
    ) -> Result<()> {
        let fault = difference.fault();
        if fault.as_ref().is_some_and(|fault| self.faults.contains(fault)) {
            self.report.repeated += 1;
            return Ok(());
        }
        let case = shrink(oracle, case, difference, Budget::default());
        let parts = parts(&case, &difference.kind);
        let is_seen = self.seen.iter().any(|seen| seen.is_subset(&parts));
        let repeats = if fault.is_some() { false } else { is_seen };
        self.faults.extend(fault);
        self.seen.push(parts);
        if repeats {
            self.report.repeated += 1;
            return Ok(());
        }
        // The text is about the small case, if it still shows it.
        let difference = match oracle.judge(&case).verdict {
            Verdict::Different(again) => again,
            _ => difference.clone(),
        };
        let outputs = oracle.outputs(&case);
        let Place { schema, query } = place;
        let seed = self.campaign.seed;
        let origin = format!("seed {seed}, schema {schema}, query {query}");
        let story = Story { origin: &origin, difference: &difference, outputs: &outputs };
        let folder = &self.campaign.folder;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(format!("{seed}-{schema}-{query}.sql"));
        std::fs::write(&path, script(&case, &story))
            .with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("{origin}: {}: {}: {}", difference.kind, difference.text, path.display());
        self.report.findings.push(path);
        Ok(())
    }

    fn tell(&mut self) {
        if self.campaign.verbose && self.last_word.elapsed() > Duration::from_secs(20) {
            self.last_word = Instant::now();
            let tally = &self.report.tally;
            eprintln!(
                "{} s: {} queries, {:.1} % valid, {:.1} % of them with a PgFusion node, {} findings",
                self.start.elapsed().as_secs(),
                tally.queries,
                tally.valid_percent(),
                tally.taken_percent(),
                self.report.findings.len()
            );
        }
    }
}

/// What a small query is made of. One with all parts of another that differs in the same
/// way probably has the same cause.
fn parts(case: &Case, kind: &Kind) -> BTreeSet<String> {
    let query = &case.query;
    let mut parts = BTreeSet::from([kind.to_string()]);
    query.visit_exprs(&mut |expr| {
        let call = match expr {
            Expr::Call(call) => call,
            Expr::Aggregate(aggregate) => {
                if aggregate.distinct {
                    parts.insert("DISTINCT".to_owned());
                }
                &aggregate.call
            }
            Expr::Window(window) => &window.call,
            _ => return,
        };
        parts.insert(call.template.text.to_owned());
    });
    let is_simple = parts.len() == 1;
    if case.manner != Manner::Plain {
        // What it took to show it; how many rows at a time does not matter.
        let manner = format!("{:?}", case.manner);
        parts.insert(manner.split(['(', ' ']).next().unwrap_or_default().to_owned());
    }
    if is_simple {
        // A matter of clauses; the numbers of names do not matter.
        parts.insert(sql(query).replace(|c: char| c.is_ascii_digit(), ""));
    }
    parts
}
