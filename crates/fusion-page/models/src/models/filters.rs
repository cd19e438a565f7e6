//! The pages of runtime filters.

use super::{
    CLIENT, HELPER, WORKER, assert_all_free, attach, clear_up, explore, explore_deaths, open, spawn,
};
use crate::session::client::ClientSession;
use crate::session::feeder::Feeder;
use crate::session::worker_session::WorkerSession;
use crate::shared::identity::SessionKey;
use crate::shared::owner::Side;
use crate::shared::region::Region;
use fusion_plan::KeySet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Publishes a filter, and has all the rows that it wants.
fn publish(worker: &Arc<WorkerSession>) {
    let mut keys = KeySet::default();
    keys.insert(5, 10);
    worker.publish_filter(0, 3, &keys);
    worker.finish();
}

/// Looks at the filters of a session: each is what was published, as long as it is read.
fn read(feeder: &Feeder) {
    for filter in feeder.filters(0).expect("a filter") {
        for _ in 0..2 {
            assert_eq!(filter.column(), 3);
            assert!(filter.may_contain(5) && !filter.may_contain(6));
        }
    }
}

fn help(region: &Region, key: SessionKey) {
    if let Ok(feeder) = Feeder::attach(region, key, 2) {
        read(&feeder);
    }
}

/// Writes to whatever pages can be had.
fn scribble(region: &Region, key: SessionKey) {
    while let Some(page) = region.claim_page(key, Side::Client) {
        for word in region.page_words(page).expect("a page") {
            word.store(u64::MAX, Relaxed);
        }
    }
    region.reclaim_pages(key, Some(Side::Client));
}

/// Two sessions, and the worker's side of the first, which has a leaf.
fn world() -> (Region, Arc<super::WorkerSide>, ClientSession, Arc<WorkerSession>, ClientSession) {
    let region = Region::new(2, 1, 1);
    let side = attach(&region);
    let (client, other) = (open(&region, 0), open(&region, 0));
    client.submit_startup_message(b"", 1).expect("open");
    let worker = side.accept(client.key().slot()).expect("readable").expect("submitted");
    (region, side, client, worker, other)
}

/// The worker leaves, then the client, while a parallel worker reads the filter, and
/// another session takes all the pages that it gets.
pub fn a_filter_that_is_read() {
    explore(2, || {
        let (region, side, client, worker, other) = world();
        let key = client.key();
        publish(&worker);
        let helper = {
            let region = region.clone();
            spawn(HELPER, None, move || help(&region, key))
        };
        let thief = {
            let region = region.clone();
            spawn(CLIENT, None, move || {
                scribble(&region, other.key());
                drop(other);
            })
        };
        drop(worker);
        drop(client);
        helper.join().unwrap();
        thief.join().unwrap();
        assert_all_free(&region);
        drop(side);
    });
}

/// A filter that comes into sight is complete.
pub fn a_filter_that_appears() {
    explore(3, || {
        let (region, side, client, worker, other) = world();
        let engine = spawn(WORKER, None, move || {
            publish(&worker);
            drop(worker);
        });
        read(client.feeder());
        scribble(&region, other.key());
        read(client.feeder());
        engine.join().unwrap();
        drop((client, other));
        assert_all_free(&region);
        drop(side);
    });
}

/// The worker dies at any step of publishing and leaving, while the client reads.
pub fn a_dead_publisher() {
    explore_deaths(3, |steps| {
        let (region, side, client, worker, other) = world();
        let engine = spawn(WORKER, Some(steps), move || {
            publish(&worker);
            drop(worker);
        });
        read(client.feeder());
        let whole = engine.join().unwrap();
        scribble(&region, other.key());
        read(client.feeder());
        drop((client, other));
        clear_up(&region, !whole, side, 0);
        whole
    });
}

/// A parallel worker dies at any step of reading, while the others leave.
pub fn a_dead_reader() {
    explore_deaths(2, |steps| {
        let (region, side, client, worker, other) = world();
        let key = client.key();
        publish(&worker);
        let helper = {
            let region = region.clone();
            spawn(HELPER, Some(steps), move || help(&region, key))
        };
        drop(worker);
        drop(client);
        scribble(&region, other.key());
        let whole = helper.join().unwrap();
        drop(other);
        clear_up(&region, false, side, HELPER);
        whole
    });
}
