//! The models. Each function explores one, and panics with what goes wrong.

pub mod feeding;
pub mod filters;
pub mod queues;
pub mod sessions;
pub mod slots;

use crate::process;
use crate::session::client::ClientSession;
use crate::session::futex_latch::FutexWaker;
use crate::session::worker::WorkerSide;
use crate::shared::region::Region;
use crate::sync::make_loads_updates;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

/// Any time: none passes in a model.
const LONG: Duration = Duration::from_secs(1);

/// The processes of a model.
const MAIN: u32 = 1;
const CLIENT: u32 = 2;
const WORKER: u32 = 3;
const HELPER: u32 = 4;

/// Tries all orders in which `model`'s threads can take their steps, if they are
/// interrupted no more than `interruptions` times where they need not wait; and then all
/// that they can see, in those orders that loom tries for it. Says how many there were.
fn explore(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    let [orders, views] = [true, false].map(|updates| {
        make_loads_updates(updates);
        let model = Arc::clone(&model);
        count_orders(interruptions, move || model())
    });
    println!("{orders} orders, {views} views");
}

fn count_orders(interruptions: usize, model: impl Fn() + Send + Sync + 'static) -> usize {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(interruptions);
    builder.max_branches = 100_000;
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        process::run(MAIN, None, &model);
    });
    orders.load(Relaxed)
}

/// As [`explore`], over and over: with a process that dies after as many steps as `model`
/// is told, until that is more than it takes in any order. The model says whether the
/// process came to its end.
fn explore_deaths(interruptions: usize, model: impl Fn(usize) -> bool + Send + Sync + 'static) {
    let model = Arc::new(model);
    let mut orders = 0;
    make_loads_updates(true);
    for steps in 0.. {
        let died = Arc::new(AtomicBool::new(false));
        let (model, told) = (Arc::clone(&model), Arc::clone(&died));
        orders += count_orders(interruptions, move || {
            if !model(steps) {
                told.store(true, Relaxed);
            }
        });
        if !died.load(Relaxed) {
            println!("{orders} orders, {steps} steps");
            return;
        }
    }
}

/// A process in a thread; whether it came to its end.
fn spawn(
    id: u32,
    dies_after: Option<usize>,
    body: impl FnOnce() + 'static,
) -> loom::thread::JoinHandle<bool> {
    loom::thread::spawn(move || process::run(id, dies_after, body))
}

/// The worker, to be the only one.
fn attach(region: &Region) -> Arc<WorkerSide> {
    // SAFETY: models have one worker at a time.
    unsafe { WorkerSide::attach(region, FutexWaker::new(region)) }
}

/// A session for the process that runs, which `latch` wakes.
fn open(region: &Region, latch: u64) -> ClientSession {
    ClientSession::try_open(region, latch).expect("a worker").expect("a slot")
}

/// Nothing is in use, and everything can be used again.
fn assert_all_free(region: &Region) {
    assert_eq!(region.count_sessions(), 0, "slots in use");
    assert_eq!(region.count_free_pages(), region.owners().len(), "pages in use");
}

/// What the dead have left is cleared away, as the next worker does it.
fn clear_up(region: &Region, worker_is_dead: bool, side: Arc<WorkerSide>, dead: u32) {
    let side = match worker_is_dead {
        true => {
            // The old one has no destructors any more.
            std::mem::forget(side);
            attach(region)
        }
        false => side,
    };
    side.reap_dead_clients(|pid| pid != dead);
    assert_all_free(region);
    let next = open(region, 0);
    next.submit_startup_message(b"next", 1).expect("it works again");
    let worker = side.accept(next.key().slot()).expect("it can be read").expect("it is there");
    assert_eq!(worker.startup_message(), b"next");
    drop((next, worker));
    assert_all_free(region);
}
