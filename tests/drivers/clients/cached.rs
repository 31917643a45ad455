// Drives ../../../clients/rust: a command a line, `call|forget|refresh WORD`, and a result a line.

use cachesd::{Client, Memo, Options};
use std::io::{BufRead, Write};
use std::time::Duration;

fn compute(folder: &str, word: &str) -> Result<Option<Vec<u8>>, String> {
    let path = format!("{folder}/computed");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
    file.write_all(format!("{word}\n").as_bytes()).unwrap();
    while word.starts_with("gate") && !std::path::Path::new(&format!("{folder}/gate")).exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    if word.starts_with("throw") {
        return Err(word.to_string());
    }
    let count = std::fs::read_to_string(&path).unwrap().lines().filter(|line| *line == word).count();
    let text = format!("{{\"word\": \"{word}\", \"count\": {count}}}");
    Ok(Some(text.into_bytes()).filter(|_| !word.starts_with("null")))
}

fn main() {
    let folder = std::env::var("FOLDER").unwrap();
    let namespace = std::env::var("NAMESPACE").unwrap();
    let client = Client::new(Options { timeout: Duration::from_secs(10), ..Options::default() }).unwrap();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (verb, word) = line.split_once(' ').unwrap();
        let key = format!("f:{word}");
        let mut memo = Memo::new(&namespace, &key);
        memo.wait = Duration::from_millis(std::env::var("WAIT_MS").unwrap().parse().unwrap());
        memo.ttl = std::env::var("TTL").ok().map(|ttl| Duration::from_secs(ttl.trim_end_matches('s').parse().unwrap()));
        let is_forgotten = verb != "call" && client.forget(&memo);
        if verb == "forget" {
            println!("{is_forgotten}");
            continue;
        }
        match client.cached(&memo, || compute(&folder, word)) {
            Ok(Some(value)) => println!("{}", String::from_utf8_lossy(&value)),
            Ok(None) => println!("null"),
            Err(error) => println!("threw {error}"),
        }
    }
}
