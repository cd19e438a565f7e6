//! Sessions between threads: the whole protocol, with client and worker in one
//! process.

mod common;

use common::{Setup, echo_worker, leaf_layout};
use fusion_page::*;
use fusion_plan::DataType;
use std::sync::Arc;

use std::time::Duration;

const TYPES: [DataType; 2] = [DataType::Int8, DataType::Text];

fn text(i: i64) -> String {
    format!("value number {i}")
}

/// Fills a page with rows `from..`; returns the first row that did not fit.
fn fill(page: LeafPageMut, layout: &Arc<PageLayout>, from: i64, to: i64) -> (LeafPageMut, i64) {
    let mut writer = PageWriter::new(layout.clone(), page).unwrap();
    let mut i = from;
    while i < to {
        let Some(mut row) = writer.begin_row() else { break };
        row.set_i64(0, i);
        if row.set_bytes(1, text(i).as_bytes()).is_err() {
            break;
        }
        row.finish();
        i += 1;
    }
    (writer.finish(), i)
}

/// Runs one session that sends `rows` rows through leaf 0 and reads them back.
fn round_trip(region: &Region, session: &ClientSession, latch: &FutexLatch, rows: i64) {
    let layout = leaf_layout(&TYPES, region.page_size());
    session.submit_opening(b"echo", 1).unwrap();
    let feeder = session.feeder();
    let (mut next, mut ended, mut seen) = (0, false, 0);
    loop {
        latch.reset();
        feeder.prepare_sleep();
        let mut idle = true;
        if next < rows && feeder.next_demand() & 1 != 0 && feeder.try_claim_credit(0) {
            match feeder.begin_page(0).unwrap() {
                Some(page) => {
                    let (page, after) = fill(page, &layout, next, rows);
                    page.push().unwrap();
                    next = after;
                    idle = false;
                }
                None => feeder.return_credit(0),
            }
        }
        if next == rows && !ended {
            feeder.end_leaf(0);
            ended = true;
        }
        match session.poll().unwrap() {
            Event::Result(page) => {
                let reader = PageReader::new(page, &TYPES).unwrap();
                for row in 0..reader.rows() {
                    assert_eq!(reader.i64(0, row), seen);
                    assert_eq!(reader.bytes(1, row), text(seen).as_bytes());
                    seen += 1;
                }
                idle = false;
            }
            Event::Blob(blob) => {
                assert_eq!(blob, b"metrics");
                idle = false;
            }
            Event::Finished => break,
            Event::Nothing => {}
            other => panic!("{other:?}"),
        }
        if idle {
            latch.wait(Duration::from_secs(5));
        }
        feeder.cancel_sleep();
    }
    assert_eq!(seen, rows);
}

#[test]
fn rows_go_there_and_back() {
    let setup = Setup::new(64, 4, 4);
    let worker = echo_worker(&setup.region, &TYPES);
    let latch = FutexLatch::new(&setup.region, 1);
    for rows in [0, 1, 1000, 50_000] {
        let session = ClientSession::try_open(&setup.region, latch.word()).unwrap().unwrap();
        round_trip(&setup.region, &session, &latch, rows);
    }
    worker.stop();
    setup.assert_all_free();
}
