//! Parameter values: what PostgreSQL evaluates when a session starts.

use crate::boundary;
use crate::datum::value_of;
use crate::nodes::iter;
use fusion_plan::{DataType, PgError, Value};
use pgrx::pg_sys;

/// The expressions that give a plan's parameters, ready to run.
#[derive(Clone)]
pub struct Params {
    exprs: Vec<(*mut pg_sys::ExprState, pg_sys::Oid)>,
}

impl Params {
    /// Prepares the expressions of `scan` in node `state`.
    ///
    /// # Safety
    ///
    /// Called from `BeginCustomScan`.
    pub unsafe fn new(
        scan: *const pg_sys::CustomScan,
        state: *mut pg_sys::CustomScanState,
    ) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let list = pg_sys::ExecInitExprList((*scan).custom_exprs, &raw mut (*state).ss.ps);
            let types = iter::<pg_sys::Node>((*scan).custom_exprs)
                .map(|expr| pg_sys::getBaseType(pg_sys::exprType(expr)));
            Self { exprs: iter(list).zip(types).collect() }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.exprs.len()
    }

    /// The values, NULL as `None`.
    ///
    /// # Errors
    ///
    /// If there is not one expression per type.
    ///
    /// # Safety
    ///
    /// `econtext` is the node's; runs during execution.
    pub unsafe fn values(
        &self,
        types: &[DataType],
        econtext: *mut pg_sys::ExprContext,
    ) -> Result<Vec<Option<Value>>, PgError> {
        if self.exprs.len() != types.len() {
            return Err(PgError::internal("a plan does not have its parameters"));
        }
        self.exprs
            .iter()
            .zip(types)
            .map(|((expr, type_id), ty)| {
                let mut is_null = true;
                // SAFETY: a prepared expression and its context.
                let previous = unsafe { pg_sys::CurrentMemoryContext };
                // SAFETY: as above; what the evaluation allocates is needed
                // until the value is copied.
                let datum = unsafe {
                    pg_sys::CurrentMemoryContext = (*econtext).ecxt_per_tuple_memory;
                    let Some(evaluate) = (**expr).evalfunc else {
                        return Err(PgError::internal("a parameter is not prepared"));
                    };
                    boundary::call(|| evaluate(*expr, econtext, &mut is_null))
                };
                let value = match is_null {
                    true => Ok(None),
                    // SAFETY: a value of the type that the planner recorded.
                    false => unsafe { value_of(datum, *ty, *type_id) }.and_then(|value| {
                        let value = value.map(Some);
                        value.ok_or_else(|| PgError::internal(format!("a parameter of type {ty}")))
                    }),
                };
                // SAFETY: the context that was current before.
                unsafe { pg_sys::CurrentMemoryContext = previous };
                value
            })
            .collect()
    }
}
