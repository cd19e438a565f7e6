//! The fusion worker: one static background worker that runs all sessions.
//!
//! Three kinds of threads:
//!
//! - the main thread, the only one that calls PostgreSQL: waits on its latch,
//!   handles signals, writes the log, looks for dead clients;
//! - the doorbell thread: waits for news from clients, starts a task per new
//!   session and wakes the tasks of the others;
//! - the engine's threads, which run the tasks.
//!
//! All but the main thread have every signal blocked, so PostgreSQL's handlers
//! run where they may.

mod latch;
mod log;
mod registry;
mod session;

use crate::guc;
use crate::shared;
use crate::temporary;
use anyhow::Context;
use fusion_engine::{Engine, EngineConfig, remove_leftovers};
use fusion_page::{Region, WorkerSide};
pub use latch::{my_latch, set as wake_latch};

use latch::LatchWaker;
use pgrx::pg_sys;
use pgrx::prelude::*;
use registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Rows per batch inside the engine.
const BATCH_SIZE: usize = 8192;
/// Stack of an engine thread: plans have up to 64 leaves and expressions up to
/// 100 levels, each of which takes a few frames to lower and to run.
const STACK_SIZE: usize = 16 * 1024 * 1024;
/// How often the main thread looks for dead clients, in milliseconds.
const HOUSEKEEPING_MS: i64 = 1000;
/// How long the doorbell thread sleeps if nobody rings.
const DOORBELL_TIMEOUT: Duration = Duration::from_secs(5);

/// Registers the worker with the postmaster.
///
/// # Safety
///
/// Runs in the main thread, from `_PG_init`.
pub unsafe fn register() {
    fn put(field: &mut [std::ffi::c_char], text: &std::ffi::CStr) {
        for (to, from) in field.iter_mut().zip(text.to_bytes_with_nul()) {
            *to = *from as std::ffi::c_char;
        }
    }
    let mut worker = pg_sys::BackgroundWorker {
        bgw_flags: pg_sys::BGWORKER_SHMEM_ACCESS as i32,
        // As early as a hot standby accepts queries.
        bgw_start_time: pg_sys::BgWorkerStartTime::BgWorkerStart_ConsistentState,
        bgw_restart_time: 1,
        ..Default::default()
    };
    put(&mut worker.bgw_name, c"pg_fusion worker");
    put(&mut worker.bgw_type, c"pg_fusion worker");
    put(&mut worker.bgw_library_name, c"pg_fusion");
    put(&mut worker.bgw_function_name, c"pg_fusion_worker_main");
    // SAFETY: the struct is complete and copied by the callee.
    unsafe { pg_sys::RegisterBackgroundWorker(&mut worker) };
}

unsafe extern "C-unwind" fn ignore(_signal: std::ffi::c_int) {}

/// Ends the process at once, after the callbacks that were registered later (`proc_exit`
/// in ipc.c runs the last one first; of those before, `smgrshutdown` only closes files, as
/// the end of the process does): the C library's would tear down what the engine's threads
/// may still use.
unsafe extern "C-unwind" fn leave(code: std::ffi::c_int, _arg: pg_sys::Datum) {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) };
}

/// The worker's entry point, found by name.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_fusion_worker_main(_arg: pg_sys::Datum) {
    unsafe extern "C-unwind" {
        /// Handlers as C functions, without pgrx's wrappers.
        #[link_name = "SignalHandlerForConfigReload"]
        fn reload(signal: std::ffi::c_int);
        #[link_name = "SignalHandlerForShutdownRequest"]
        fn shut_down(signal: std::ffi::c_int);
    }
    // SAFETY: called by PostgreSQL in the worker's main thread; handlers are
    // set before signals are unblocked.
    unsafe {
        pg_sys::pqsignal(libc::SIGHUP, Some(reload));
        pg_sys::pqsignal(libc::SIGTERM, Some(shut_down));
        // A cancel is for queries; nobody sends one to the worker on purpose.
        pg_sys::pqsignal(libc::SIGINT, Some(ignore));
        pg_sys::on_proc_exit(Some(leave), pg_sys::Datum::null());
    }
    let Some(region) = shared::region() else {
        pgrx::error!("pg_fusion must be in shared_preload_libraries");
    };
    let worker = match Worker::start(region) {
        Ok(worker) => worker,
        Err(reason) => pgrx::error!("could not start the pg_fusion worker: {reason:#}"),
    };
    // SAFETY: signal handlers are set.
    unsafe { pg_sys::BackgroundWorkerUnblockSignals() };
    worker.run();
    // Status 1 makes the postmaster start it again, unless the server stops.
    // SAFETY: in the main thread.
    unsafe { pg_sys::proc_exit(1) };
}

/// The running worker, owned by its main thread.
struct Worker {
    side: Arc<WorkerSide>,
    runtime: Option<Runtime>,
    stopping: Arc<AtomicBool>,
    doorbell: Option<std::thread::JoinHandle<()>>,
    log: log::Receiver,
}

impl Worker {
    fn start(region: &Region) -> anyhow::Result<Self> {
        let directory = temporary::jumbo_directory();
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("could not create {}", directory.display()))?;
        for directory in temporary::other_spill_directories() {
            if let Err(error) = remove_leftovers(&directory) {
                pgrx::warning!("{error}");
            }
        }
        let threads = match guc::WORKER_THREADS.get() {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads as usize,
        };
        let engine = Engine::new(EngineConfig {
            threads,
            memory_limit: guc::MEMORY_LIMIT.get() as usize * 1024 * 1024,
            spill_directory: temporary::spill_directory(),
            batch_size: BATCH_SIZE,
        })
        .map_err(anyhow::Error::msg)?;

        let _blocked = latch::BlockedSignals::new();
        let log = log::install(latch::my_latch());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("fusion engine")
            .thread_stack_size(STACK_SIZE)
            .enable_time()
            .build()
            .context("could not start the engine's threads")?;
        // SAFETY: the postmaster starts one worker at a time, the next one
        // after the process of this one has gone.
        let side = unsafe { WorkerSide::attach(region, LatchWaker) };
        let stopping = Arc::new(AtomicBool::new(false));
        let doorbell = {
            let registry = Registry::new(side.clone(), Arc::new(engine), runtime.handle().clone());
            let stopping = stopping.clone();
            std::thread::Builder::new()
                .name("fusion doorbell".to_owned())
                .spawn(move || {
                    while !stopping.load(Ordering::Relaxed) {
                        registry.serve(DOORBELL_TIMEOUT);
                    }
                })
                .context("could not start the doorbell thread")?
        };
        Ok(Self { side, runtime: Some(runtime), stopping, doorbell: Some(doorbell), log })
    }

    /// The main thread's loop; returns when the worker shall end.
    fn run(mut self) {
        const EVENTS: u32 = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
        loop {
            // SAFETY: in the main thread, on its own latch.
            unsafe {
                pg_sys::WaitLatch(
                    pg_sys::MyLatch,
                    EVENTS as i32,
                    HOUSEKEEPING_MS,
                    pg_sys::PG_WAIT_EXTENSION,
                );
                pg_sys::ResetLatch(pg_sys::MyLatch);
                pgrx::check_for_interrupts!();
                if std::ptr::read_volatile(&raw const pg_sys::ConfigReloadPending) != 0 {
                    pg_sys::ConfigReloadPending = 0;
                    pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
                }
            }
            self.log.write();
            self.side.reap_dead_clients(is_alive);
            // Nobody would take up a session without the doorbell's thread.
            let deaf = self.doorbell.as_ref().is_none_or(|thread| thread.is_finished());
            // SAFETY: a flag that a signal handler sets.
            let shut_down =
                unsafe { std::ptr::read_volatile(&raw const pg_sys::ShutdownRequestPending) } != 0;
            if deaf || shut_down {
                break;
            }
        }
        self.stop();
    }

    /// Tells the clients, ends the doorbell thread, and leaves the engine's
    /// threads to the end of the process: they may be in the middle of a batch.
    fn stop(&mut self) {
        self.side.detach();
        self.stopping.store(true, Ordering::Relaxed);
        self.side.nudge_doorbell();
        if let Some(doorbell) = self.doorbell.take() {
            let _ = doorbell.join();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(500));
        }
        self.log.write();
    }
}

/// Whether a process with this id exists.
fn is_alive(pid: u32) -> bool {
    // SAFETY: signal 0 only asks.
    let result = unsafe { libc::kill(pid as libc::pid_t, 0) };
    result == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}
