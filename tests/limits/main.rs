//! Out of something: sessions, pages, memory, disk, files, background workers.

mod files;
mod memory;
mod pages;
mod sessions;
mod spill;
