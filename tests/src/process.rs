//! The server's processes, as the operating system sees them.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use fusion_bench::process::{self, stat};
pub use fusion_bench::process::{Process, private_memory_mb};

use crate::server::Server;

/// The children of a server's postmaster.
pub fn children(server: &Server) -> Vec<Process> {
    server.postmaster().map_or_else(Vec::new, process::children)
}

/// The fusion worker's process id, if it is there.
pub fn fusion_worker(server: &Server) -> Option<u32> {
    let workers = process::fusion_workers(server.postmaster()?);
    assert!(workers.len() < 2, "one worker at a time: {workers:?}");
    Some(workers.first()?.pid)
}

/// The fusion worker's process id, once it is there and has a runtime.
pub fn running_worker(server: &Server) -> u32 {
    await_some("the fusion worker", || {
        fusion_worker(server).filter(|&pid| !threads(pid, "fusion engine").is_empty())
    })
}

/// Whether a process runs: one that has ended but was not waited for does not.
pub fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

/// Sends a signal, such as `TERM`.
pub fn signal(pid: u32, name: &str) {
    // The shell's own kill: not every machine has a program of that name.
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot send {name} to {pid}");
}

/// The processor time that a process has used, in seconds.
pub fn processor_time(pid: u32) -> Option<f64> {
    let fields = stat(pid)?;
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    // Fields 14 and 15 of proc(5), counted from the third; ticks of 1/100 s, which
    // Linux promises to user space.
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// The names of a process's threads that begin with `prefix`.
fn threads(pid: u32, prefix: &str) -> Vec<String> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.starts_with(prefix))
        .collect()
}

fn state(pid: u32) -> Option<char> {
    stat(pid)?.first()?.chars().next()
}

/// How long anything that must happen may take. Nothing here takes a second on an
/// idle machine; the rest is for machines that are not.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `ready`; fails when that takes longer than [`PATIENCE`].
pub fn await_that(what: &str, mut ready: impl FnMut() -> bool) {
    await_some(what, || ready().then_some(()));
}

/// Waits until `look` finds something; fails when that takes longer than
/// [`PATIENCE`].
pub fn await_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
