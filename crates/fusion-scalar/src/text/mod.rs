//! Strings as `varlena.c`, `oracle_compat.c` and `like.c` treat them, in UTF-8.
