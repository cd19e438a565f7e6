//! Wherever PostgreSQL runs a plan, a PgFusion node runs, and the client sees what
//! PostgreSQL alone would show.

mod cursors;
mod directions;
mod encodings;
mod isolation;
mod nested;
mod prepared;
mod procedures;
mod relations;
mod security;
mod statements;
mod steps;
