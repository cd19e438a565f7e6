//! Sessions between threads: the whole protocol, with client and worker in one
//! process.

mod common;

use common::*;
use fusion_page::*;
use fusion_plan::{KeySet, PgError, SqlState};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(5);

/// A worker that does nothing by itself.
fn attach(region: &Region) -> Arc<WorkerSide> {
    // SAFETY: tests have one worker at a time, and drop all of its pages first.
    unsafe { WorkerSide::attach(region, FutexWaker::new(region)) }
}

fn client(region: &Region) -> ClientSession {
    ClientSession::try_open(region, 0).unwrap().unwrap()
}

/// A submitted session and the worker's side of it.
fn pair(side: &Arc<WorkerSide>, leaves: usize) -> (ClientSession, Arc<WorkerSession>) {
    let client = client(side.region());
    client.submit_startup_message(b"plan", leaves).unwrap();
    let worker = side.accept(client.key().slot()).unwrap().unwrap();
    (client, worker)
}

/// A page of leaf 0 with one row.
fn push_row(feeder: &Feeder) {
    let layout = leaf_layout(&TYPES, 16 << 10);
    let page = feeder.begin_page(0).unwrap().unwrap();
    let mut writer = PageWriter::new(layout, page).unwrap();
    writer.slots_mut::<i64>(0)[0] = 1;
    writer.set_nulls(1, 1, 1);
    writer.write_texts(1, &mut 0, [&[][..]].into_iter());
    writer.advance(1, 0);
    writer.finish().push().unwrap();
}

/// A result page with no rows.
fn push_result(worker: &Arc<WorkerSession>) -> bool {
    let Some(page) = worker.try_begin_result().unwrap() else { return false };
    PageWriter::new(leaf_layout(&TYPES, 16 << 10), page).unwrap().finish().push().unwrap();
    true
}

#[test]
fn rows_go_there_and_back() {
    let setup = Setup::new(64, 4, 4);
    let worker = echo_worker(&setup.region, &TYPES);
    let latch = FutexLatch::new(&setup.region, 1);
    for rows in [0, 1, 1000, 50_000] {
        round_trip(&setup.region, &latch, rows).unwrap();
    }
    worker.stop();
    setup.assert_all_free();
    assert!(setup.region.stats().jumbos > 0);
}

#[test]
fn more_clients_than_slots_and_pages() {
    let setup = Setup::new(8, 3, 1);
    let worker = echo_worker(&setup.region, &TYPES);
    thread::scope(|scope| {
        for i in 0..6 {
            let region = &setup.region;
            scope.spawn(move || {
                let latch = FutexLatch::new(region, i);
                for rows in [3000, 1, 500] {
                    round_trip(region, &latch, rows).unwrap();
                }
            });
        }
    });
    worker.stop();
    setup.assert_all_free();
}

#[test]
fn parallel_workers_feed_one_leaf() {
    let setup = Setup::new(32, 2, 4);
    let echo = echo_worker(&setup.region, &TYPES);
    let region = &setup.region;
    let latch = FutexLatch::new(region, 0);
    let session = client(region);
    session.submit_startup_message(b"echo", 1).unwrap();
    let (key, running) = (session.key(), AtomicUsize::new(3));
    let mut seen = HashSet::new();
    thread::scope(|scope| {
        for i in 1..4i64 {
            let (running, latch) = (&running, FutexLatch::new(region, i as usize));
            let leader = FutexLatch::new(region, 0).word();
            scope.spawn(move || {
                let feeder = Feeder::attach(region, key, latch.word()).unwrap();
                let mut producer = Producer::new(region, i * 10_000, (i + 1) * 10_000);
                while !producer.is_done() {
                    latch.reset();
                    feeder.prepare_sleep();
                    if !producer.step(&feeder) {
                        assert_eq!(feeder.status(), FeedStatus::Running);
                        latch.wait(LONG);
                    }
                    feeder.cancel_sleep();
                }
                drop(feeder);
                // As PostgreSQL tells the leader that a parallel worker exited.
                running.fetch_sub(1, Ordering::SeqCst);
                FutexWaker::new(region).wake(leader);
            });
        }
        let leader = Producer::new(region, 0, 10_000);
        let all_done = || running.load(Ordering::SeqCst) == 0;
        run_session(&session, &latch, leader, all_done, |number| assert!(seen.insert(number)))
            .unwrap();
    });
    assert_eq!(seen.len(), 40_000);
    drop(session);
    assert!(matches!(Feeder::attach(region, key, 0), Err(PageError::Closed)));
    echo.stop();
    setup.assert_all_free();
}

#[test]
fn wake_ups_are_counted() {
    let setup = Setup::new(16, 1, 4);
    let side = attach(&setup.region);
    let (client, worker) = pair(&side, 1);
    let feeder = client.feeder();
    // Nobody sleeps yet.
    worker.grant(0, 1);
    assert_eq!(feeder.wake_ups(), WakeUps { news: 1, worker: 0, clients: 0 });
    feeder.prepare_sleep();
    worker.grant(0, 1);
    worker.grant(0, 1);
    assert!(feeder.try_claim_credit(0) && feeder.try_claim_credit(0));
    // The worker has looked in vain, so the first of two pages is news.
    assert!(matches!(worker.try_pop(0).unwrap(), LeafEvent::Empty));
    push_row(feeder);
    push_row(feeder);
    assert_eq!(feeder.wake_ups(), WakeUps { news: 2, worker: 0, clients: 1 });
    assert_eq!(side.wait_doorbell(LONG).slots[..], [client.key().slot()]);
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(side.wait_doorbell(LONG).slots[..], [client.key().slot()]));
        while setup.region.stats().worker_sleeps == 0 {
            thread::yield_now();
        }
        feeder.end_leaf(0);
    });
    assert_eq!(feeder.wake_ups(), WakeUps { news: 3, worker: 1, clients: 1 });
}

#[test]
fn credits_are_never_exceeded() {
    let setup = Setup::new(256, 1, 128);
    let side = attach(&setup.region);
    let (client, worker) = pair(&side, 3);
    let (claimed, granted) = (AtomicU64::new(0), AtomicBool::new(false));
    assert_eq!(client.feeder().next_demand(), 0);
    assert!(!client.feeder().try_claim_credit(1));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let feeder = Feeder::attach(&setup.region, client.key(), 0).unwrap();
                loop {
                    let last = granted.load(Ordering::SeqCst);
                    if feeder.try_claim_credit(1) {
                        claimed.fetch_add(1, Ordering::SeqCst);
                    } else if last {
                        break;
                    }
                }
            });
        }
        for _ in 0..10 {
            assert_eq!(worker.grant(1, 5), 5);
            thread::sleep(Duration::from_millis(2));
        }
        granted.store(true, Ordering::SeqCst);
    });
    assert_eq!(claimed.load(Ordering::SeqCst), 50);
    // The window is 64 pages that were not taken.
    assert_eq!((worker.grant(1, 100), worker.grant(1, 100)), (LEAF_WINDOW - 50, 0));
    assert_eq!((worker.outstanding(1), client.feeder().next_demand()), (LEAF_WINDOW, 0b010));
    assert!(client.feeder().try_claim_credit(1));
    client.feeder().return_credit(1);
    worker.grant(2, 1);
    assert_eq!(client.feeder().next_demand(), 0b110);
    client.feeder().end_leaf(1);
    assert_eq!(client.feeder().next_demand(), 0b100);
    assert!(matches!(worker.try_pop(1).unwrap(), LeafEvent::Ended));
    assert!(matches!(worker.try_pop(2).unwrap(), LeafEvent::Empty));
}

/// A filter of the keys 5 and 7 in column 3 of leaf 0.
fn publish(worker: &WorkerSession) -> bool {
    let mut keys = KeySet::default();
    [5, 7].into_iter().for_each(|key| keys.insert(key, 100));
    worker.publish_filter(0, 3, &keys)
}

/// What [`publish`] has published, and nothing else, is there to be read.
fn assert_filter(filters: &[KeyFilter<'_>]) {
    let [filter] = filters else { panic!("{} filters", filters.len()) };
    assert_eq!(filter.column(), 3);
    assert!(filter.may_contain(5) && filter.may_contain(7) && !filter.may_contain(8));
}

/// Others use all the pages that they can get.
fn scribble(side: &Arc<WorkerSide>) {
    let (other, _worker) = pair(side, 2);
    push_row(other.feeder());
    let mut pages = Vec::new();
    while let Some(page) = other.feeder().begin_page(0).unwrap() {
        // SAFETY: the page is the test's alone.
        unsafe { page.memory().as_mut() }.fill(0xa5);
        pages.push(page);
    }
}

#[test]
fn a_filter_stays_as_long_as_anybody_may_read_it() {
    let setup = Setup::new(16, 2, 2);
    let side = attach(&setup.region);
    let in_use = || setup.region.stats().pages_total - setup.region.stats().pages_free;
    let (client, worker) = pair(&side, 1);
    assert!(publish(&worker));
    let helper = Feeder::attach(&setup.region, client.key(), 0).unwrap();
    let (read, read_by_helper) = (client.feeder().filters(0).unwrap(), helper.filters(0).unwrap());
    // The engine has all the rows that it wants.
    worker.finish();
    drop(worker);
    scribble(&side);
    assert_filter(&read);
    assert_filter(&client.feeder().filters(0).unwrap());
    // The client goes, but not yet its parallel worker.
    let key = client.key();
    drop(client);
    scribble(&side);
    assert_filter(&read_by_helper);
    assert_filter(&helper.filters(0).unwrap());
    assert_eq!((setup.region.stats().sessions_in_use, in_use()), (1, 1));
    drop(helper);
    assert!(matches!(Feeder::attach(&setup.region, key, 0), Err(PageError::Closed)));
    setup.assert_all_free();
}

#[test]
fn a_filter_outlives_the_worker_that_published_it() {
    let setup = Setup::new(16, 2, 2);
    let old = attach(&setup.region);
    let (client, worker) = pair(&old, 1);
    assert!(publish(&worker));
    // Both are killed: the engine, and a parallel worker of the client.
    std::mem::forget(Feeder::attach(&setup.region, client.key(), 0).unwrap());
    std::mem::forget(worker);
    let new = attach(&setup.region);
    scribble(&new);
    assert_filter(&client.feeder().filters(0).unwrap());
    drop(client);
    assert_eq!(setup.region.stats().sessions_in_use, 1);
    new.reap_dead_clients(|_| false);
    setup.assert_all_free();
}

#[test]
fn filters_take_only_what_can_be_spared() {
    let setup = Setup::new(12, 2, 2);
    let side = attach(&setup.region);
    let (client, worker) = pair(&side, 2);
    // Four words, and the surplus has 8 pages.
    assert_eq!((0..6).filter(|_| publish(&worker)).count(), 4);
    let others: Vec<_> = (0..5).map(|_| client.feeder().begin_page(1).unwrap().unwrap()).collect();
    assert!(!worker.publish_filter(1, 0, &KeySet::default()), "little of the surplus is left");
    // A session that has ended does not keep others from its pages.
    drop((others, client));
    worker.finish();
    assert!(!worker.publish_filter(1, 0, &KeySet::default()), "nobody would read it");
    drop(worker);
    setup.assert_all_free();
}

#[test]
fn an_idle_cursor_holds_a_window_of_results() {
    let setup = Setup::new(16, 1, 8);
    let side = attach(&setup.region);
    let (client, worker) = pair(&side, 0);
    let sent = (0..100).take_while(|_| push_result(&worker)).count();
    assert_eq!(sent as u64, RESULT_WINDOW);
    worker.send_blob(b"metrics").unwrap();
    worker.finish();
    side.wait_doorbell(Duration::ZERO);
    let Event::Result(page) = client.poll().unwrap() else { panic!("no result") };
    assert!(!push_result(&worker), "a page that is being read counts");
    drop(page);
    assert_eq!(side.wait_doorbell(Duration::ZERO).slots.as_slice(), [client.key().slot()]);
    drop(worker.try_begin_result().unwrap().expect("the window has opened"));
    drop(worker.try_begin_result().unwrap().expect("a page that is not sent does not count"));
    for _ in 1..RESULT_WINDOW {
        assert!(matches!(client.poll().unwrap(), Event::Result(_)));
    }
    assert!(matches!(client.poll().unwrap(), Event::Blob(blob) if blob == b"metrics"));
    assert!(matches!(client.poll().unwrap(), Event::Finished));
}

#[test]
fn closing_cancels_and_everything_comes_back() {
    let setup = Setup::new(16, 2, 4);
    let side = attach(&setup.region);
    let (client, worker) = pair(&side, 1);
    worker.grant(0, 8);
    for _ in 0..3 {
        assert!(client.feeder().try_claim_credit(0));
        push_row(client.feeder());
    }
    client.feeder().begin_jumbo(0, 1 << 20).unwrap().push().unwrap();
    let half_written = client.feeder().begin_page(0).unwrap().unwrap();
    let LeafEvent::Page(page) = worker.try_pop(0).unwrap() else { panic!("no page") };
    let batch = Importer::new(&TYPES).import(page).unwrap();
    assert!(push_result(&worker));
    assert!(!worker.is_client_closed());
    // SAFETY: the page that is still around is only dropped.
    unsafe { client.force_close() };
    assert!(worker.is_client_closed());
    assert!(matches!(client.poll(), Err(PageError::Closed)));
    assert!(matches!(worker.try_begin_result(), Err(PageError::Closed)));
    drop(worker);
    assert_eq!(setup.region.stats().sessions_in_use, 1, "a batch is still in use");
    assert_eq!(batch.num_rows(), 1);
    drop(batch);
    setup.assert_all_free();
    drop(half_written);
    drop(client);
    setup.assert_all_free();
}

#[test]
fn failures_are_told_once_and_drops_are_failures() {
    let setup = Setup::new(16, 2, 4);
    let side = attach(&setup.region);
    let (client, worker) = pair(&side, 0);
    push_result(&worker);
    worker.fail(&PgError::division_by_zero());
    worker.finish();
    drop(worker);
    let Event::Failed(error) = client.poll().unwrap() else { panic!("not failed") };
    assert_eq!(error.sqlstate, SqlState::DIVISION_BY_ZERO);
    let (client, worker) = pair(&side, 0);
    drop(worker);
    assert!(matches!(client.poll().unwrap(), Event::Failed(_)));
}

#[test]
fn a_new_worker_is_told_from_the_old_one() {
    let setup = Setup::new(16, 4, 2);
    let (running, finished, submitted, opened);
    {
        let side = attach(&setup.region);
        let (client_a, worker_a) = pair(&side, 1);
        worker_a.grant(0, 2);
        client_a.feeder().try_claim_credit(0);
        push_row(client_a.feeder());
        let LeafEvent::Page(page) = worker_a.try_pop(0).unwrap() else { panic!("no page") };
        // What a killed worker leaves behind.
        std::mem::forget(page);
        std::mem::forget(worker_a);
        let (client_b, worker_b) = pair(&side, 0);
        push_result(&worker_b);
        worker_b.finish();
        (running, finished, submitted, opened) =
            (client_a, client_b, client(&setup.region), client(&setup.region));
        submitted.submit_startup_message(b"plan", 0).unwrap();
        assert!(matches!(running.poll().unwrap(), Event::Nothing));
        side.detach();
        assert!(matches!(running.poll().unwrap(), Event::WorkerGone));
        assert_eq!(ClientSession::try_open(&setup.region, 0).unwrap_err(), OpenError::NoWorker);
    }
    let side = attach(&setup.region);
    assert_eq!(side.id().generation, 2);
    assert!(matches!(running.poll().unwrap(), Event::WorkerGone));
    assert_eq!(running.feeder().status(), FeedStatus::WorkerGone);
    assert!(matches!(submitted.poll().unwrap(), Event::WorkerGone));
    // Sessions of the old worker are not for the new one.
    opened.submit_startup_message(b"plan", 0).unwrap();
    assert!(side.accept(opened.key().slot()).unwrap().is_none());
    assert!(side.accept(submitted.key().slot()).unwrap().is_none());
    // What had been finished stays finished.
    assert!(matches!(finished.poll().unwrap(), Event::Result(_)));
    assert!(matches!(finished.poll().unwrap(), Event::Finished));
    drop((running, finished, submitted, opened));
    setup.assert_all_free();
    let (client, _worker) = pair(&side, 0);
    assert!(matches!(client.poll().unwrap(), Event::Nothing));
}

#[test]
fn waiters_come_in_order_and_may_withdraw() {
    let setup = Setup::new(4, 2, 1);
    let region = &setup.region;
    let side = attach(region);
    let holders = [client(region), client(region)];
    assert!(ClientSession::try_open(region, 0).unwrap().is_none());
    let latches: Vec<_> = (1..5).map(|i| FutexLatch::new(region, i)).collect();
    let is_set = |i: usize| {
        let before = Instant::now();
        latches[i].wait(Duration::from_millis(20));
        before.elapsed() < Duration::from_millis(20)
    };
    let mut waiters: Vec<_> =
        latches.iter().map(|l| Some(Waiter::join(region, l.word()).unwrap())).collect();
    assert_eq!(waiters[3].as_ref().unwrap().ahead(), 3);
    let [first, second] = holders;
    drop(first);
    side.wait_doorbell(Duration::ZERO);
    assert!(is_set(0) && !is_set(1));
    // A free slot, but not for those that came later.
    assert!(ClientSession::try_open(region, 0).unwrap().is_none());
    assert!(waiters[1].as_ref().unwrap().try_open().unwrap().is_none());
    // The first withdraws: it is the second's turn.
    waiters[0] = None;
    side.wait_doorbell(Duration::ZERO);
    assert!(is_set(1));
    let opened = waiters[1].as_ref().unwrap().try_open().unwrap().unwrap();
    waiters[1] = None;
    assert!(waiters[2].as_ref().unwrap().try_open().unwrap().is_none());
    // The third dies: it is the fourth's turn.
    drop(second);
    std::mem::forget(waiters[2].take());
    let calls = AtomicUsize::new(0);
    side.reap_dead_clients(|_| calls.fetch_add(1, Ordering::SeqCst) != 0);
    assert!(is_set(3));
    let _last = waiters[3].as_ref().unwrap().try_open().unwrap().unwrap();
    drop(opened);
}

#[test]
fn nested_sessions_have_slots_of_their_own() {
    let setup = Setup::with_nested(4, 1, 1, 1);
    let region = &setup.region;
    let side = attach(region);
    let nested = || ClientSession::try_open_nested(region, 0).unwrap();
    let first = client(region);
    let second = nested().unwrap();
    assert!(nested().is_none());
    drop(first);
    side.wait_doorbell(Duration::ZERO);
    assert!(nested().is_none(), "the other slot is not for nested sessions");
    drop(client(region));
    drop(second);
    side.wait_doorbell(Duration::ZERO);
    assert!(nested().is_some());
    drop(side);
    assert_eq!(ClientSession::try_open_nested(region, 0).unwrap_err(), OpenError::NoWorker);
    setup.assert_all_free();
}

#[test]
fn a_detached_worker_wakes_everybody() {
    let setup = Setup::new(4, 1, 1);
    let side = attach(&setup.region);
    let latches = [FutexLatch::new(&setup.region, 1), FutexLatch::new(&setup.region, 2)];
    let session = ClientSession::try_open(&setup.region, latches[0].word()).unwrap().unwrap();
    session.feeder().prepare_sleep();
    let waiter = Waiter::join(&setup.region, latches[1].word()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let before = Instant::now();
            latches.iter().for_each(|latch| latch.wait(LONG));
            assert!(before.elapsed() < LONG);
        });
        side.detach();
    });
    assert!(matches!(session.poll().unwrap(), Event::WorkerGone));
    assert_eq!(waiter.try_open().unwrap_err(), OpenError::NoWorker);
}

#[test]
fn a_leaf_without_pages_overflows_instead_of_waiting() {
    let setup = Setup::new(2, 1, 2);
    let side = attach(&setup.region);
    let (client, worker) = pair(&side, 2);
    let feeder = client.feeder();
    (0..2).for_each(|_| push_row(feeder));
    // Leaf 0 has pages queued, so it can wait; leaf 1 and the result cannot.
    assert!(feeder.begin_page(0).unwrap().is_none());
    drop(feeder.begin_page(1).unwrap().unwrap());
    assert!(push_result(&worker) && !push_result(&worker));
    assert_eq!(setup.region.stats().overflows, 2);
    let latch = FutexLatch::new(&setup.region, 0);
    feeder.prepare_sleep();
    assert!(feeder.begin_page(0).unwrap().is_none());
    latch.reset();
    drop(worker.try_pop(0).unwrap());
    let before = Instant::now();
    latch.wait(LONG);
    assert!(before.elapsed() < LONG, "a page was released and nobody told");
    assert!(feeder.begin_page(0).unwrap().is_some());
}

#[test]
fn large_startup_messages_and_blobs_travel_whole() {
    let setup = Setup::new(4, 1, 2);
    let side = attach(&setup.region);
    let session = client(&setup.region);
    let plan: Vec<u8> = (0..1_000_000u32).map(|i| i as u8).collect();
    session.submit_startup_message(&plan, MAX_LEAVES).unwrap();
    assert_eq!(side.wait_doorbell(LONG).slots.as_slice(), [0]);
    let worker = side.accept(0).unwrap().unwrap();
    assert!(side.accept(0).unwrap().is_none(), "accepted once");
    assert_eq!((worker.startup_message(), worker.leaves()), (plan.as_slice(), MAX_LEAVES));
    worker.send_blob(&plan).unwrap();
    assert!(matches!(session.poll().unwrap(), Event::Blob(blob) if blob == plan));
    drop((session, worker));
    setup.assert_all_free();
}
