//! Command line of the benchmark runner. `make demo`, `make bench` and
//! `make psql` start a throw-away server and call it; with PGHOST and the other
//! variables of libpq it works against any server.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use fusion_bench::connect::{Session, config_from_env};
use fusion_bench::measure::{Plan, measure};
use fusion_bench::progress::Progress;
use fusion_bench::report::{Report, show_equal, show_ms};
use fusion_bench::schema::Indexes;
use fusion_bench::{calibrate, chart, demo, feed, load, measure::Mode, queries};

#[derive(Parser)]
#[command(name = "fusion-bench", about = "TPC-H with and without pg_fusion")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate TPC-H data and load it
    Load(Data),
    /// Measure the queries with PostgreSQL alone, with pg_fusion, and forced
    Run {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        how: How,
        /// Folder of the report's JSON and SVG
        #[arg(long, default_value = "bench/results")]
        output: PathBuf,
        /// The server has no pg_fusion: measure PostgreSQL alone
        #[arg(long)]
        plain: bool,
    },
    /// Measure what it costs to bring the rows of lineitem to the engine
    Feed {
        /// TPC-H scale factor that is loaded
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
        #[command(flatten)]
        how: How,
        /// Folder of the figures
        #[arg(long, default_value = "bench/results")]
        output: PathBuf,
    },
    /// Fit the planner's cost settings to measured plans
    Calibrate {
        #[command(flatten)]
        how: How,
    },
    /// Show each query with and without pg_fusion; fails unless all results are equal
    Demo {
        #[command(flatten)]
        how: How,
    },
}

/// What is loaded; `run` only puts it in the report.
#[derive(Args)]
struct Data {
    /// TPC-H scale factor
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// pk (a primary key on every table) or none
    #[arg(long, default_value = "pk")]
    indexes: Indexes,
}

#[derive(Args)]
struct How {
    /// Queries to run, such as 1,3,5; all by default
    #[arg(long, default_value = "")]
    queries: String,
    /// Measured runs per query and mode, after one warm-up
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Statement timeout in seconds
    #[arg(long, default_value_t = 60)]
    timeout: u64,
}

impl How {
    fn session(&self) -> Result<Session> {
        if self.runs == 0 || self.timeout == 0 {
            bail!("at least one run and one second are needed");
        }
        Session::open(config_from_env()?, Duration::from_secs(self.timeout))
    }
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Load(data) => config_from_env()
            .and_then(|config| load::load(&config, data.scale, data.indexes))
            .map(|()| true),
        Command::Run { data, how, output, plain } => {
            run(&data, &how, &output, plain).map(|()| true)
        }
        Command::Feed { scale, how, output } => how.session().and_then(|mut session| {
            require_fusion(&mut session)?;
            let feed = feed::measure(&mut session, how.runs)?;
            print!("{}", feed.to_text());
            feed.write(&output, scale).map(|()| true)
        }),
        Command::Calibrate { how } => how.session().and_then(|mut session| {
            require_fusion(&mut session)?;
            let selected = queries::select(&how.queries)?;
            let start = calibrate::current(&mut session)?;
            let samples = calibrate::measure(&mut session, &selected, how.runs)?;
            let fit = calibrate::fit(&samples, start).context("no query could be measured")?;
            print!("{}", calibrate::report(&samples, &fit));
            Ok(true)
        }),
        Command::Demo { how } => how.session().and_then(|mut session| {
            require_fusion(&mut session)?;
            Ok(demo::demo(&mut session, &queries::select(&how.queries)?, how.runs))
        }),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fusion-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn require_fusion(session: &mut Session) -> Result<()> {
    session
        .fetch("", "SHOW enable_fusion_customscan")
        .map(drop)
        .context("this server has not loaded pg_fusion (shared_preload_libraries)")
}

fn run(data: &Data, how: &How, output: &PathBuf, plain: bool) -> Result<()> {
    let selected = queries::select(&how.queries)?;
    let mut session = how.session()?;
    if !plain {
        require_fusion(&mut session)?;
    }
    let version = session.fetch("", "SHOW server_version")?.lines();
    let plan = Plan { runs: how.runs, force_once: false, patience: Duration::MAX, plain };
    let modes = if plain { 1 } else { Mode::ALL.len() };
    let progress = Progress::new();
    let task = progress.task("queries", (selected.len() * (how.runs + 1) * modes) as u64);
    let mut results = Vec::new();
    for query in &selected {
        let mut runs = 0;
        let result = measure(&mut session, query, &plan, |mode, round| {
            task.message(&format!("{} {} {round}/{}", query.name, mode.as_str(), how.runs));
            task.advance(1);
            runs += 1;
        });
        // What was not run again after a timeout counts as done.
        task.advance(((how.runs + 1) * modes - runs) as u64);
        let ms = |mode| show_ms(result.mode(mode).median_ms());
        progress.line(&format!(
            "{}  off {:>8}  on {:>8}  force {:>8}  equal {}",
            query.name,
            ms(Mode::Off),
            ms(Mode::On),
            ms(Mode::Force),
            show_equal(result.equal())
        ));
        for note in result.differences().into_iter().chain(result.error()) {
            progress.line(&format!("     {note}"));
        }
        results.push(result);
    }
    task.finish();
    let report = Report::new(data.scale, data.indexes.as_str(), how.runs, version, &results);
    println!("{}", report.to_markdown());
    fs::create_dir_all(output).with_context(|| format!("cannot create {}", output.display()))?;
    let stem = format!("tpch-sf{}-{}", data.scale, data.indexes.as_str());
    for (extension, text) in [("json", report.to_json()?), ("svg", chart::svg(&report))] {
        let path = output.join(format!("{stem}.{extension}"));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}
