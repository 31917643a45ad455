//! One connection, until the first thing goes wrong.

use crate::{Error, Reply};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const LINE: usize = 65536; // bytes of a reply's line, at most
const DEPTH: usize = 8; // arrays within arrays, at most
const LARGEST: i64 = 1 << 30; // bytes of a value, or items of an array

pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn set_timeouts(&self, left: Duration) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left))),
            Stream::Unix(stream) => stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left))),
        }
    }

    fn set_nonblocking(&self, is_nonblocking: bool) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.set_nonblocking(is_nonblocking),
            Stream::Unix(stream) => stream.set_nonblocking(is_nonblocking),
        }
    }

    fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).read(bytes),
            Stream::Unix(stream) => (&*stream).read(bytes),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).write(bytes),
            Stream::Unix(stream) => (&*stream).write(bytes),
        }
    }
}

pub(crate) struct Connection {
    stream: Stream,
    unread: Vec<u8>,
    at: usize, // what is before it is taken
}

fn broken() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a broken reply")
}

impl Connection {
    pub(crate) fn new(stream: Stream) -> Connection {
        Connection { stream, unread: Vec::new(), at: 0 }
    }

    /// Whether the daemon has neither closed it nor said anything unasked.
    pub(crate) fn is_good(&self) -> bool {
        let looked = self.stream.set_nonblocking(true).and_then(|()| self.stream.read(&mut [0]));
        let is_quiet = matches!(looked, Err(error) if error.kind() == ErrorKind::WouldBlock);
        is_quiet && self.stream.set_nonblocking(false).is_ok()
    }

    /// The reply, or the daemon's refusal within it. After an error of the outer kind the connection is of no use.
    pub(crate) fn call<W: AsRef<[u8]>>(&mut self, words: &[W], deadline: Instant) -> Result<Result<Reply, Error>, Error> {
        self.exchange(words, deadline).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Error::new("TIMEOUT", "no answer in time"),
            _ => Error::new("LOST", format!("the connection broke before the answer: {error}")),
        })
    }

    fn exchange<W: AsRef<[u8]>>(&mut self, words: &[W], deadline: Instant) -> io::Result<Result<Reply, Error>> {
        self.write(&encoded(words), deadline)?;
        let reply = self.reply(deadline)?;
        if self.at < self.unread.len() {
            return Err(broken());
        }
        self.unread.clear();
        self.at = 0;
        Ok(reply)
    }

    fn write(&self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.set_timeouts(left(deadline)?)?;
            match self.stream.write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    // Reads until so many bytes are there; memory grows as bytes come, not as they are announced.
    fn gather(&mut self, size: usize, deadline: Instant) -> io::Result<()> {
        let mut chunk = [0; 16384];
        if self.unread.len() < self.at + size {
            self.unread.drain(..self.at);
            self.at = 0;
        }
        while self.unread.len() < self.at + size {
            self.stream.set_timeouts(left(deadline)?)?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.unread.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take(&mut self, size: usize, deadline: Instant) -> io::Result<Vec<u8>> {
        self.gather(size + 2, deadline)?;
        let end = self.at + size;
        if &self.unread[end..end + 2] != b"\r\n" {
            return Err(broken());
        }
        let taken = self.unread[self.at..end].to_vec();
        self.at = end + 2;
        Ok(taken)
    }

    fn line(&mut self, deadline: Instant) -> io::Result<String> {
        let mut length = 0;
        loop {
            let found = self.unread[self.at + length..].windows(2).position(|end| end == b"\r\n");
            if let Some(more) = found {
                let line = self.take(length + more, deadline)?;
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            length = (self.unread.len() - self.at).saturating_sub(1);
            if length > LINE {
                return Err(broken());
            }
            self.gather(self.unread.len() - self.at + 1, deadline)?;
        }
    }

    fn reply(&mut self, deadline: Instant) -> io::Result<Result<Reply, Error>> {
        let line = self.line(deadline)?;
        match line.strip_prefix('-') {
            Some(refused) => {
                let (code, text) = refused.split_once(' ').unwrap_or((refused, ""));
                Ok(Err(Error::new(code, text)))
            }
            None => self.value(&line, DEPTH, deadline).map(Ok),
        }
    }

    fn value(&mut self, line: &str, depth: usize, deadline: Instant) -> io::Result<Reply> {
        let kind = line.chars().next().unwrap_or(' ');
        if kind == '+' {
            return Ok(Reply::Bytes(line.as_bytes()[1..].to_vec()));
        }
        if ![':', '$', '*'].contains(&kind) {
            return Err(broken());
        }
        let number: i64 = line[1..].parse().map_err(|_| broken())?;
        match kind {
            ':' => Ok(Reply::Number(number)),
            _ if number == -1 => Ok(Reply::Nil),
            _ if !(0..=LARGEST).contains(&number) => Err(broken()),
            '$' => self.take(number as usize, deadline).map(Reply::Bytes),
            _ => self.items(number, depth, deadline),
        }
    }

    fn items(&mut self, count: i64, depth: usize, deadline: Instant) -> io::Result<Reply> {
        if depth == 0 {
            return Err(broken());
        }
        let mut items = Vec::new();
        for _ in 0..count {
            let line = self.line(deadline)?;
            items.push(self.value(&line, depth - 1, deadline)?);
        }
        Ok(Reply::Items(items))
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left.max(Duration::from_millis(1)))
}

fn encoded<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
