//! Typed, read-only access to PostgreSQL's node trees and lists.
//!
//! PostgreSQL's nodes are C structs told apart by a tag in their first field.
//! Everything here checks that tag (or is told that it was checked) and
//! borrows for as long as the caller says: planner and executor memory
//! outlives the callbacks that use it.

use pgrx::pg_sys;
use std::ptr;

/// A node type with its tag.
pub trait Tagged {
    /// The tag that nodes of this type carry.
    const TAG: pg_sys::NodeTag;
}

macro_rules! tagged {
    ($($node:ident: $tag:ident),* $(,)?) => {
        $(impl Tagged for pg_sys::$node {
            const TAG: pg_sys::NodeTag = pg_sys::NodeTag::$tag;
        })*
    };
}

tagged! {
    Aggref: T_Aggref,
    ArrayExpr: T_ArrayExpr,
    BoolExpr: T_BoolExpr,
    BooleanTest: T_BooleanTest,
    CaseExpr: T_CaseExpr,
    CaseWhen: T_CaseWhen,
    CoalesceExpr: T_CoalesceExpr,
    CoerceViaIO: T_CoerceViaIO,
    Const: T_Const,
    CustomScan: T_CustomScan,
    CustomScanState: T_CustomScanState,
    FuncExpr: T_FuncExpr,
    Gather: T_Gather,
    GatherState: T_GatherState,
    Integer: T_Integer,
    Limit: T_Limit,
    NullTest: T_NullTest,
    OpExpr: T_OpExpr,
    Param: T_Param,
    PlaceHolderVar: T_PlaceHolderVar,
    Query: T_Query,
    RelabelType: T_RelabelType,
    Result: T_Result,
    ScalarArrayOpExpr: T_ScalarArrayOpExpr,
    SeqScan: T_SeqScan,
    SeqScanState: T_SeqScanState,
    SortGroupClause: T_SortGroupClause,
    SubPlan: T_SubPlan,
    SubqueryScan: T_SubqueryScan,
    SubqueryScanPath: T_SubqueryScanPath,
    SubqueryScanState: T_SubqueryScanState,
    TargetEntry: T_TargetEntry,
    Var: T_Var,
}

/// The tag of `node`, or `T_Invalid` for NULL.
///
/// # Safety
///
/// `node` is NULL or points to a node.
pub unsafe fn tag<T>(node: *const T) -> pg_sys::NodeTag {
    if node.is_null() {
        return pg_sys::NodeTag::T_Invalid;
    }
    // SAFETY: every node starts with its tag.
    unsafe { (*node.cast::<pg_sys::Node>()).type_ }
}

/// A new node (`makeNode`) in the current memory context, zero but for its tag.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn make<T: Tagged>() -> *mut T {
    // SAFETY: the caller's promise; `palloc0` gives zeroed memory of the size, and
    // every node starts with its tag.
    unsafe {
        let node = pg_sys::palloc0(size_of::<T>());
        (*node.cast::<pg_sys::Node>()).type_ = T::TAG;
        node.cast()
    }
}

/// `node` as a `T`, if that is what it is.
///
/// # Safety
///
/// `node` is NULL or points to a node that lives as long as `'a`.
pub unsafe fn cast<'a, T: Tagged, N>(node: *const N) -> Option<&'a T> {
    // SAFETY: the caller's promise; the tag says that a `T` is there.
    unsafe { (tag(node) == T::TAG).then(|| &*node.cast::<T>()) }
}

/// The pointers of `list`, in order; NULL (`NIL`) is empty.
///
/// # Safety
///
/// `list` is NULL or a list of pointers to `T`, and does not change while the
/// iterator is in use.
pub unsafe fn iter<T>(list: *const pg_sys::List) -> impl ExactSizeIterator<Item = *mut T> + Clone {
    let (cells, length) = if list.is_null() {
        (ptr::null_mut(), 0)
    } else {
        // SAFETY: a non-NULL list is valid.
        unsafe { ((*list).elements, (*list).length.max(0) as usize) }
    };
    (0..length).map(move |index| {
        // SAFETY: `index` is below the list's length; cells of a pointer list
        // hold pointers.
        unsafe { (*cells.add(index)).ptr_value.cast::<T>() }
    })
}

/// The OIDs of `list`, in order; NULL (`NIL`) is empty.
///
/// # Safety
///
/// `list` is NULL or a list of OIDs.
pub unsafe fn oids(list: *const pg_sys::List) -> Vec<pg_sys::Oid> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: a non-NULL list is valid; cells of an OID list hold OIDs.
    unsafe {
        let length = (*list).length.max(0) as usize;
        (0..length).map(|index| (*(*list).elements.add(index)).oid_value).collect()
    }
}

/// The integers of `list`, in order; NULL (`NIL`) is empty.
///
/// # Safety
///
/// `list` is NULL or a list of integers.
pub unsafe fn integers(list: *const pg_sys::List) -> Vec<i32> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: a non-NULL list is valid; cells of a list of integers hold them.
    unsafe {
        let length = (*list).length.max(0) as usize;
        (0..length).map(|index| (*(*list).elements.add(index)).int_value).collect()
    }
}

/// Builds a PostgreSQL list of pointers in the current memory context.
///
/// # Safety
///
/// Must run in a backend's main thread; the pointers are nodes.
pub unsafe fn list_of<T>(items: impl IntoIterator<Item = *mut T>) -> *mut pg_sys::List {
    let mut list = ptr::null_mut();
    for item in items {
        // SAFETY: `list` is NIL or a pointer list.
        list = unsafe { pg_sys::lappend(list, item.cast()) };
    }
    list
}

/// Whether two expression trees are the same, as PostgreSQL's `equal` says.
///
/// # Safety
///
/// Both point to nodes.
pub unsafe fn equal<A, B>(a: *const A, b: *const B) -> bool {
    // SAFETY: the caller's promise. Different tags are told apart without a
    // call.
    unsafe { ptr::addr_eq(a, b) || (tag(a) == tag(b) && pg_sys::equal(a.cast(), b.cast())) }
}

/// A deep copy of `node` in the current memory context.
///
/// # Safety
///
/// `node` is NULL or points to a node.
pub unsafe fn copy<T>(node: *const T) -> *mut T {
    // SAFETY: the caller's promise.
    unsafe { pg_sys::copyObjectImpl(node.cast()).cast() }
}
