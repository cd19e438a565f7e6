//! Stands in for PostgreSQL's variables in the unit tests, which run without a
//! server: a symbol that is data, or whose address is taken, must be there when
//! the test program starts, though no test uses it.

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
    FlushErrorState,
    FreeErrorData,
    PG_exception_stack,
    TTSOpsBufferHeapTuple,
    detoast_attr,
    error_context_stack,
    palloc,
    palloc_extended,
    pg_detoast_datum,
}
