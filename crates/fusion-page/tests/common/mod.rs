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
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let jumbo_dir =
            std::env::temp_dir().join(format!("fusion-page-it-{}-{number}", std::process::id()));
        let region = Region::create(RegionConfig {
            page_size: 16 << 10,
            page_count,
            max_sessions,
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
    assert_eq!(session.opening(), b"echo");
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
            let Some(page) = session.try_begin_result()? else {
                if session.is_client_closed() {
                    return Err(PageError::Closed);
                }
                thread::sleep(Duration::from_micros(50));
                continue;
            };
            let mut writer = PageWriter::new(layout.clone(), page)?;
            let rows = write_batch(&mut writer, &batch, from)?;
            if rows > 0 {
                writer.finish().push()?;
                from += rows;
                continue;
            }
            drop(writer);
            let layout = Arc::new(layout.single_row(batch_row_payload(&batch, from)));
            while let None = {
                match session.try_begin_jumbo_result(layout.size())? {
                    Some(page) => {
                        let mut writer = PageWriter::new(layout.clone(), page)?;
                        assert_eq!(write_batch(&mut writer, &batch, from)?, 1);
                        Some(writer.finish().push()?)
                    }
                    None => None,
                }
            } {
                thread::sleep(Duration::from_micros(50));
            }
            from += 1;
        }
    }
    session.send_blob(b"metrics")?;
    session.finish();
    Ok(())
}
