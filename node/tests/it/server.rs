//! An HTTP server that plays a node by a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use maci_nova_chain::RpcUrl;
use serde_json::{json, Value};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A result.
    Result(Value),
    /// A JSON-RPC error: code, message and data.
    Error(i64, &'static str, Value),
    /// An HTTP status and a body that is no JSON-RPC.
    Status(u16, &'static str),
    /// The connection is closed without an answer.
    Nothing,
}

/// A request as the server got it.
pub type Call = (String, Value);

/// A running server. Ends when it is dropped.
pub struct Server {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers requests, given by method and parameters, one after the other.
    pub fn start(mut reply: impl FnMut(&str, &Value) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (log, stopped) = (Arc::clone(&calls), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                // A caller that has gone away is none of the test's business.
                let _ = serve(&stream.expect("a connection"), &log, &mut reply);
            }
        });
        Server {
            port,
            calls,
            stop,
            thread: Some(thread),
        }
    }

    /// Where it is, with what an API key looks like.
    pub fn url(&self) -> RpcUrl {
        let url = format!("http://127.0.0.1:{}/v2/{KEY}", self.port);
        url.parse().expect("URL")
    }

    /// Parameters of all requests of a method so far.
    pub fn calls(&self, method: &str) -> Vec<Value> {
        let calls = self.calls.lock().expect("no panic");
        let of_method = calls.iter().filter(|(name, _)| name == method);
        of_method.map(|(_, params)| params.clone()).collect()
    }
}

/// Must not show up anywhere.
pub const KEY: &str = "hunter2";

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the script panicked"
            );
        }
    }
}

fn serve(
    stream: &TcpStream,
    log: &Mutex<Vec<Call>>,
    reply: &mut impl FnMut(&str, &Value) -> Reply,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && line.trim() != "" {
        let (name, value) = line.split_once(':').unwrap_or(("", ""));
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body)?;
    let method = request["method"].as_str().expect("a method").to_owned();
    let params = request["params"].clone();
    log.lock()
        .expect("no panic")
        .push((method.clone(), params.clone()));
    let mut answer = json!({ "jsonrpc": "2.0", "id": request["id"] });
    match reply(&method, &params) {
        Reply::Nothing => Ok(()),
        Reply::Status(status, body) => write(stream, status, body),
        Reply::Result(result) => {
            answer["result"] = result;
            write(stream, 200, &answer.to_string())
        }
        Reply::Error(code, message, data) => {
            answer["error"] = json!({ "code": code, "message": message, "data": data });
            write(stream, 200, &answer.to_string())
        }
    }
}

fn write(mut stream: &TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Some Reason\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
