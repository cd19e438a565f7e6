//! Stands in for PostgreSQL's variables in the unit tests, which run without a
//! server: a symbol that is data, or whose address is taken, must be there when
//! the test program starts, though no test uses it. Which addresses are taken depends on
//! how the compiler divides the crate.

/// Defines symbols as words of zeroes.
macro_rules! absent {
    ($($name:ident),* $(,)?) => {$(
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals)]
        static mut $name: [usize; 1] = [0];
    )*};
}

absent! {
    CopyErrorData,
    CurrentMemoryContext,
    ErrorContext,
    FlushErrorState,
    FreeErrorData,
    PG_exception_stack,
    TTSOpsBufferHeapTuple,
    TopMemoryContext,
    detoast_attr,
    errcode,
    errcontext_msg,
    errdetail,
    errdetail_internal,
    errfinish,
    errhint,
    errmsg,
    errmsg_internal,
    error_context_stack,
    errstart,
    palloc,
    palloc0,
    palloc_extended,
    pfree,
    pg_detoast_datum,
    repalloc,
}
