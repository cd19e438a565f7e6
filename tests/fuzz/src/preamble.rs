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
    Object { name: "label", sql: "CREATE DOMAIN label AS text CHECK (length(VALUE) < 100000);" },
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
];

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
