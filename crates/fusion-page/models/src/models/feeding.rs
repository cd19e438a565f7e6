//! Credits, pages and results between a client that sleeps and a worker that sleeps.

use super::{CLIENT, HELPER, LONG, WORKER, attach, explore, open, spawn};
use crate::format::layout::{PageHeader, PageKind};
use crate::format::memory::PageMemory;
use crate::session::client::{ClientSession, Event};
use crate::session::feeder::Feeder;
use crate::session::futex_latch::FutexLatch;
use crate::session::worker::WorkerSide;
use crate::session::worker_session::{LeafEvent, WorkerSession};
use crate::shared::region::Region;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

fn pair(region: &Region, latch: u64) -> (Arc<WorkerSide>, ClientSession, Arc<WorkerSession>) {
    let side = attach(region);
    let client = open(region, latch);
    client.submit_startup_message(b"", 1).expect("open");
    side.wait_doorbell(LONG);
    let worker = side.accept(client.key().slot()).expect("readable").expect("submitted");
    (side, client, worker)
}

/// Sleeps until `look` finds something, as a backend does.
fn until<T>(feeder: &Feeder, latch: &FutexLatch, mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        latch.reset();
        feeder.prepare_sleep();
        if let Some(found) = look() {
            feeder.cancel_sleep();
            return found;
        }
        latch.wait(LONG);
        feeder.cancel_sleep();
    }
}

/// Waits for the next page, and what was written to it.
fn take(side: &WorkerSide, worker: &Arc<WorkerSession>) -> Option<u64> {
    loop {
        match worker.try_pop(0).expect("pages of this session") {
            LeafEvent::Page(page) => {
                return Some(side.region().words_of(page.memory())[0].load(Relaxed));
            }
            LeafEvent::Ended => return None,
            LeafEvent::Empty => {
                side.wait_doorbell(LONG);
            }
        }
    }
}

/// Fills and sends a page for a credit that was taken.
fn send(region: &Region, feeder: &Feeder, value: u64) {
    let page = feeder.begin_page(0).expect("open").expect("a page");
    region.words_of(page.memory())[0].store(value, Relaxed);
    page.push().expect("room for what was asked for");
}

/// A client that sleeps is woken by a credit, a worker that sleeps by a page and by the
/// end of a leaf, and sees what was written.
pub fn pages_for_credits() {
    explore(2, || {
        let region = Region::new(1, 2, 0);
        let latch = FutexLatch::new(&region, 1);
        let (side, client, worker) = pair(&region, latch.word());
        let engine = spawn(WORKER, None, move || {
            worker.grant(0, 1);
            assert_eq!(take(&side, &worker), Some(7));
            assert_eq!(take(&side, &worker), None);
            drop(worker);
            std::mem::forget(side);
        });
        let feeder = client.feeder();
        until(feeder, &latch, || feeder.try_claim_credit(0).then_some(()));
        send(&region, feeder, 7);
        feeder.end_leaf(0);
        engine.join().unwrap();
    });
}

/// Two processes share a leaf's credits: as many pages come as were asked for, whoever
/// gets them, and nobody sleeps while there is a credit.
pub fn credits_of_two() {
    explore(2, || {
        let region = Region::new(1, 2, 0);
        let latches = [1, 2].map(|number| FutexLatch::new(&region, number));
        let (side, client, worker) = pair(&region, latches[0].word());
        let helper = {
            let (region, key) = (region.clone(), client.key());
            let latch = latches[1].clone();
            spawn(HELPER, None, move || {
                let feeder = Feeder::attach(&region, key, latch.word()).expect("open");
                until(&feeder, &latch, || feeder.try_claim_credit(0).then_some(()));
                send(&region, &feeder, 2);
            })
        };
        let leader = {
            let region = region.clone();
            spawn(CLIENT, None, move || {
                let feeder = client.feeder();
                until(feeder, &latches[0], || feeder.try_claim_credit(0).then_some(()));
                send(&region, feeder, 1);
                std::mem::forget(client);
            })
        };
        assert_eq!(worker.grant(0, 1), 1);
        assert_eq!(worker.grant(0, 1), 1);
        let pages = [take(&side, &worker), take(&side, &worker)];
        assert!(matches!(pages, [Some(1), Some(2)] | [Some(2), Some(1)]), "{pages:?}");
        leader.join().unwrap();
        helper.join().unwrap();
        assert!(!client_has_credit(&worker));
    });
}

fn client_has_credit(worker: &Arc<WorkerSession>) -> bool {
    worker.outstanding(0) > 0
}

/// A producer that found no page is woken when one is given back.
pub fn a_page_for_the_starved() {
    explore(2, || {
        let region = Region::new(1, 1, 0);
        let latch = FutexLatch::new(&region, 1);
        let (side, client, worker) = pair(&region, latch.word());
        assert_eq!(worker.grant(0, 2), 2);
        let feeder = client.feeder();
        assert!(feeder.try_claim_credit(0) && feeder.try_claim_credit(0));
        send(&region, feeder, 1);
        let engine = spawn(WORKER, None, move || {
            assert_eq!(take(&side, &worker), Some(1));
            assert_eq!(take(&side, &worker), Some(2));
            std::mem::forget((side, worker));
        });
        // No page, or one, or none while the queue is empty, which is a file otherwise.
        let page = until(feeder, &latch, || feeder.begin_page(0).ok().flatten());
        region.words_of(page.memory())[0].store(2, Relaxed);
        page.push().expect("room");
        engine.join().unwrap();
    });
}

/// A page of results without columns.
fn write_rows(memory: NonNull<[u8]>, rows: u32) {
    let header = PageHeader::new(PageKind::Batch, rows, 0, (0, 0));
    // SAFETY: a page is larger than its header, and its owner's alone.
    unsafe { memory.cast().write(header) };
}

/// The client sleeps until there are results, the worker until the client has given one
/// back; then comes the end, after all of them.
pub fn results_in_their_window() {
    explore(2, || {
        let region = Region::new(1, 2, 0);
        let latch = FutexLatch::new(&region, 1);
        let (side, client, worker) = pair(&region, latch.word());
        let engine = spawn(WORKER, None, move || {
            for rows in [1, 2] {
                let page = loop {
                    match worker.try_begin_result().expect("open") {
                        Some(page) => break page,
                        None => {
                            side.wait_doorbell(LONG);
                        }
                    }
                };
                write_rows(page.memory(), rows);
                page.push().expect("open");
            }
            worker.finish();
            std::mem::forget((side, worker));
        });
        let mut results = 0;
        loop {
            let event = until(client.feeder(), &latch, || match client.poll().expect("open") {
                Event::Nothing => None,
                event => Some(event),
            });
            match event {
                Event::Result(page) => {
                    results += 1;
                    drop(page);
                }
                Event::Finished => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(results, 2);
        engine.join().unwrap();
    });
}
