//! Lets the unit tests of this crate link.
//!
//! The library's PostgreSQL symbols are found in the server that loads it. A
//! test binary has no server around it; the tests of this crate call none of
//! those functions, so it is enough that they may stay unresolved.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg=-Wl,--unresolved-symbols=ignore-all");
    println!("cargo::rustc-link-arg=-Wl,-z,lazy");
}
