//! The eight TPC-H tables as PostgreSQL users usually declare them: `numeric(15,2)`
//! for money and quantities, `char(n)` and `varchar(n)` for text, every column
//! NOT NULL, `bigint` for order keys and `integer` for the other keys.

use std::str::FromStr;

use anyhow::{Error, bail};

/// A table of TPC-H.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, for CREATE TABLE.
    pub columns: &'static str,
    /// The columns of its primary key.
    pub key: &'static str,
    /// Its rows at scale factor 1 (`lineitem`: nearly).
    pub rows_at_one: u64,
    /// Whether its size depends on the scale factor.
    pub scales: bool,
}

impl Table {
    /// The rows to expect at a scale factor, for progress.
    pub fn expected_rows(&self, scale: f64) -> u64 {
        if self.scales { (self.rows_at_one as f64 * scale) as u64 } else { self.rows_at_one }
    }
}

/// The tables, the largest first.
pub const TABLES: &[Table] = &[
    Table {
        name: "lineitem",
        columns: "l_orderkey bigint NOT NULL, l_partkey integer NOT NULL, \
            l_suppkey integer NOT NULL, l_linenumber integer NOT NULL, \
            l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, \
            l_discount numeric(15,2) NOT NULL, l_tax numeric(15,2) NOT NULL, \
            l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL, \
            l_shipdate date NOT NULL, l_commitdate date NOT NULL, \
            l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL, \
            l_shipmode char(10) NOT NULL, l_comment varchar(44) NOT NULL",
        key: "l_orderkey, l_linenumber",
        rows_at_one: 6_001_215,
        scales: true,
    },
    Table {
        name: "orders",
        columns: "o_orderkey bigint NOT NULL, o_custkey integer NOT NULL, \
            o_orderstatus char(1) NOT NULL, o_totalprice numeric(15,2) NOT NULL, \
            o_orderdate date NOT NULL, o_orderpriority char(15) NOT NULL, \
            o_clerk char(15) NOT NULL, o_shippriority integer NOT NULL, \
            o_comment varchar(79) NOT NULL",
        key: "o_orderkey",
        rows_at_one: 1_500_000,
        scales: true,
    },
    Table {
        name: "partsupp",
        columns: "ps_partkey integer NOT NULL, ps_suppkey integer NOT NULL, \
            ps_availqty integer NOT NULL, ps_supplycost numeric(15,2) NOT NULL, \
            ps_comment varchar(199) NOT NULL",
        key: "ps_partkey, ps_suppkey",
        rows_at_one: 800_000,
        scales: true,
    },
    Table {
        name: "part",
        columns: "p_partkey integer NOT NULL, p_name varchar(55) NOT NULL, \
            p_mfgr char(25) NOT NULL, p_brand char(10) NOT NULL, \
            p_type varchar(25) NOT NULL, p_size integer NOT NULL, \
            p_container char(10) NOT NULL, p_retailprice numeric(15,2) NOT NULL, \
            p_comment varchar(23) NOT NULL",
        key: "p_partkey",
        rows_at_one: 200_000,
        scales: true,
    },
    Table {
        name: "customer",
        columns: "c_custkey integer NOT NULL, c_name varchar(25) NOT NULL, \
            c_address varchar(40) NOT NULL, c_nationkey integer NOT NULL, \
            c_phone char(15) NOT NULL, c_acctbal numeric(15,2) NOT NULL, \
            c_mktsegment char(10) NOT NULL, c_comment varchar(117) NOT NULL",
        key: "c_custkey",
        rows_at_one: 150_000,
        scales: true,
    },
    Table {
        name: "supplier",
        columns: "s_suppkey integer NOT NULL, s_name char(25) NOT NULL, \
            s_address varchar(40) NOT NULL, s_nationkey integer NOT NULL, \
            s_phone char(15) NOT NULL, s_acctbal numeric(15,2) NOT NULL, \
            s_comment varchar(101) NOT NULL",
        key: "s_suppkey",
        rows_at_one: 10_000,
        scales: true,
    },
    Table {
        name: "nation",
        columns: "n_nationkey integer NOT NULL, n_name char(25) NOT NULL, \
            n_regionkey integer NOT NULL, n_comment varchar(152) NOT NULL",
        key: "n_nationkey",
        rows_at_one: 25,
        scales: false,
    },
    Table {
        name: "region",
        columns: "r_regionkey integer NOT NULL, r_name char(25) NOT NULL, \
            r_comment varchar(152) NOT NULL",
        key: "r_regionkey",
        rows_at_one: 5,
        scales: false,
    },
];

/// Which indexes the tables get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexes {
    /// A primary key on every table.
    Pk,
    /// None at all.
    None,
}

impl Indexes {
    /// The word used on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pk => "pk",
            Self::None => "none",
        }
    }
}

impl FromStr for Indexes {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "pk" => Ok(Self::Pk),
            "none" => Ok(Self::None),
            other => bail!("indexes are \"pk\" or \"none\", not {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_indexes() {
        for indexes in [Indexes::Pk, Indexes::None] {
            assert_eq!(indexes.as_str().parse::<Indexes>().unwrap(), indexes);
        }
        assert!("fk".parse::<Indexes>().is_err());
    }

    #[test]
    fn sizes_follow_the_scale() {
        let by_name = |name| TABLES.iter().find(|t| t.name == name).unwrap();
        assert_eq!(by_name("orders").expected_rows(0.1), 150_000);
        assert_eq!(by_name("nation").expected_rows(0.1), 25);
    }
}
