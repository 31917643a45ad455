// Drives ../../../clients/rust: see talk.md.

use cachesd::{Client, Error, Options, Reply};
use std::io::BufRead;
use std::time::Duration;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shown(reply: &Reply) -> String {
    match reply {
        Reply::Nil => "nil".to_string(),
        Reply::Number(number) => format!(":{number}"),
        Reply::Bytes(bytes) => format!("${}", hex(bytes)),
        Reply::Items(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
    }
}

fn word(text: &str) -> Vec<u8> {
    let digits = text.trim_matches('.');
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn answer(client: &mut Option<Client>, verb: &str, words: &[Vec<u8>]) -> Result<String, Error> {
    if verb == "call" {
        return Ok(shown(&client.as_ref().unwrap().call(words)?));
    }
    let given = |at: usize| Some(String::from_utf8(words[at].clone()).unwrap()).filter(|text| !text.is_empty());
    let timeout = Duration::from_millis(given(1).unwrap().parse().unwrap());
    *client = Some(Client::new(Options { address: given(0), user: given(2), token: given(3), timeout })?);
    Ok("opened".to_string())
}

fn main() {
    let mut client = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let mut parts = line.split(' ');
        let verb = parts.next().unwrap();
        let words: Vec<_> = parts.map(word).collect();
        match answer(&mut client, verb, &words) {
            Ok(text) => println!("{text}"),
            Err(error) if error.code == "OPTIONS" => println!("-WRONG {error}"),
            Err(error) => println!("-{error} {}", if error.is_perhaps_applied() { "(perhaps)" } else { "(no)" }),
        }
    }
}
