//! The queue in front of the slots.

use super::{CLIENT, HELPER, LONG, assert_all_free, attach, explore, open, spawn};
use crate::session::client::ClientSession;
use crate::session::futex_latch::FutexLatch;
use crate::session::waiter::Waiter;
use crate::shared::region::Region;
use crate::sync::AtomicU32;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// Waits for a slot, as a backend does.
fn wait(region: &Region, latch: &FutexLatch) -> ClientSession {
    if let Some(session) = ClientSession::try_open(region, latch.word()).expect("a worker") {
        return session;
    }
    let waiter = Waiter::join(region, latch.word()).expect("room");
    loop {
        latch.reset();
        if let Some(session) = waiter.try_open().expect("a worker") {
            return session;
        }
        latch.wait(LONG);
    }
}

/// Clients that wait for the only slot get it one after the other, while the worker sleeps
/// on its doorbell.
pub fn everybody_has_a_turn() {
    explore(2, || {
        let region = Region::new(1, 1, 0);
        let side = attach(&region);
        let holder = open(&region, 0);
        let left = Arc::new(AtomicU32::new(2));
        let waiting = [(CLIENT, 1), (HELPER, 2)].map(|(id, latch)| {
            let (region, left) = (region.clone(), Arc::clone(&left));
            spawn(id, None, move || {
                let latch = FutexLatch::new(&region, latch);
                drop(wait(&region, &latch));
                left.fetch_sub(1, SeqCst);
                region.control().doorbell.ring(0);
            })
        });
        drop(holder);
        while left.load(SeqCst) > 0 {
            side.wait_doorbell(LONG);
        }
        for client in waiting {
            client.join().unwrap();
        }
        assert_all_free(&region);
    });
}
