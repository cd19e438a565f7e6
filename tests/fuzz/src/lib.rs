//! A difference finder: random schemas and random queries run in PostgreSQL alone and
//! with pg_fusion forced; what differs is made small and written down as a script.

pub mod ast;
pub mod campaign;
pub mod case;
pub mod catalogue;
pub mod cell;
pub mod compare;
pub mod cursor;
pub mod determined;
pub mod dice;
pub mod excuses;
pub mod facts;
pub mod generate;
pub mod kinds;
pub mod manner;
pub mod oracle;
pub mod preamble;
pub mod print;
pub mod runner;
pub mod schema;
pub mod script;
pub mod shrink;
pub mod tally;
pub mod types;
pub mod values;
pub mod verdict;
pub mod wire;
