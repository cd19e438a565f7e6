//! What fusion plans cost, in PostgreSQL's units.
//!
//! A fragment's cost is that of having its rows in the engine: the leaves'
//! own costs, handing their rows over, and the engine's operators. A path adds
//! the session's start and the way of the result back.

use crate::guc;

/// Cost up to the first and up to the last row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Before the first row.
    pub startup: f64,
    /// For all rows.
    pub total: f64,
}

/// Bytes per row that the tuple costs already include; wider rows cost more.
const INCLUDED_WIDTH: f64 = 64.0;

fn width_factor(width: i32) -> f64 {
    (f64::from(width) / INCLUDED_WIDTH).max(1.0)
}

/// A leaf whose path costs `path` and hands `rows` rows of `width` bytes to
/// the engine, which applies `filters` clauses to them. `shares` processes hand them
/// over side by side.
pub fn leaf(path: Cost, rows: f64, shares: f64, width: i32, filters: usize) -> Cost {
    let feed = rows / shares * guc::FEED_TUPLE_COST.get() * width_factor(width);
    let filter = rows * guc::OPERATOR_COST.get() * filters as f64;
    Cost { startup: path.startup, total: path.total + feed + filter }
}

/// A join by `keys` equalities and `conditions` others that gives `rows` rows.
///
/// With keys a hash join: every row of the smaller side is inserted, every row of
/// the larger one probes, every match is checked and put together. Without, every
/// pair is checked.
pub fn join(
    left: (Cost, f64),
    right: (Cost, f64),
    keys: usize,
    conditions: usize,
    rows: f64,
) -> Cost {
    let unit = guc::OPERATOR_COST.get();
    let (build, probe) = if left.1 <= right.1 { (left, right) } else { (right, left) };
    if keys == 0 {
        let pairs = build.1.max(1.0) * probe.1.max(1.0);
        return Cost {
            startup: build.0.total + probe.0.startup,
            total: build.0.total
                + probe.0.total
                + unit * (pairs * (conditions as f64).max(0.5) + rows),
        };
    }
    let keys = keys as f64;
    let build_cost = build.0.total + 2.0 * unit * build.1 * keys;
    Cost {
        startup: build_cost + probe.0.startup,
        total: build_cost
            + probe.0.total
            + unit * (probe.1 * keys + rows * (1.0 + conditions as f64)),
    }
}

/// Hash aggregation of `rows` rows with `keys` group keys and `calls`
/// aggregate calls into `groups` groups.
pub fn aggregate(input: Cost, rows: f64, keys: usize, calls: usize, groups: f64) -> Cost {
    let unit = guc::OPERATOR_COST.get();
    let total = input.total + unit * rows * (1.0 + keys as f64 + calls as f64) + unit * groups;
    Cost { startup: total, total }
}

/// A sort of `rows` rows by `keys` keys, of which `fetch` are needed.
pub fn sort(input: Cost, rows: f64, keys: usize, fetch: Option<u64>) -> Cost {
    let kept = fetch.map_or(rows, |fetch| rows.min(fetch as f64));
    let comparisons = rows * kept.max(2.0).log2() * keys.max(1) as f64;
    let total = input.total + guc::OPERATOR_COST.get() * comparisons;
    Cost { startup: total, total }
}

/// `LIMIT` of an input of `rows` rows that lets `kept` through.
pub fn limit(input: Cost, rows: f64, kept: f64) -> Cost {
    let fraction = if rows > 0.0 { (kept / rows).clamp(0.0, 1.0) } else { 1.0 };
    Cost { startup: input.startup, total: input.startup + (input.total - input.startup) * fraction }
}

/// Whether a plan of cost `ours` is out of the question beside one of cost
/// `native`, even under `pg_fusion.force`: for example one that evaluates a
/// correlated subquery for every row of a table instead of a few.
pub fn is_absurd(ours: f64, native: f64) -> bool {
    const LARGE: f64 = 1e6;
    const TIMES: f64 = 20.0;
    ours > LARGE && ours > native * TIMES
}

/// A leaf whose feed looks at `rows` rows with `filters` conditions before it hands them
/// over: a fraction of what an operator of the engine costs.
pub fn filtered_by_feed(leaf: Cost, rows: f64, filters: usize) -> Cost {
    const SHARE: f64 = 0.25;
    let total = leaf.total + SHARE * guc::OPERATOR_COST.get() * rows * filters as f64;
    Cost { startup: leaf.startup, total }
}

/// The cost of starting parallel workers, once per plan.
pub fn parallel_start() -> f64 {
    // SAFETY: a setting, read in a backend's main thread.
    unsafe { pgrx::pg_sys::parallel_setup_cost }
}

/// A path that returns `rows` rows of `width` bytes of a fragment to
/// PostgreSQL, which checks `pending` clauses on each.
pub fn path(fragment: Cost, rows: f64, width: i32, pending: usize) -> Cost {
    let start = guc::STARTUP_COST.get();
    let per_row = returned(width) + 0.0025 * pending as f64;
    Cost { startup: start + fragment.startup, total: start + fragment.total + rows * per_row }
}

/// The cost of returning a row of `width` bytes.
pub fn returned(width: i32) -> f64 {
    guc::RESULT_TUPLE_COST.get() * width_factor(width)
}

/// A sequential scan of cost `path` that a feed drives itself.
pub fn driven(path: Cost) -> Cost {
    let factor = guc::SCAN_COST_FACTOR.get();
    Cost { startup: path.startup, total: path.startup + (path.total - path.startup) * factor }
}

/// A leaf that is a plan of ours itself, of cost `path`: its `rows` rows of `width` bytes
/// do not leave the engine.
pub fn inlined(path: Cost, rows: f64, width: i32) -> Cost {
    let total = (path.total - rows * returned(width)).max(path.startup);
    Cost { startup: path.startup, total }
}

/// What `cost` becomes under `pg_fusion.force`: well below `native`, the
/// cheapest cost without us, so that the path is taken; but not next to
/// nothing, or PostgreSQL would think that it can evaluate a subquery any
/// number of times.
pub fn forced(cost: Cost, native: f64) -> Cost {
    const SHARE: f64 = 0.05;
    let total = cost.total.min(native * SHARE);
    Cost { startup: cost.startup.min(total), total }
}
