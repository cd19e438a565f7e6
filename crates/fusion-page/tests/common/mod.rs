//! What the integration tests share: a region of their own, and a worker that
//! sends back what it gets.

#![allow(dead_code, missing_docs, reason = "each test binary uses some of it")]

use fusion_page::*;
use fusion_plan::DataType;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A region whose jumbo directory is removed with it.
pub struct Setup {
    pub region: Region,
    pub jumbo_dir: PathBuf,
}

impl Setup {
    pub fn new(page_count: usize, max_sessions: usize, min_pages: usize) -> Self {
        Self::with_nested(page_count, max_sessions, 0, min_pages)
    }

    pub fn with_nested(
        page_count: usize,
        max_sessions: usize,
        nested_sessions: usize,
        min_pages: usize,
    ) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let jumbo_dir =
            std::env::temp_dir().join(format!("fusion-page-it-{}-{number}", std::process::id()));
        let region = Region::create(RegionConfig {
            page_size: 16 << 10,
            page_count,
            max_sessions,
            nested_sessions,
            min_pages_per_session: min_pages,
            jumbo_dir: jumbo_dir.clone(),
        })
        .unwrap();
        Self { region, jumbo_dir }
    }

    /// Waits until nothing is in use any more.
    pub fn assert_all_free(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let stats = self.region.stats();
            let files = std::fs::read_dir(&self.jumbo_dir).unwrap().count();
            let free = stats.pages_free == stats.pages_total && stats.sessions_in_use == 0;
            if free && files == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "still in use: {stats:?}, {files} files");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.jumbo_dir);
    }
}

pub fn leaf_layout(types: &[DataType], page_size: usize) -> Arc<PageLayout> {
    Arc::new(PageLayout::new(types, page_size, None))
}

/// A worker with a thread per session that copies leaf 0 to the result.
pub struct EchoWorker {
    pub side: Arc<WorkerSide>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

pub fn echo_worker(region: &Region, types: &'static [DataType]) -> EchoWorker {
    // SAFETY: tests have one worker at a time.
    let side = unsafe { WorkerSide::attach(region, FutexWaker::new(region)) };
    let stop = Arc::new(AtomicBool::new(false));
    let thread = {
        let (side, stop) = (side.clone(), stop.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                serve(&side, types);
            }
        })
    };
    EchoWorker { side, stop, thread }
}

impl EchoWorker {
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.side.nudge_doorbell();
        self.thread.join().unwrap();
    }
}

/// Answers the doorbell once.
pub fn serve(side: &Arc<WorkerSide>, types: &'static [DataType]) {
    for slot in side.wait_doorbell(Duration::from_millis(20)).slots {
        if let Ok(Some(session)) = side.accept(slot) {
            thread::spawn(move || {
                if let Err(error) = echo(&session, types)
                    && !matches!(error, PageError::Closed)
                {
                    session.fail(&fusion_plan::PgError::internal(error.to_string()));
                }
            });
        }
    }
}

/// Copies leaf 0 of the session to its result.
pub fn echo(session: &Arc<WorkerSession>, types: &[DataType]) -> Result<(), PageError> {
    assert_eq!(session.startup_message(), b"echo");
    let importer = Importer::new(types);
    let layout = leaf_layout(types, session.region().page_size());
    session.grant(0, 2);
    loop {
        if session.is_client_closed() {
            return Err(PageError::Closed);
        }
        let page = match session.try_pop(0)? {
            LeafEvent::Page(page) => page,
            LeafEvent::Empty => {
                thread::sleep(Duration::from_micros(50));
                continue;
            }
            LeafEvent::Ended => break,
        };
        session.grant(0, 1);
        let batch = if session.region().surplus_is_low() {
            importer.import_copied(&page)
        } else {
            importer.import(page)
        }?;
        let mut from = 0;
        while from < batch.num_rows() {
            let page = when_window_opens(|| session.try_begin_result())?;
            let mut writer = PageWriter::new(layout.clone(), page)?;
            let mut rows = write_batch(&mut writer, &batch, from)?;
            if rows == 0 {
                drop(writer);
                let single = Arc::new(layout.single_row(batch_row_payload(&batch, from)));
                let page = when_window_opens(|| session.try_begin_jumbo_result(single.size()))?;
                writer = PageWriter::new(single, page)?;
                rows = write_batch(&mut writer, &batch, from)?;
                assert_eq!(rows, 1);
            }
            writer.finish().push()?;
            from += rows;
        }
    }
    session.send_blob(b"metrics")?;
    session.finish();
    Ok(())
}

/// Tries until there is a page; a closed client ends it with an error.
fn when_window_opens(
    begin: impl Fn() -> Result<Option<ResultPageMut>, PageError>,
) -> Result<ResultPageMut, PageError> {
    loop {
        if let Some(page) = begin()? {
            return Ok(page);
        }
        thread::sleep(Duration::from_micros(50));
    }
}

pub const TYPES: [DataType; 2] = [DataType::Int8, DataType::Text];

/// The text of row `i`; now and then larger than a page.
pub fn text(i: i64) -> String {
    let text = format!("value number {i}");
    if i % 1999 == 1998 { text.repeat(2000) } else { text }
}

/// Why a session ended early.
#[derive(Debug, PartialEq)]
pub enum Ended {
    WorkerGone,
    Failed(String),
}

/// Produces rows into leaf 0, as a feed does.
pub struct Producer {
    layout: Arc<PageLayout>,
    next: i64,
    end: i64,
}

impl Producer {
    pub fn new(region: &Region, from: i64, end: i64) -> Self {
        Self { layout: leaf_layout(&TYPES, region.page_size()), next: from, end }
    }

    pub fn is_done(&self) -> bool {
        self.next == self.end
    }

    /// Sends one page if there is a credit and a page; returns whether it did.
    pub fn step(&mut self, feeder: &Feeder) -> bool {
        if self.is_done() || feeder.next_demand() & 1 == 0 || !feeder.try_claim_credit(0) {
            return false;
        }
        let Some(page) = feeder.begin_page(0).unwrap() else {
            feeder.return_credit(0);
            return false;
        };
        let mut writer = PageWriter::new(self.layout.clone(), page).unwrap();
        self.fill(&mut writer);
        if writer.is_empty() {
            let single = Arc::new(self.layout.single_row(text(self.next).len()));
            let page = feeder.begin_jumbo(0, single.size()).unwrap();
            writer = PageWriter::new(single, page).unwrap();
            self.fill(&mut writer);
            assert_eq!(writer.rows(), 1);
        }
        writer.finish().push().unwrap();
        true
    }

    fn fill(&mut self, writer: &mut PageWriter<LeafPageMut>) {
        while !self.is_done() && writer.room() > 0 {
            let text = text(self.next);
            if arena_bytes(text.len()) > writer.arena_room() {
                return;
            }
            writer.slots_mut::<i64>(0)[0] = self.next;
            let mut arena = 0;
            writer.write_texts(1, &mut arena, [text.as_bytes()].into_iter());
            writer.advance(1, arena);
            self.next += 1;
        }
    }
}

/// Runs one session: sends `rows` rows through leaf 0 and calls `seen` with each
/// that comes back. Sleeps on `latch` whenever there is nothing to do.
pub fn run_session(
    session: &ClientSession,
    latch: &FutexLatch,
    mut producer: Producer,
    mut may_end: impl FnMut() -> bool,
    mut seen: impl FnMut(i64),
) -> Result<(), Ended> {
    let feeder = session.feeder();
    let mut ended = false;
    loop {
        latch.reset();
        feeder.prepare_sleep();
        let mut busy = producer.step(feeder);
        if producer.is_done() && !ended && may_end() {
            feeder.end_leaf(0);
            ended = true;
        }
        match session.poll().unwrap() {
            Event::Result(page) => {
                let reader = PageReader::new(page, &TYPES).unwrap();
                for row in 0..reader.rows() {
                    let number = reader.i64(0, row);
                    assert_eq!(reader.bytes(1, row), text(number).as_bytes());
                    seen(number);
                }
                busy = true;
            }
            Event::Blob(blob) => {
                assert_eq!(blob, b"metrics");
                busy = true;
            }
            Event::Finished => return Ok(()),
            Event::Failed(error) => return Err(Ended::Failed(error.message)),
            Event::WorkerGone => return Err(Ended::WorkerGone),
            Event::Nothing => {}
        }
        if !busy {
            latch.wait(Duration::from_secs(5));
        }
        feeder.cancel_sleep();
    }
}

/// Opens a session and runs it; rows must come back in order.
pub fn round_trip(region: &Region, latch: &FutexLatch, rows: i64) -> Result<(), Ended> {
    let session = open(region, latch)?;
    session.submit_startup_message(b"echo", 1).unwrap();
    let mut expected = 0;
    run_session(
        &session,
        latch,
        Producer::new(region, 0, rows),
        || true,
        |number| {
            assert_eq!(number, expected);
            expected += 1;
        },
    )?;
    assert_eq!(expected, rows);
    Ok(())
}

/// Opens a session, waiting for a slot if need be.
pub fn open(region: &Region, latch: &FutexLatch) -> Result<ClientSession, Ended> {
    let gone = |_| Ended::WorkerGone;
    if let Some(session) = ClientSession::try_open(region, latch.word()).map_err(gone)? {
        return Ok(session);
    }
    let waiter = Waiter::join(region, latch.word()).map_err(gone)?;
    loop {
        latch.reset();
        if let Some(session) = waiter.try_open().map_err(gone)? {
            return Ok(session);
        }
        latch.wait(Duration::from_secs(5));
    }
}
