//! One session's task: the bridge between its pages and the engine.

use crate::error;
use crate::startup_message::StartupMessage;
use arrow_array::RecordBatch;
use fusion_engine::{Engine, SessionIo, SpillPlace};
use fusion_page::{
    Importer, LeafEvent, PageError, PageLayout, PageWriter, WorkerSession, batch_row_payload,
    filter_capacity, write_batch,
};
use fusion_plan::{DataType, KeySet, Literal, PgError, Plan, SessionMetrics, SqlState, decode};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Pages of a leaf that are asked for ahead of their use.
const PREFETCH: u64 = 8;

/// Wakes everything in a session's task that waits for its client.
#[derive(Debug, Default)]
pub struct News(Notify);

impl News {
    /// The client has news.
    pub fn announce(&self) {
        self.0.notify_waiters();
    }

    /// Waits until `poll` has an answer; it is asked again after every news.
    async fn until<T>(&self, mut poll: impl FnMut() -> Option<T>) -> T {
        loop {
            let notified = self.0.notified();
            tokio::pin!(notified);
            // Registered before looking, so that no news is missed.
            notified.as_mut().enable();
            if let Some(answer) = poll() {
                return answer;
            }
            notified.await;
        }
    }
}

/// Runs a session to its end and tells the client how it went.
pub async fn run(session: Arc<WorkerSession>, news: Arc<News>, engine: Arc<Engine>) {
    let cancelled = news.until(|| session.is_client_closed().then_some(()));
    tokio::select! {
        biased;
        () = cancelled => {}
        result = execute(&session, &news, &engine) => match result {
            Ok(()) => session.finish(),
            Err(error) => session.fail(&error),
        },
    }
}

async fn execute(
    session: &Arc<WorkerSession>,
    news: &Arc<News>,
    engine: &Engine,
) -> Result<(), PgError> {
    let message: StartupMessage<'_> = postcard::from_bytes(session.startup_message())
        .map_err(|e| PgError::internal(e.to_string()))?;
    let plan = decode(message.plan).map_err(|e| PgError::internal(e.to_string()))?;
    if plan.leaves.len() != session.leaves() || plan.params.len() != message.params.len() {
        return Err(PgError::internal("session does not match its plan"));
    }
    let params = plan
        .params
        .iter()
        .zip(message.params)
        .map(|(ty, value)| Literal { ty: *ty, value })
        .collect();
    let mut io = PageIo::new(session.clone(), news.clone(), &plan)?;
    if message.runtime_filters {
        io.filter_capacity = filter_capacity(session.region().page_size());
    }
    let directories = message.spill_directories.into_iter().map(PathBuf::from).collect();
    io.panics = message.panics;
    io.spill_place = SpillPlace { directories, limit_kb: message.spill_limit_kb };
    let io = Arc::new(io);
    let metrics: SessionMetrics = engine.run(&plan, params, io).await?;
    if message.metrics {
        let bytes = postcard::to_stdvec(&metrics).map_err(|e| PgError::internal(e.to_string()))?;
        session.send_blob(&bytes).map_err(page_error)?;
    }
    Ok(())
}

/// The engine's input and output: pages of the session.
#[derive(Debug)]
struct PageIo {
    session: Arc<WorkerSession>,
    news: Arc<News>,
    importers: Vec<Importer>,
    result: Arc<PageLayout>,
    /// Keys that a filter may have; 0 if there are to be none.
    filter_capacity: usize,
    /// How many filters were published.
    filters: AtomicUsize,
    spill_place: SpillPlace,
    /// Whether to panic at the first rows, as a defect in an operator would.
    panics: bool,
}

/// The most filters of a session: each takes a page.
const MAX_FILTERS: usize = 8;

impl PageIo {
    fn new(session: Arc<WorkerSession>, news: Arc<News>, plan: &Plan) -> Result<Self, PgError> {
        let importers = plan
            .leaves
            .iter()
            .map(|leaf| {
                let types: Vec<DataType> = leaf.fields.iter().map(|field| field.ty).collect();
                Importer::new(&types)
            })
            .collect();
        let types =
            plan.schema(&plan.root).ok_or_else(|| PgError::internal("plan without a schema"))?;
        let result = Arc::new(PageLayout::new(&types, session.region().page_size(), None));
        let (filter_capacity, filters) = (0, AtomicUsize::new(0));
        let (spill_place, panics) = (SpillPlace::default(), false);
        Ok(Self { session, news, importers, result, filter_capacity, filters, spill_place, panics })
    }

    /// Writes the rows of `batch` from `from` on into one page and sends it;
    /// returns how many rows went.
    async fn write_page(&self, batch: &RecordBatch, from: usize) -> Result<usize, PageError> {
        let begin = || self.session.try_begin_result().transpose();
        let page = self.news.until(begin).await?;
        let mut writer = PageWriter::new(self.result.clone(), page)?;
        match write_batch(&mut writer, batch, from)? {
            0 => {
                drop(writer);
                self.write_jumbo(batch, from).await
            }
            rows => {
                writer.finish().push()?;
                Ok(rows)
            }
        }
    }

    /// Sends one row that is larger than a page.
    async fn write_jumbo(&self, batch: &RecordBatch, row: usize) -> Result<usize, PageError> {
        let layout = Arc::new(self.result.single_row(batch_row_payload(batch, row)));
        let begin = || self.session.try_begin_jumbo_result(layout.size()).transpose();
        let page = self.news.until(begin).await?;
        let mut writer = PageWriter::new(layout.clone(), page)?;
        let rows = write_batch(&mut writer, batch, row)?;
        writer.finish().push()?;
        Ok(rows)
    }
}

impl SessionIo for PageIo {
    fn open_leaf(&self, leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>> {
        let index = leaf as usize;
        let Some(importer) = self.importers.get(index).cloned() else {
            let error = PgError::internal(format!("leaf {leaf} does not exist"));
            return stream::once(async { Err(error) }).boxed();
        };
        let source = LeafSource {
            session: self.session.clone(),
            news: self.news.clone(),
            leaf: index,
            importer,
            panics: self.panics,
        };
        stream::try_unfold(source, |source| async {
            let batch = source.next().await.map_err(page_error)?;
            Ok(batch.map(|batch| (batch, source)))
        })
        .boxed()
    }

    fn write(&self, batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>> {
        Box::pin(async move {
            let mut row = 0;
            while row < batch.num_rows() {
                row += self.write_page(&batch, row).await.map_err(page_error)?;
            }
            Ok(())
        })
    }

    fn filter_capacity(&self) -> usize {
        self.filter_capacity
    }

    fn publish_filter(&self, leaf: u32, column: u32, keys: &KeySet) {
        let room = self.filters.fetch_add(1, Ordering::Relaxed) < MAX_FILTERS;
        if !room || !self.session.publish_filter(leaf as usize, column, keys) {
            self.filters.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn spill_place(&self) -> SpillPlace {
        self.spill_place.clone()
    }

    fn spill_file_made(&self) {
        self.session.record_spill(1, 0);
    }

    fn spilled(&self, bytes: u64) {
        self.session.record_spill(0, bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.session.is_client_closed()
    }
}

/// One reader of a leaf's queue.
struct LeafSource {
    session: Arc<WorkerSession>,
    news: Arc<News>,
    leaf: usize,
    importer: Importer,
    panics: bool,
}

impl LeafSource {
    /// The next page as a batch; `None` at the end of the leaf.
    async fn next(&self) -> Result<Option<RecordBatch>, PageError> {
        let event = self
            .news
            .until(|| {
                // Credits are granted here only, when the engine asks for rows.
                let outstanding = self.session.outstanding(self.leaf);
                if outstanding <= PREFETCH / 2 {
                    self.session.grant(self.leaf, PREFETCH - outstanding);
                }
                match self.session.try_pop(self.leaf) {
                    Ok(LeafEvent::Empty) => None,
                    event => Some(event),
                }
            })
            .await?;
        assert!(!self.panics, "pg_fusion.fault asks for a panic");
        match event {
            LeafEvent::Page(page) if self.session.region().surplus_is_low() => {
                self.importer.import_copied(&page).map(Some)
            }
            LeafEvent::Page(page) => self.importer.import(page).map(Some),
            LeafEvent::Empty | LeafEvent::Ended => Ok(None),
        }
    }
}

/// A page error as the query's error; that the client has closed is a cancel.
fn page_error(error: PageError) -> PgError {
    match error {
        PageError::Closed => PgError::new(SqlState::QUERY_CANCELED, "the session was closed"),
        other => error::page_error(other),
    }
}
