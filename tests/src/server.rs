//! A throw-away server that lives as long as this process.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fusion_bench::load::load;
use fusion_bench::schema::Indexes;
use postgres::{Client, Config, NoTls};

/// The scale factor of [`tpch`].
pub const TPCH_SCALE: f64 = 0.01;

/// A running server. `scripts/server hold` keeps it until the pipe to the script
/// closes, which happens when this value is dropped or the process ends.
pub struct Server {
    config: Config,
    dir: PathBuf,
    bindir: PathBuf,
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
        Self::start_by(Command::new(script()), options)
    }

    /// Starts a server through `launcher`: a command that ends by running
    /// `scripts/server` with the arguments that are added to it.
    pub fn start_by(mut launcher: Command, options: &[&str]) -> Result<Self> {
        let mut script = launcher
            .arg("hold")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {launcher:?}"))?;
        let keep_alive = script.stdin.take();
        let output = script.stdout.take().context("no standard output")?;
        let mut settings = HashMap::new();
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line == "READY" {
                let get = |name| setting(&settings, name).map(PathBuf::from);
                return Ok(Self {
                    config: config(&settings)?,
                    dir: get("PG_FUSION_SERVER_DIR")?,
                    bindir: get("PG_FUSION_BINDIR")?,
                    keep_alive,
                    script,
                });
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

    /// A new connection to a server that may be starting again: tried for half a
    /// minute.
    pub fn reconnect(&self) -> Client {
        let start = Instant::now();
        loop {
            match self.config.connect(NoTls) {
                Ok(client) => return client,
                Err(error) if start.elapsed() > Duration::from_secs(30) => {
                    panic!("the server does not come back: {error}")
                }
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// The folder of the socket, the log and the data. The server's user may write
    /// there, and it goes with the server.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// A program of this PostgreSQL, run as the user that runs the server, and in
    /// the server's folder: not every user may be in ours.
    pub fn program(&self, name: &str) -> Command {
        self.as_server(&self.bindir.join(name))
    }

    /// A program, run as [`Server::program`] says.
    fn as_server(&self, program: &Path) -> Command {
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.dir);
        command
    }

    /// Limits a resource of one of the server's processes, in the words of `prlimit`;
    /// `false` if that is not to be had here. `--fsize=1000:` leaves the hard limit,
    /// so that the soft one can be raised again.
    pub fn limit(&self, pid: u32, resource: &str) -> bool {
        let mut command = self.as_server(Path::new("prlimit"));
        command.args(["--pid", &pid.to_string(), resource]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// A client program of this PostgreSQL, connecting to the server.
    pub fn client_program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bindir.join(name));
        command.envs([("PGUSER", "postgres"), ("PGDATABASE", "postgres"), ("PGPORT", "5432")]);
        command.env("PGHOST", &self.dir).env_remove("PGOPTIONS").current_dir("/");
        command
    }

    /// Runs `pg_ctl` on the server, with `arguments` after the action.
    ///
    /// # Errors
    ///
    /// If it fails; with what it says.
    pub fn pg_ctl(&self, action: &str, arguments: &[&str]) -> Result<()> {
        let mut command = self.program("pg_ctl");
        command.args([action, "--wait", "--timeout=60", "--pgdata"]).arg(self.data());
        if action != "stop" {
            command.arg("--log").arg(self.log_path());
        }
        // A server that it starts would keep a pipe open, so there is none.
        let output = self.dir.join("pg_ctl.out");
        let file = fs::File::create(&output)?;
        command.args(arguments).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let status = command.status().context("cannot run pg_ctl")?;
        ensure!(status.success(), "pg_ctl {action}: {}", fs::read_to_string(output)?);
        Ok(())
    }

    /// What the server has written to its log.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The postmaster's process id, from its lock file.
    pub fn postmaster(&self) -> Option<u32> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }
}

/// Whether this process runs as root: then the server runs as somebody else.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keep_alive.take());
        // Waits until the script has stopped and removed the server.
        let _ = self.script.wait();
    }
}

fn setting<'a>(settings: &'a HashMap<String, String>, name: &str) -> Result<&'a String> {
    settings.get(name).with_context(|| format!("scripts/server: no {name}"))
}

fn config(settings: &HashMap<String, String>) -> Result<Config> {
    let get = |name: &str| setting(settings, name);
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
