//! A node on this machine that answers with what it is given.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use maci_nova_chain::{Observer, RpcUrl};

/// Requests after the last answer that a caller gets an error for before it is told to stop.
const PATIENCE: u32 = 4;

/// What is left to be said.
#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Vec<u8>>,
    late: u32,
}

/// The node, and the observer that stops whoever asks for more than there is.
#[derive(Clone, Debug)]
pub struct Node {
    script: Arc<Mutex<Script>>,
    port: u16,
}

impl Node {
    /// Starts one, which lives as long as the process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let script = Arc::new(Mutex::new(Script::default()));
        let node = Node { script, port };
        let serving = node.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                // Who has gone away needs no answer.
                std::thread::spawn(move || serving.serve(&stream).ok());
            }
        });
        node
    }

    /// Where it is.
    pub fn url(&self) -> RpcUrl {
        let url = format!("http://127.0.0.1:{}", self.port);
        url.parse().expect("an address")
    }

    /// From now on it says this, one after the other.
    pub fn say(&self, answers: impl IntoIterator<Item = Vec<u8>>) {
        *self.script() = Script {
            answers: answers.into_iter().collect(),
            late: 0,
        };
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Vec<u8> {
        let mut script = self.script();
        script.answers.pop_front().unwrap_or_else(|| {
            script.late += 1;
            br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"none"}}"#.to_vec()
        })
    }

    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        loop {
            let mut length = 0;
            loop {
                line.clear();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                if line.trim().is_empty() {
                    break;
                }
                let (name, value) = line.split_once(':').unwrap_or_default();
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap_or(0);
                }
            }
            std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
            let body = self.next();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), &body].concat())?;
        }
    }
}

impl Observer for Node {
    fn interrupted(&self) -> bool {
        self.script().late >= PATIENCE
    }
}

/// Answers of an input: a line each, the result alone, or after `!` the whole body.
pub fn answers(data: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    data.split(|byte| *byte == b'\n').map(|line| match line {
        [b'!', body @ ..] => body.to_vec(),
        result => [br#"{"jsonrpc":"2.0","id":1,"result":"#, result, b"}"].concat(),
    })
}
