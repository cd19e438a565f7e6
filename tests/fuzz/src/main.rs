//! `fusion-fuzz`: see [`fusion_fuzz`].

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use fusion_fuzz::campaign::{Campaign, Place};
use fusion_fuzz::generate::Options;
use fusion_fuzz::verdict::{Judge, Verdict};

/// Runs random queries in PostgreSQL alone and with pg_fusion forced, on throw-away
/// servers, and reports what differs.
#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Try queries until time is up; exit status 1 if something differs.
    Run(Run),
    /// Try one query again, and show it.
    Replay(Replay),
    /// Print queries, without a server.
    Show(Show),
}

#[derive(Args)]
struct Common {
    /// Decides everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave out queries with this text in them (repeatable).
    #[arg(long, value_name = "TEXT")]
    without: Vec<String>,
    /// A setting of the server (repeatable); without any, servers take turns.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// The timeout of statements, in seconds.
    #[arg(long, default_value_t = 5)]
    timeout: u64,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    common: Common,
    /// Stop after so many minutes.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Stop after so many queries.
    #[arg(long)]
    queries: Option<usize>,
    /// Begin with this schema.
    #[arg(long, default_value_t = 0)]
    schema: u64,
    /// Stop after so many findings.
    #[arg(long, default_value_t = 25)]
    most_findings: usize,
    /// Only count differences with this text in their description (repeatable).
    #[arg(long, value_name = "TEXT")]
    known: Vec<String>,
    /// Where to write findings.
    #[arg(long, default_value = "fuzz-findings")]
    findings: PathBuf,
}

#[derive(Args)]
struct Replay {
    #[command(flatten)]
    common: Common,
    /// The schema.
    #[arg(long)]
    schema: u64,
    /// The query.
    #[arg(long)]
    query: u64,
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    common: Common,
    /// The schema.
    #[arg(long, default_value_t = 0)]
    schema: u64,
    /// How many queries.
    #[arg(long, default_value_t = 10)]
    count: u64,
}

fn main() -> Result<ExitCode> {
    match Command::parse().verb {
        Verb::Run(run) => run.run(),
        Verb::Replay(replay) => replay.run(),
        Verb::Show(show) => {
            show.run();
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl Common {
    fn campaign(&self, folder: PathBuf) -> Campaign {
        Campaign {
            options: Options { without: self.without.clone() },
            server_settings: self.settings.clone(),
            timeout: Duration::from_secs(self.timeout),
            ..Campaign::new(self.seed, &folder)
        }
    }
}

impl Run {
    fn run(self) -> Result<ExitCode> {
        let campaign = Campaign {
            first_schema: self.schema,
            most_queries: self.queries,
            time: Some(Duration::from_secs_f64(self.minutes * 60.0)),
            most_findings: self.most_findings,
            known: self.known,
            verbose: true,
            ..self.common.campaign(self.findings)
        };
        let report = campaign.run()?;
        print!("{}", report.tally);
        println!(
            "{} findings, {} more that look like one of them",
            report.findings.len(),
            report.repeated
        );
        for path in &report.findings {
            println!("  {}", path.display());
        }
        Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Replay {
    fn run(&self) -> Result<ExitCode> {
        let campaign = self.common.campaign(PathBuf::new());
        let case = campaign.case(Place { schema: self.schema, query: self.query });
        for sql in case.schema.statements() {
            println!("{sql}");
        }
        let program = case.program();
        println!("{}", program.text());
        let server = campaign.server(self.schema)?;
        let mut oracle = campaign.oracle(&server)?;
        let judgement = oracle.judge(&case);
        let [native, forced, plan] = oracle.outputs(&case);
        println!(
            "PostgreSQL:\n{native}\npg_fusion:\n{forced}\nthe plan:\n{plan}\n{:?}",
            judgement.verdict
        );
        let different = matches!(judgement.verdict, Verdict::Different(_));
        Ok(if different { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl Show {
    fn run(&self) {
        let campaign = self.common.campaign(PathBuf::new());
        for query in 0..self.count {
            let program = campaign.case(Place { schema: self.schema, query }).program();
            println!("{}", program.text());
        }
    }
}
