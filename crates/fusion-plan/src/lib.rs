//! The fusion plan: what pg_fusion's planner side builds inside a PostgreSQL
//! backend and its engine runs inside the fusion worker.
//!
//! A [`Plan`] is a tree of relational operators ([`Rel`]) over numbered leaves,
//! with expressions ([`Expr`]) that name columns by position. It knows neither
//! PostgreSQL nor DataFusion: everything PostgreSQL-specific (collations,
//! typmods, operator OIDs) has been resolved into types and functions whose
//! meaning is fixed here, and everything DataFusion-specific is decided when
//! the engine lowers the plan.
//!
//! Plans travel as `postcard` bytes behind a version tag, see [`encode`] and
//! [`decode`].

mod aggregate;
mod codec;
mod display;
mod error;
mod expr;
mod forward;
mod function;
mod graft;
mod keys;
mod metrics;
mod rel;
mod server_text;
mod types;

pub use aggregate::{Aggregate, AggregateFunction};
pub use codec::{CodecError, FORMAT_VERSION, decode, encode};
pub use display::PlanDisplay;
pub use error::{PgError, SqlState};
pub use expr::{BoolTest, Expr, Extreme, Literal, Value};
pub use function::{
    CastFunction, DatetimeFunction, DatetimeUnit, FloatFunction, Function, NumericFunction,
    TextFunction,
};
pub use keys::KeySet;
pub use metrics::{NodeMetrics, SessionMetrics};
pub use rel::{
    Field, FrameBound, FrameUnits, Join, JoinKind, LeafSchema, NodeId, Plan, Rel, Side, SortKey,
    Window, WindowFrame, WindowFunction,
};
pub use server_text::{from_server, to_server};
pub use types::{
    DECIMAL128_INFINITY, DECIMAL128_NAN, DECIMAL128_NEGATIVE_INFINITY, DataType,
    MAX_DECIMAL128_PRECISION, MAX_DECIMAL256_PRECISION,
};
