//! Where a daemon may be, and how it is reached.

use crate::connection::{Connection, Stream};
use crate::Error;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Instant;

/// Says what is wrong with an address, if anything is.
pub(crate) fn check(address: &str) -> Result<(), Error> {
    let is_right = address.contains('/') || host_and_port(address).is_some();
    let wrong = || Error::new("OPTIONS", format!("address {address}: a path, HOST:PORT or [IPV6]:PORT was expected"));
    is_right.then_some(()).ok_or_else(wrong)
}

fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(&[':', '[', ']'][..]) => return None,
        None => host,
    };
    let port = port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?;
    (!host.is_empty()).then_some((host, port))
}

/// The first place that takes a connection.
pub(crate) fn connect(address: Option<&str>, deadline: Instant) -> Result<Connection, Error> {
    let mut problem = String::new();
    for place in places(address) {
        match open(&place, deadline) {
            Ok(stream) => return Ok(Connection::new(stream)),
            Err(error) => problem = format!("cannot connect to {place}: {error}"),
        }
    }
    Err(Error::new("UNAVAILABLE", problem))
}

fn places(address: Option<&str>) -> Vec<String> {
    if let Some(address) = address {
        return vec![address.to_string()];
    }
    let uid = std::fs::metadata("/proc/self").map(|about| about.uid()).ok();
    let own = uid.map(|uid| format!("/tmp/cachesd-{uid}")); // whoever comes first can make it
    let own = own.filter(|folder| std::fs::symlink_metadata(folder).map(|about| about.uid()).ok() == uid);
    let runtime = std::env::var("XDG_RUNTIME_DIR").ok().filter(|folder| !folder.is_empty());
    let folders = [Some("/run/cachesd".to_string()), runtime, own];
    let sockets = folders.into_iter().flatten().map(|folder| format!("{folder}/cachesd.sock"));
    let there = sockets.filter(|path| std::path::Path::new(path).exists());
    there.chain(["127.0.0.1:7379".to_string()]).collect()
}

fn open(place: &str, deadline: Instant) -> io::Result<Stream> {
    match host_and_port(place).filter(|_| !place.contains('/')) {
        Some(place) => open_tcp(place, deadline).map(Stream::Tcp),
        None => open_unix(place, deadline).map(Stream::Unix),
    }
}

fn open_tcp(place: (&str, u16), deadline: Instant) -> io::Result<TcpStream> {
    let mut result = Err(io::Error::new(ErrorKind::NotFound, "the host has no address"));
    for address in place.to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        result = TcpStream::connect_timeout(&address, left);
        if result.is_ok() {
            break;
        }
    }
    let stream = result?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

// On a thread of its own: while a daemon hangs, its queue fills up, and then connecting waits for ever.
fn open_unix(path: &str, deadline: Instant) -> io::Result<UnixStream> {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_string();
    std::thread::spawn(move || sender.send(UnixStream::connect(path)));
    let left = deadline.saturating_duration_since(Instant::now());
    receiver.recv_timeout(left).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}
