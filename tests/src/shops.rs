//! A server with two small tables, `sale` and `shop`, for tests that take turns.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::server::Server;

/// The tables. Sums are of types whose order of addition does not matter.
pub const TABLES: &str = "
    CREATE TABLE shop (id int PRIMARY KEY, name text NOT NULL, city text NOT NULL);
    INSERT INTO shop
        SELECT g, 'shop ' || g, (ARRAY['Aachen', 'Bonn', 'Celle', 'Dessau'])[g % 4 + 1]
        FROM generate_series(1, 50) g;
    CREATE TABLE sale (
        id int PRIMARY KEY, shop_id int NOT NULL, item text NOT NULL, qty int,
        price numeric(10,2) NOT NULL, day date NOT NULL);
    INSERT INTO sale
        SELECT g, g % 50 + 1, 'item ' || g % 97, NULLIF(g % 13, 7), (g * 37 % 10007) / 100.0,
            date '2024-01-01' + g % 366
        FROM generate_series(1, 20000) g;
    CHECKPOINT;
    VACUUM ANALYZE shop;
    VACUUM ANALYZE sale;
";

/// A query over both that is one PgFusion node when forced.
pub const BY_CITY: &str = "SELECT city, count(*) AS n, count(qty) AS known, sum(qty) AS qty, \
    sum(price) AS total, min(item) AS first, max(day) AS last FROM sale JOIN shop ON shop.id = shop_id GROUP BY city ORDER BY city";

/// Starts a server with the tables.
pub fn start(options: &[&str]) -> Server {
    let server = Server::start(options).expect("a throw-away server with pg_fusion");
    fill(&server);
    server
}

/// Creates the tables, so that they survive a crash of the server: commits of the
/// throw-away servers are asynchronous.
pub fn fill(server: &Server) {
    let mut client = server.connect();
    for statement in TABLES.split(';').filter(|statement| !statement.trim().is_empty()) {
        client.batch_execute(statement).expect("the tables can be created");
    }
    client.batch_execute("CHECKPOINT").expect("the tables can be written");
}

/// The server of this test program, and the right to use it: `pg_fusion_pool()`
/// counts for the whole server, so tests take turns.
pub fn turn() -> (MutexGuard<'static, ()>, &'static Server) {
    static TURN: Mutex<()> = Mutex::new(());
    static SERVER: OnceLock<Server> = OnceLock::new();
    // A test that failed has reported that itself.
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    (turn, SERVER.get_or_init(|| start(&[])))
}
