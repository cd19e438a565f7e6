//! Task contexts with a memory pool of their own.

use datafusion_execution::TaskContext;
use datafusion_execution::memory_pool::MemoryPool;
use datafusion_execution::runtime_env::RuntimeEnv;
use std::collections::HashMap;
use std::sync::Arc;

/// `context` with another pool.
pub(crate) fn with_pool(context: &TaskContext, pool: Arc<dyn MemoryPool>) -> Arc<TaskContext> {
    let mut runtime = RuntimeEnv::clone(&context.runtime_env());
    runtime.memory_pool = pool;
    Arc::new(TaskContext::new(
        context.task_id(),
        context.session_id(),
        context.session_config().clone(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        Arc::new(runtime),
    ))
}
