//! HTTP as far as servers need it that stand before a node and answer in its place.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde_json::Value;

/// A server on a free port of this machine, which ends with the process. Each connection has a
/// thread of its own. Returns the port.
pub fn listen(serve: impl Fn(&TcpStream) -> io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = Arc::clone(&serve);
            // Whoever asks may have been killed.
            thread::spawn(move || serve(&stream?));
        }
    });
    port
}

/// What the node at `node`, host and port, answers to a request.
///
/// # Errors
/// Those of the connection; an answer that is no JSON.
pub fn ask(node: &str, body: &[u8]) -> io::Result<Value> {
    let mut stream = TcpStream::connect(node)?;
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {node}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let answer = read(&stream)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// The body of a request or an answer.
///
/// # Errors
/// Those of the connection.
pub fn read(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
        let (name, value) = line.split_once(':').unwrap_or(("", ""));
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// Writes an answer and says that the connection ends.
///
/// # Errors
/// Those of the connection.
pub fn write(mut stream: &TcpStream, status: u16, body: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Some Reason\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
