//! Results that are kept: each is computed once, whoever asks, in whatever process.

use crate::{Client, Error, Reply};
use std::time::Duration;

/// Where a result is kept.
#[derive(Clone)]
pub struct Memo<'a> {
    pub namespace: &'a str,
    pub key: &'a str,
    /// `None`: as the namespace says.
    pub ttl: Option<Duration>,
    /// How long to wait for what another computes.
    pub wait: Duration,
    /// Is told what the daemon refused, and that a result was not kept.
    pub on_error: fn(&Error),
}

impl<'a> Memo<'a> {
    pub fn new(namespace: &'a str, key: &'a str) -> Memo<'a> {
        Memo { namespace, key, ttl: None, wait: Duration::from_secs(10), on_error: |_| () }
    }
}

// Gives the lease back, also when the function panics.
struct Lease<'a> {
    client: &'a Client,
    memo: &'a Memo<'a>,
    lease: Vec<u8>,
    is_used: bool,
}

impl Lease<'_> {
    fn tell(&self, verb: &str, options: &[&str], value: Option<&[u8]>) {
        let mut words = vec![verb.as_bytes()];
        words.extend(options.iter().map(|option| option.as_bytes()));
        words.extend([self.memo.namespace.as_bytes(), self.memo.key.as_bytes(), &self.lease]);
        words.extend(value);
        self.client.tell(self.memo, &words);
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            self.tell("memo.drop", &[], None);
        }
    }
}

impl Client {
    /// What is kept, or what `compute` gives. A caller that asks while another computes waits for that result. When the daemon is away
    /// or refuses, `compute` is simply called; an error is always its own. `None` is kept as a result too.
    pub fn cached<E>(&self, memo: &Memo, compute: impl FnOnce() -> Result<Option<Vec<u8>>, E>) -> Result<Option<Vec<u8>>, E> {
        let (mut state, mut value, mut lease) = self.memo_get(memo, Duration::ZERO);
        if state == b"MISS" && lease.is_none() && !memo.wait.is_zero() {
            (state, value, lease) = self.memo_get(memo, memo.wait); // somebody else computes it
        }
        if let Some(lease) = lease {
            let mut lease = Lease { client: self, memo, lease, is_used: false };
            let result = compute()?;
            lease.is_used = true;
            let ttl = memo.ttl.map(|ttl| format!("ttl={}ms", ttl.as_millis()));
            match &result {
                Some(value) => lease.tell("memo.put", &ttl.as_deref().into_iter().collect::<Vec<_>>(), Some(value)),
                None => lease.tell("memo.null", &[], None),
            }
            return Ok(result);
        }
        match value {
            Some(value) => Ok(Some(value)),
            None if state == b"NULL" => Ok(None),
            None => compute(),
        }
    }

    /// The next call of `cached` computes. Tells whether the daemon could be told.
    pub fn forget(&self, memo: &Memo) -> bool {
        self.tell(memo, &["del", memo.namespace, memo.key])
    }

    // State, value and lease; the state AWAY where the daemon does not answer.
    fn memo_get(&self, memo: &Memo, wait: Duration) -> (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>) {
        let option = format!("wait={}ms", wait.as_millis() + 1);
        let words = ["memo.get", &option, memo.namespace, memo.key];
        let words = if wait.is_zero() { vec![words[0], words[2], words[3]] } else { words.to_vec() };
        let reply = self.call_within(self.timeout + wait, &words).map_err(|error| (memo.on_error)(&error));
        let part = |item: &Reply| item.bytes().map(<[u8]>::to_vec);
        match reply.as_ref().map_or(&[][..], Reply::items) {
            [state, value, lease] => (part(state).unwrap_or_default(), part(value), part(lease)),
            _ => (b"AWAY".to_vec(), None, None),
        }
    }

    fn tell<W: AsRef<[u8]>>(&self, memo: &Memo, words: &[W]) -> bool {
        self.call(words).map_err(|error| (memo.on_error)(&error)).is_ok()
    }
}
