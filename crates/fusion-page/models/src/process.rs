//! Threads that are processes: they have ids, and may die at any step.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

loom::thread_local! {
    static PROCESS: Cell<Process> = Cell::new(Process { id: 1, left: None, dead: false });
}

#[derive(Clone, Copy)]
struct Process {
    id: u32,
    /// Steps until it dies, if it is to.
    left: Option<usize>,
    dead: bool,
}

/// What unwinds a process that dies.
struct Death;

/// The id of the process that runs.
pub(crate) fn id() -> u32 {
    PROCESS.with(Cell::get).id
}

/// Whether the process that runs is dead, so that nothing it does has an effect: only its
/// destructors run, which a killed process has none of.
pub(crate) fn is_dead() -> bool {
    PROCESS.with(Cell::get).dead
}

/// A step of the process that runs: `false` if it is dead.
pub(crate) fn step() -> bool {
    let mut process = PROCESS.with(Cell::get);
    if process.dead {
        return false;
    }
    match process.left {
        None => return true,
        Some(0) => process.dead = true,
        Some(left) => process.left = Some(left - 1),
    }
    PROCESS.with(|current| current.set(process));
    if process.dead {
        resume_unwind(Box::new(Death));
    }
    true
}

/// Runs `body` as a process that dies after `left` steps, if it comes to that; whether it
/// has come to its end instead.
pub(crate) fn run(id: u32, left: Option<usize>, body: impl FnOnce()) -> bool {
    PROCESS.with(|current| current.set(Process { id, left, dead: false }));
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(()) => {
            // It ends like any process: destructors have run.
            true
        }
        Err(panic) if panic.is::<Death>() => false,
        Err(panic) => resume_unwind(panic),
    }
}
