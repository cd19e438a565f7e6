//! A throw-away server that lives as long as this process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use fusion_bench::load::load;
use fusion_bench::schema::Indexes;
use postgres::{Client, Config, NoTls};

/// The scale factor of [`tpch`].
pub const TPCH_SCALE: f64 = 0.01;

/// A running server. `scripts/server hold` keeps it until the pipe to the script
/// closes, which happens when this value is dropped or the process ends.
pub struct Server {
    config: Config,
    keep_alive: Option<ChildStdin>,
    script: Child,
}

/// `scripts/server` of this checkout: the first that is found from the current folder
/// upwards. Cargo and make run programs inside of the checkout; checkouts share a
/// target folder, so what was compiled in may be another one.
pub fn script() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts =
        here.ancestors().chain(compiled.ancestors()).map(|dir| dir.join("scripts/server"));
    scripts.into_iter().find(|path| path.is_file()).unwrap_or_else(|| "scripts/server".into())
}

impl Server {
    /// Starts a server with the given options of `scripts/server`.
    pub fn start(options: &[&str]) -> Result<Self> {
        let path = script();
        let mut script = Command::new(&path)
            .arg("hold")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", path.display()))?;
        let keep_alive = script.stdin.take();
        let output = script.stdout.take().context("no standard output")?;
        let mut settings = HashMap::new();
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line == "READY" {
                let config = config(&settings)?;
                return Ok(Self { config, keep_alive, script });
            }
            if let Some((name, value)) = line.split_once('=') {
                settings.insert(name.to_owned(), value.to_owned());
            }
        }
        bail!("the throw-away server did not start (its messages are on standard error)")
    }

    /// How to connect to it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        self.config.connect(NoTls).expect("the throw-away server takes connections")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keep_alive.take());
        // Waits until the script has stopped and removed the server.
        let _ = self.script.wait();
    }
}

fn config(settings: &HashMap<String, String>) -> Result<Config> {
    let get = |name: &str| settings.get(name).with_context(|| format!("scripts/server: no {name}"));
    let mut config = Config::new();
    config
        .host(get("PGHOST")?)
        .port(get("PGPORT")?.parse()?)
        .user(get("PGUSER")?)
        .dbname(get("PGDATABASE")?);
    Ok(config)
}

/// The server of this test program, with pg_fusion and TPC-H data at scale factor
/// [`TPCH_SCALE`] with primary keys. Started at the first call.
pub fn tpch() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Server::start(&[]).expect("a throw-away server with pg_fusion");
        load(server.config(), TPCH_SCALE, Indexes::Pk).expect("TPC-H data");
        server
    })
}
