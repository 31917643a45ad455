//! A client of cachesd; it needs nothing but the standard library, on Unix.
//!
//! ```no_run
//! let cachesd = cachesd::Client::new(cachesd::Options::default())?;
//! cachesd.call(&["key.set", "ttl=90s", "demo", "greeting", "hello"])?;
//! println!("{}", cachesd.call(&["key.get", "demo", "greeting"])?.text().unwrap_or_default());
//! # Ok::<(), cachesd::Error>(())
//! ```
//!
//! Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes will do, and nothing
//! is ever quoted. Threads may share a client: each request has a connection for itself, and connections are kept for the next.

mod connection;
mod memo;
mod place;

use connection::Connection;
pub use memo::Memo;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const MOST_IDLE: usize = 8; // connections that are kept

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Nil,
    Number(i64),
    Bytes(Vec<u8>),
    Items(Vec<Reply>),
}

impl Reply {
    /// The string, if it is one, and UTF-8.
    pub fn text(&self) -> Option<&str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Reply::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<i64> {
        match self {
            Reply::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The items of an array, and none of anything else.
    pub fn items(&self) -> &[Reply] {
        match self {
            Reply::Items(items) => items,
            _ => &[],
        }
    }
}

/// What a request failed of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The daemon's own word (`WRONGTYPE`, `POLICY`, …), or that of the client itself: `UNAVAILABLE` (no connection: nothing was sent),
    /// `TIMEOUT` (no answer in time), `LOST` (the connection broke before the answer), `OPTIONS` (an option is none).
    pub code: String,
    pub text: String,
}

impl Error {
    pub(crate) fn new(code: &str, text: impl Into<String>) -> Error {
        Error { code: code.to_string(), text: text.into() }
    }

    /// Whether a write may have been applied all the same; else it was not.
    pub fn is_perhaps_applied(&self) -> bool {
        ["TIMEOUT", "LOST", "INTERNAL"].contains(&self.code.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, output: &mut fmt::Formatter) -> fmt::Result {
        write!(output, "{} {}", self.code, self.text)
    }
}

impl std::error::Error for Error {}

/// Where the daemon is, and who asks. What is `None` is as the environment says: `CACHESD_ADDRESS`, `CACHESD_USER`, `CACHESD_TOKEN`.
#[derive(Clone)]
pub struct Options {
    /// The path of a socket, `HOST:PORT` or `[IPV6]:PORT`; without one the client looks where a daemon usually is.
    pub address: Option<String>,
    pub user: Option<String>,
    pub token: Option<String>,
    /// To connect, and for each answer: 5 s by default.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options { address: None, user: None, token: None, timeout: Duration::from_secs(5) }
    }
}

pub struct Client {
    address: Option<String>,
    login: Option<[String; 2]>, // user and token
    timeout: Duration,
    idle: Mutex<Vec<Connection>>, // the one that was used last is last
}

impl Client {
    /// Connects when it is first used.
    pub fn new(options: Options) -> Result<Client, Error> {
        let given = |value: Option<String>, name| value.or_else(|| std::env::var(name).ok()).filter(|value| !value.is_empty());
        let address = given(options.address, "CACHESD_ADDRESS");
        if let Some(address) = &address {
            place::check(address)?;
        }
        let login = match (given(options.user, "CACHESD_USER"), given(options.token, "CACHESD_TOKEN")) {
            (Some(user), Some(token)) => Some([user, token]),
            (None, Some(_)) => return Err(Error::new("OPTIONS", "a token needs a user: the option user, or CACHESD_USER")),
            _ => None,
        };
        Ok(Client { address, login, timeout: options.timeout, idle: Mutex::new(Vec::new()) })
    }

    /// The reply to these words, which are strings or bytes, all of one kind: `&["key.get", "demo", "k"]`,
    /// `&[b"key.set".as_ref(), b"demo", b"k", &value]`.
    pub fn call<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<Reply, Error> {
        self.call_within(self.timeout, words)
    }

    /// The same for a request that may take so long, as `memo.get` with `wait=` does.
    pub fn call_within<W: AsRef<[u8]>>(&self, timeout: Duration, words: &[W]) -> Result<Reply, Error> {
        if words.is_empty() {
            return Err(Error::new("ARGS", "no verb is given"));
        }
        let deadline = Instant::now() + timeout;
        let mut connection = self.take(deadline)?;
        let reply = connection.call(words, deadline)?; // an error drops the connection
        self.keep(connection);
        reply
    }

    fn take(&self, deadline: Instant) -> Result<Connection, Error> {
        while let Some(connection) = self.idle().pop() {
            if connection.is_good() {
                return Ok(connection);
            }
        }
        let mut connection = place::connect(self.address.as_deref(), deadline)?;
        if let Some([user, token]) = &self.login {
            let told = connection.call(&["auth", user, token], deadline);
            told.map_err(|error| Error::new("UNAVAILABLE", format!("auth: {error}")))??; // the request itself was not sent
        }
        Ok(connection)
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
