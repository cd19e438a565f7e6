//! The life of a session, and its end by whoever dies.

use super::{
    CLIENT, HELPER, WORKER, assert_all_free, attach, clear_up, explore, explore_deaths, open, spawn,
};
use crate::session::client::{ClientSession, Event};
use crate::session::feeder::Feeder;
use crate::session::worker::WorkerSide;
use crate::shared::identity::SessionKey;
use crate::shared::region::Region;
use std::sync::Arc;

/// Accepts what was submitted, and ends at once.
fn serve(side: &Arc<WorkerSide>, slot: u32) {
    if let Ok(Some(worker)) = side.accept(slot) {
        assert_eq!(worker.startup_message(), b"plan");
        let _ = worker.send_blob(b"rows");
        worker.finish();
    }
}

/// Joins a session, and leaves it.
fn help(region: &Region, key: SessionKey) {
    if let Ok(feeder) = Feeder::attach(region, key, 2) {
        assert_eq!(feeder.key(), key);
        let _ = feeder.begin_page(0).expect("a page, or none");
    }
}

/// Submits, and closes without looking what came.
fn submit(client: ClientSession) {
    client.submit_startup_message(b"plan", 1).expect("open");
    drop(client);
}

/// A session is opened, submitted, accepted, joined and closed in any order: afterwards
/// all is free.
pub fn everybody_leaves() {
    explore(2, || {
        let region = Region::new(1, 3, 0);
        let side = attach(&region);
        let client = open(&region, 0);
        let key = client.key();
        client.submit_startup_message(b"plan", 1).expect("open");
        let worker = {
            let side = Arc::clone(&side);
            spawn(WORKER, None, move || serve(&side, 0))
        };
        let helper = {
            let region = region.clone();
            spawn(HELPER, None, move || help(&region, key))
        };
        drop(client);
        worker.join().unwrap();
        helper.join().unwrap();
        assert_all_free(&region);
    });
}

/// A late parallel worker does not enter the session that has come after its own.
pub fn a_late_parallel_worker() {
    explore(2, || {
        let region = Region::new(1, 2, 0);
        let side = attach(&region);
        let old = open(&region, 0);
        let key = old.key();
        old.submit_startup_message(b"plan", 1).expect("open");
        let helper = {
            let region = region.clone();
            spawn(HELPER, None, move || help(&region, key))
        };
        drop(old);
        if let Some(new) = ClientSession::try_open(&region, 0).expect("a worker") {
            submit(new);
        }
        helper.join().unwrap();
        assert_all_free(&region);
        drop(side);
    });
}

/// The client dies at any step, while the worker accepts the session.
pub fn a_dead_client() {
    explore_deaths(2, |steps| {
        let region = Region::new(1, 3, 0);
        let side = attach(&region);
        let client = {
            let region = region.clone();
            spawn(CLIENT, Some(steps), move || submit(open(&region, 0)))
        };
        serve(&side, 0);
        let whole = client.join().unwrap();
        serve(&side, 0);
        clear_up(&region, false, side, CLIENT);
        whole
    });
}

/// The worker dies at any step, while the client closes: the next one clears up.
pub fn a_dead_worker() {
    explore_deaths(2, |steps| {
        let region = Region::new(1, 3, 0);
        let side = attach(&region);
        let client = open(&region, 0);
        client.submit_startup_message(b"plan", 1).expect("open");
        let worker = {
            let side = Arc::clone(&side);
            spawn(WORKER, Some(steps), move || serve(&side, 0))
        };
        match client.poll().expect("open") {
            Event::Nothing | Event::Blob(_) | Event::Finished => {}
            other => panic!("{other:?}"),
        }
        drop(client);
        let whole = worker.join().unwrap();
        clear_up(&region, !whole, side, 0);
        whole
    });
}

/// A parallel worker dies at any step, while its leader closes.
pub fn a_dead_parallel_worker() {
    explore_deaths(2, |steps| {
        let region = Region::new(1, 3, 0);
        let side = attach(&region);
        let client = open(&region, 0);
        let key = client.key();
        client.submit_startup_message(b"plan", 1).expect("open");
        let helper = {
            let region = region.clone();
            spawn(HELPER, Some(steps), move || help(&region, key))
        };
        serve(&side, 0);
        drop(client);
        let whole = helper.join().unwrap();
        clear_up(&region, false, side, HELPER);
        whole
    });
}
