//! What every random schema may use: an enum, domains, collations and functions. They
//! live in the schema `public`, made once for a server.

/// A database object.
#[derive(Debug)]
pub struct Object {
    /// Its name, as queries and columns spell it.
    pub name: &'static str,
    /// The statement that makes it.
    pub sql: &'static str,
}

/// All objects, each after those it needs.
pub const OBJECTS: &[Object] = &[
    Object { name: "mood", sql: "CREATE TYPE mood AS ENUM ('sad', 'ok', 'Angry', 'happy', 'a');" },
    Object { name: "whole", sql: "CREATE DOMAIN whole AS int4;" },
    Object { name: "amount", sql: "CREATE DOMAIN amount AS numeric(12,2);" },
    Object { name: "quantity", sql: "CREATE DOMAIN quantity AS numeric;" },
    Object { name: "ratio", sql: "CREATE DOMAIN ratio AS float8;" },
    Object { name: "label", sql: "CREATE DOMAIN label AS text CHECK (length(VALUE) < 1000000);" },
    Object { name: "code", sql: "CREATE DOMAIN code AS varchar(8);" },
    Object { name: "day", sql: "CREATE DOMAIN day AS date;" },
    Object {
        name: "caseless",
        sql: "CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);",
    },
    Object {
        name: "fz_twice",
        sql: "CREATE FUNCTION fz_twice(a int8) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT AS \
              $$ BEGIN RETURN a % 1000 * 2; END $$;",
    },
    Object {
        name: "fz_shout",
        sql: "CREATE FUNCTION fz_shout(a text) RETURNS text LANGUAGE plpgsql STABLE AS \
              $$ BEGIN RETURN coalesce(upper(a), 'nothing') || '!'; END $$;",
    },
    Object {
        name: "fz_even",
        sql: "CREATE FUNCTION fz_even(a int4) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS \
              $$ BEGIN RETURN a % 2 = 0; END $$;",
    },
    Object {
        name: "fz_inline",
        sql: "CREATE FUNCTION fz_inline(a int4, b int4) RETURNS int8 LANGUAGE sql IMMUTABLE AS \
              $$ SELECT coalesce(a, 0)::int8 + b $$;",
    },
    Object {
        name: "fz_positive",
        sql: "CREATE FUNCTION fz_positive(a numeric) RETURNS numeric LANGUAGE plpgsql STABLE STRICT AS \
              $$ BEGIN IF a < 0 THEN RAISE EXCEPTION 'negative' USING ERRCODE = '22003'; END IF; \
              RETURN a; END $$;",
    },
    Object {
        name: "fz_steps",
        sql: "CREATE FUNCTION fz_steps(a int4) RETURNS SETOF int4 LANGUAGE sql STABLE AS \
              $$ SELECT g FROM generate_series(1, a % 4) AS g $$;",
    },
    Object {
        name: "fz_chain",
        sql: "CREATE FUNCTION fz_link(s int8, a int4) RETURNS int8 LANGUAGE plpgsql IMMUTABLE AS \
              $$ BEGIN RETURN (s * 31 + coalesce(a, 7)) % 1000003; END $$; \
              CREATE AGGREGATE fz_chain(int4) (sfunc = fz_link, stype = int8, initcond = '1');",
    },
    Object { name: "fz_seq", sql: "CREATE SEQUENCE fz_seq;" },
    Object {
        name: "fz_drift",
        sql: "CREATE FUNCTION fz_drift(a int4) RETURNS int4 LANGUAGE plpgsql VOLATILE AS \
              $$ BEGIN RETURN a; END $$;",
    },
    // Not the same in a parallel worker, where they must not run: a worker has another
    // process id, and does not see temporary tables.
    Object {
        name: "fz_here",
        sql: "CREATE FUNCTION fz_here() RETURNS int4 LANGUAGE sql STABLE PARALLEL RESTRICTED AS \
              $$ SELECT (pg_backend_pid()::text = current_setting('fz.pid'))::int4 $$;",
    },
    Object {
        name: "fz_leader",
        sql: "CREATE FUNCTION fz_leader(a int4) RETURNS int4 LANGUAGE plpgsql STABLE \
              PARALLEL RESTRICTED AS \
              $$ BEGIN RETURN a % 7 + (pg_backend_pid()::text = current_setting('fz.pid'))::int4; \
              END $$;",
    },
    Object {
        name: "fz_mapped",
        sql: "CREATE FUNCTION fz_mapped(n int4) RETURNS int4 LANGUAGE plpgsql STABLE \
              PARALLEL RESTRICTED AS \
              $$ BEGIN RETURN (SELECT b FROM fz_map WHERE a = n % 20); END $$;",
    },
];

/// What a session must have for an object: the setting that says which process it is, or a
/// temporary table.
const SESSION: [(&str, &str); 4] = [
    ("fz_here", PID),
    ("fz_leader", PID),
    ("fz.pid", PID),
    (
        "fz_mapped",
        "CREATE TEMP TABLE IF NOT EXISTS fz_map AS \
         SELECT g AS a, g % 4 AS b FROM generate_series(-20, 20) AS g;",
    ),
];
const PID: &str = "SELECT set_config('fz.pid', pg_backend_pid()::text, false);";

/// What a session must have for a statement.
pub fn needs(text: &str) -> impl Iterator<Item = &'static str> + '_ {
    SESSION.iter().filter(|(name, _)| text.contains(name)).map(|(_, sql)| *sql)
}

/// The statements for the objects whose names occur in a text.
pub fn objects_in(text: &str) -> impl Iterator<Item = &'static str> + '_ {
    OBJECTS.iter().filter(|object| has_word(text, object.name)).map(|object| object.sql)
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_needed() {
        let sql: Vec<&str> = objects_in("SELECT fz_even(days), 'x'::mood FROM day_of").collect();
        assert_eq!(sql.len(), 2);
        assert!(sql[0].contains("TYPE mood") && sql[1].contains("fz_even"));
    }
}
