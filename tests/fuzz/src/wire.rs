//! A connection that speaks PostgreSQL's protocol as it comes: values as the text that the
//! server sends, also where that is not valid UTF-8, and portals that are read in steps.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use fusion_bench::connect::Rows;
use postgres::Config;
use postgres::config::Host;

use crate::verdict::Failure;

/// A connection.
pub struct Connection {
    stream: BufReader<UnixStream>,
    in_transaction: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The server says no.
    Refused(Failure),
    /// There is no server any more, or it does not answer.
    Lost(String),
}

/// What a statement gave.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its rows.
    pub rows: Rows,
    /// Its tag, such as `FETCH 3`.
    pub tag: String,
}

/// The protocol's version 3.0.
const VERSION: u32 = 196_608;
/// No message of the server is larger.
const LARGEST_MESSAGE: usize = 1 << 30;

impl Connection {
    /// Connects through a Unix socket, without a password. No answer for as long as
    /// `patience` means that the server is lost.
    ///
    /// # Errors
    /// If the server does not take it.
    pub fn open(config: &Config, patience: Duration) -> Result<Self, Trouble> {
        let Some(Host::Unix(folder)) = config.get_hosts().first() else {
            return Err(Trouble::Lost("throw-away servers have a Unix socket".to_owned()));
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let stream = UnixStream::connect(folder.join(format!(".s.PGSQL.{port}")))?;
        stream.set_read_timeout(Some(patience))?;
        let mut connection = Self { stream: BufReader::new(stream), in_transaction: false };
        let mut body = VERSION.to_be_bytes().to_vec();
        let (user, database) = (config.get_user(), config.get_dbname());
        for (name, value) in [("user", user), ("database", database)] {
            add_text(&mut body, name);
            add_text(&mut body, value.unwrap_or("postgres"));
        }
        add_text(&mut body, "client_encoding");
        add_text(&mut body, "UTF8");
        body.push(0);
        let mut message = length_of(&body);
        message.extend(body);
        connection.stream.get_mut().write_all(&message)?;
        connection.answers()?;
        Ok(connection)
    }

    /// Whether a transaction is open, perhaps a failed one.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Runs statements; each gives an answer.
    ///
    /// # Errors
    /// The first that there is. The statements after it do not run.
    pub fn simple(&mut self, sql: &str) -> Result<Vec<Answer>, Trouble> {
        let mut body = Vec::new();
        add_text(&mut body, sql);
        self.send(&[(b'Q', body)])?;
        Ok(self.answers()?.0)
    }

    /// Runs a query in a portal that is read `step` rows at a time, as drivers with a
    /// fetch size do. A transaction must be open.
    ///
    /// # Errors
    /// As for [`Self::simple`].
    pub fn portal(&mut self, sql: &str, step: u32) -> Result<Answer, Trouble> {
        let mut parse = vec![0];
        add_text(&mut parse, sql);
        parse.extend([0, 0]);
        // No formats: everything as text. No parameters.
        let bind = b"p\0\0\0\0\0\0\0\0".to_vec();
        let describe = b"Pp\0".to_vec();
        self.send(&[(b'P', parse), (b'B', bind), (b'D', describe), (b'S', Vec::new())])?;
        let mut whole = self.answers()?.0.pop().unwrap_or_default();
        loop {
            let mut execute = b"p\0".to_vec();
            execute.extend(step.to_be_bytes());
            self.send(&[(b'E', execute), (b'S', Vec::new())])?;
            let (answers, suspended) = self.answers()?;
            for answer in answers {
                whole.rows.rows.extend(answer.rows.rows);
                whole.tag = answer.tag;
            }
            if !suspended {
                return Ok(whole);
            }
        }
    }

    fn send(&mut self, messages: &[(u8, Vec<u8>)]) -> Result<(), Trouble> {
        let mut bytes = Vec::new();
        for (kind, body) in messages {
            bytes.push(*kind);
            bytes.extend(length_of(body));
            bytes.extend(body);
        }
        Ok(self.stream.get_mut().write_all(&bytes)?)
    }

    /// Everything until the server is ready for more; and whether a portal has more rows.
    fn answers(&mut self) -> Result<(Vec<Answer>, bool), Trouble> {
        let mut answers = Vec::new();
        let mut answer = Answer::default();
        let mut failure = None;
        let mut suspended = false;
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'T' => answer.rows.columns = columns(&body),
                b'D' => answer.rows.rows.push(values(&body)),
                b'C' => {
                    answer.tag = text(body.strip_suffix(&[0]).unwrap_or(&body));
                    answers.push(std::mem::take(&mut answer));
                }
                b's' => suspended = true,
                b'E' => {
                    let lost = failure_of(&body);
                    // "terminating connection because of crash of another server process"
                    if lost.sqlstate == "57P02" {
                        return Err(Trouble::Lost(lost.message));
                    }
                    failure.get_or_insert(lost);
                }
                b'Z' => {
                    self.in_transaction = body != b"I";
                    if !answer.rows.columns.is_empty() || !answer.rows.rows.is_empty() {
                        // Of a portal: described, or suspended.
                        answers.push(answer);
                    }
                    return match failure {
                        Some(failure) => Err(Trouble::Refused(failure)),
                        None => Ok((answers, suspended)),
                    };
                }
                _ => {}
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>), Trouble> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if !(4..LARGEST_MESSAGE).contains(&length) {
            return Err(Trouble::Lost(format!("a message of {length} bytes")));
        }
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(match error.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                "no answer; the statement timeout had no effect".to_owned()
            }
            _ => format!("connection closed: {error}"),
        })
    }
}

fn length_of(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("messages are smaller than 4 GB");
    length.to_be_bytes().to_vec()
}

fn add_text(body: &mut Vec<u8>, text: &str) {
    body.extend(text.as_bytes());
    body.push(0);
}

/// Bytes as text. Those that are no UTF-8 become `‹e9›`, so that nothing gets lost.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("‹{byte:02x}›"));
        }
    }
    text
}

/// Reads a message from its front.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn number<const N: usize>(&mut self) -> i64 {
        let bytes = self.take(N);
        let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        bytes
            .iter()
            .fold(if negative { -1 } else { 0 }, |number, byte| number << 8 | i64::from(*byte))
    }

    fn string(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let string = text(self.take(end));
        self.take(1);
        string
    }
}

fn columns(body: &[u8]) -> Vec<String> {
    let mut body = Body(body);
    let count = body.number::<2>();
    let column = |_| {
        let name = body.string();
        // Table, attribute, type, length, modifier, format.
        body.take(18);
        name
    };
    (0..count).map(column).collect()
}

fn values(body: &[u8]) -> Vec<Option<String>> {
    let mut body = Body(body);
    let count = body.number::<2>();
    let value = |_| usize::try_from(body.number::<4>()).ok().map(|length| text(body.take(length)));
    (0..count).map(value).collect()
}

fn failure_of(body: &[u8]) -> Failure {
    let mut failure = Failure { sqlstate: String::new(), message: String::new() };
    let mut body = Body(body);
    while let [kind, ..] = body.0 {
        body.take(1);
        match kind {
            b'C' => failure.sqlstate = body.string(),
            b'M' => failure.message = body.string(),
            0 => break,
            _ => drop(body.string()),
        }
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_shown() {
        assert_eq!(text("été".as_bytes()), "été");
        assert_eq!(text(b"caf\xe9x\xf0"), "caf‹e9›x‹f0›");
    }

    #[test]
    fn messages_are_read() {
        assert_eq!(values(b"\0\x02\xff\xff\xff\xff\0\0\0\x01a"), [None, Some("a".to_owned())]);
        let mut description = b"\0\x01id\0".to_vec();
        description.extend([0; 18]);
        assert_eq!(columns(&description), ["id"]);
        let failure = failure_of(b"SERROR\0C22012\0Mdivision by zero\0\0");
        assert_eq!(failure.to_string(), "division by zero (22012)");
    }
}
