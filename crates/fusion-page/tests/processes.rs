//! Sessions between processes that are killed at any moment: afterwards all
//! pages, slots and files are free, and the next session works.
//!
//! The test process forks, so it has no test harness and stays single-threaded;
//! only its children start threads.

mod common;

use common::*;
use fusion_page::*;
use fusion_plan::KeySet;
use std::thread;
use std::time::{Duration, Instant};

/// A forked child.
struct Child(libc::pid_t);

impl Child {
    /// Runs `body` in a child process.
    fn fork(body: impl FnOnce()) -> Self {
        // SAFETY: this process has a single thread, so the child may do
        // anything; it leaves without returning.
        match unsafe { libc::fork() } {
            -1 => panic!("fork: {}", std::io::Error::last_os_error()),
            0 => {
                // A child does not outlive a test that fails.
                // SAFETY: only asks for a signal when the parent ends.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
                let run = std::panic::AssertUnwindSafe(body);
                let failed = std::panic::catch_unwind(run).is_err();
                // SAFETY: ends the child without running the parent's handlers.
                unsafe { libc::_exit(i32::from(failed)) }
            }
            pid => Self(pid),
        }
    }

    /// Waits for its end; returns whether it succeeded.
    fn wait(self) -> bool {
        let mut status = 0;
        // SAFETY: a child of this process that nobody else waits for.
        let pid = unsafe { libc::waitpid(self.0, &raw mut status, 0) };
        assert_eq!(pid, self.0);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }

    /// Kills it, and waits until it is gone.
    fn kill(self) {
        // SAFETY: a child of this process that was not waited for.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        self.wait();
    }
}

fn alive(pid: u32) -> bool {
    // SAFETY: signal 0 only asks.
    unsafe { libc::kill(pid as libc::pid_t, 0) == 0 }
}

/// A worker process that runs until it is killed.
fn fork_worker(setup: &Setup) -> Child {
    let before = setup.region.worker();
    let child = Child::fork(|| {
        // SAFETY: the parent waits for the earlier worker's end.
        let side = unsafe { WorkerSide::attach(&setup.region, FutexWaker::new(&setup.region)) };
        loop {
            serve(&side, &TYPES);
            side.reap_dead_clients(alive);
        }
    });
    while setup.region.worker() == before {
        thread::sleep(Duration::from_micros(100));
    }
    child
}

/// Small pseudo-random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }

    fn pause(&mut self) {
        thread::sleep(Duration::from_micros(self.below(4000)));
    }
}

fn clients_and_worker() {
    let setup = Setup::new(24, 3, 2);
    let worker = fork_worker(&setup);
    let clients: Vec<_> = (0..5)
        .map(|i| {
            let region = setup.region.clone();
            Child::fork(move || {
                let latch = FutexLatch::new(&region, i);
                for rows in [5000, 0, 700, 2500] {
                    round_trip(&region, &latch, rows).unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        assert!(client.wait());
    }
    setup.assert_all_free();
    worker.kill();
}

fn killed_clients() {
    let setup = Setup::new(16, 2, 2);
    let worker = fork_worker(&setup);
    let mut random = Random(1);
    for _ in 0..100 {
        // More clients than slots, so that some are killed while they wait.
        let clients: Vec<_> = (0..4)
            .map(|i| {
                let region = setup.region.clone();
                Child::fork(move || {
                    let latch = FutexLatch::new(&region, i);
                    loop {
                        round_trip(&region, &latch, 3000).unwrap();
                    }
                })
            })
            .collect();
        for client in clients {
            random.pause();
            client.kill();
        }
    }
    setup.assert_all_free();
    round_trip(&setup.region, &FutexLatch::new(&setup.region, 9), 5000).unwrap();
    setup.assert_all_free();
    worker.kill();
}

fn killed_workers() {
    let setup = Setup::new(16, 2, 2);
    let mut random = Random(2);
    let clients: Vec<_> = (0..3)
        .map(|i| {
            let region = setup.region.clone();
            Child::fork(move || {
                let latch = FutexLatch::new(&region, i);
                let (mut whole, mut gone) = (0, 0);
                let deadline = Instant::now() + Duration::from_secs(20);
                while whole < 5 || gone < 3 {
                    assert!(Instant::now() < deadline, "{whole} whole, {gone} gone");
                    match round_trip(&region, &latch, 1500) {
                        Ok(()) => whole += 1,
                        Err(Ended::WorkerGone) => gone += 1,
                        Err(Ended::Failed(message)) => panic!("{message}"),
                    }
                }
            })
        })
        .collect();
    let mut worker = fork_worker(&setup);
    for _ in 0..60 {
        random.pause();
        worker.kill();
        worker = fork_worker(&setup);
    }
    for client in clients {
        assert!(client.wait());
    }
    setup.assert_all_free();
    round_trip(&setup.region, &FutexLatch::new(&setup.region, 9), 5000).unwrap();
    worker.kill();
}

fn killed_parallel_workers() {
    let setup = Setup::new(16, 2, 4);
    let worker = fork_worker(&setup);
    let (mut random, mut survivors) = (Random(3), Vec::new());
    for _ in 0..30 {
        let latch = FutexLatch::new(&setup.region, 0);
        let session = open(&setup.region, &latch).unwrap();
        session.submit_startup_message(b"echo", 1).unwrap();
        let key = session.key();
        let helpers: Vec<_> = (1..4i64)
            .map(|i| {
                let region = setup.region.clone();
                Child::fork(move || {
                    let latch = FutexLatch::new(&region, i as usize);
                    let Ok(feeder) = Feeder::attach(&region, key, latch.word()) else { return };
                    let mut producer = Producer::new(&region, i << 32, i64::MAX);
                    while feeder.status() == FeedStatus::Running {
                        latch.reset();
                        feeder.prepare_sleep();
                        if !producer.step(&feeder) {
                            latch.wait(Duration::from_millis(100));
                        }
                        feeder.cancel_sleep();
                    }
                })
            })
            .collect();
        let mut producer = Producer::new(&setup.region, 0, i64::MAX);
        for helper in helpers {
            let until = Instant::now() + Duration::from_micros(random.below(4000));
            while Instant::now() < until {
                // A dead producer may have kept a credit, so the leader may get
                // none any more: then it only takes results.
                producer.step(session.feeder());
                match session.poll().unwrap() {
                    Event::Result(_) | Event::Nothing => {}
                    other => panic!("{other:?}"),
                }
            }
            // Some die, others see that the session has ended.
            if random.below(3) > 0 {
                helper.kill();
            } else {
                survivors.push(helper);
            }
        }
        drop(session);
        for helper in survivors.drain(..) {
            assert!(helper.wait());
        }
        setup.assert_all_free();
    }
    worker.kill();
}

/// The keys and the column of the filter that a session gets.
fn filter_of(key: SessionKey) -> (KeySet, u32) {
    let mut keys = KeySet::default();
    (0..50).for_each(|i| keys.insert(i64::from(key.generation()) + i * 31, 1000));
    (keys, key.slot() * 1000 + key.generation() % 1000)
}

/// A worker that publishes a filter and soon has all the rows that it wants.
fn fork_publisher(setup: &Setup, seed: u64) -> Child {
    let before = setup.region.worker();
    let child = Child::fork(|| {
        // SAFETY: the parent waits for the earlier worker's end.
        let side = unsafe { WorkerSide::attach(&setup.region, FutexWaker::new(&setup.region)) };
        let mut random = Random(seed);
        loop {
            for slot in side.wait_doorbell(Duration::from_millis(2)).slots {
                let Ok(Some(session)) = side.accept(slot) else { continue };
                let (keys, column) = filter_of(session.key());
                session.publish_filter(0, column, &keys);
                if random.below(3) == 0 {
                    random.pause();
                }
                session.finish();
            }
            side.reap_dead_clients(alive);
        }
    });
    while setup.region.worker() == before {
        thread::sleep(Duration::from_micros(100));
    }
    child
}

/// Reads the filters of a session for a while, and writes to pages meanwhile. How many
/// filters were read.
fn read_filters(feeder: &Feeder, random: &mut Random) -> usize {
    let (_, column) = filter_of(feeder.key());
    let mut read = 0;
    for _ in 0..20 {
        let pages: Vec<_> = (0..6).map_while(|_| feeder.begin_page(0).unwrap()).collect();
        for page in &pages {
            // SAFETY: the page is this process's alone.
            unsafe { page.memory().as_mut() }.fill(0xa5);
        }
        for filter in feeder.filters(0).unwrap() {
            for _ in 0..1 + random.below(3) {
                assert_eq!(filter.column(), column as usize);
                let of_key = |i: i64| i64::from(feeder.key().generation()) + i * 31;
                assert!((0..50).all(|i| filter.may_contain(of_key(i))));
                thread::sleep(Duration::from_micros(random.below(100)));
            }
            read += 1;
        }
    }
    read
}

/// Filters are read while everybody who has to do with them ends or is killed.
fn filters_of_the_dead() {
    let setup = Setup::new(32, 4, 2);
    let mut random = Random(4);
    let mut worker = fork_publisher(&setup, 0);
    let clients: Vec<_> = (0..3u64)
        .map(|client| {
            let region = setup.region.clone();
            Child::fork(move || {
                let latch = FutexLatch::new(&region, client as usize);
                let (mut random, mut read) = (Random(client), 0);
                let deadline = Instant::now() + Duration::from_secs(3);
                while Instant::now() < deadline {
                    let Ok(session) = open(&region, &latch) else {
                        random.pause();
                        continue;
                    };
                    session.submit_startup_message(b"", 1).unwrap();
                    let key = session.key();
                    let helpers: Vec<_> = (0..2)
                        .map(|i| {
                            let (region, seed) = (region.clone(), random.below(1000) + i);
                            Child::fork(move || {
                                let Ok(feeder) = Feeder::attach(&region, key, 0) else { return };
                                read_filters(&feeder, &mut Random(seed));
                            })
                        })
                        .collect();
                    read += read_filters(session.feeder(), &mut random);
                    drop(session);
                    for helper in helpers {
                        match random.below(2) {
                            0 => helper.kill(),
                            _ => assert!(helper.wait()),
                        }
                    }
                }
                assert!(read > 100, "{read} filters were read");
            })
        })
        .collect();
    for round in 1..40 {
        thread::sleep(Duration::from_millis(20 + random.below(60)));
        worker.kill();
        worker = fork_publisher(&setup, round);
    }
    for client in clients {
        assert!(client.wait());
    }
    setup.assert_all_free();
    worker.kill();
}

fn main() {
    // A hanging test ends here.
    // SAFETY: only sets a timer.
    unsafe { libc::alarm(60) };
    let tests: [(&str, fn()); 5] = [
        ("clients_and_worker", clients_and_worker),
        ("killed_clients", killed_clients),
        ("killed_workers", killed_workers),
        ("killed_parallel_workers", killed_parallel_workers),
        ("filters_of_the_dead", filters_of_the_dead),
    ];
    for (name, test) in tests {
        let before = Instant::now();
        test();
        println!("test {name} ... ok ({:.1} s)", before.elapsed().as_secs_f64());
    }
}
