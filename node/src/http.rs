//! Plain HTTP to a service that is not a node.

use std::time::Duration;

use maci_nova_chain::RpcUrl;
use reqwest::{Client, RequestBuilder};
use tokio::runtime::{Builder, Runtime};

use crate::transport::reason;

/// The longest answer, in bytes: a document has hundreds.
const LONGEST: usize = 1 << 20;

/// A service, and what its paths begin with. Blocks while it waits.
#[derive(Debug)]
pub struct HttpClient {
    runtime: Runtime,
    client: Client,
    base: RpcUrl,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{service} does not answer: {reason}")]
pub struct HttpError {
    service: String,
    reason: String,
}

impl HttpClient {
    /// With so much time for each answer. The service may not send its callers elsewhere.
    ///
    /// # Errors
    /// [`HttpError`] if this machine lets no connection be made at all.
    pub fn new(base: &RpcUrl, answer: Duration) -> Result<Self, HttpError> {
        let failed = |reason| HttpError {
            service: base.to_string(),
            reason,
        };
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let mut client = Client::builder()
            .timeout(answer)
            .redirect(reqwest::redirect::Policy::none());
        if base.is_local() {
            client = client.no_proxy();
        }
        Ok(HttpClient {
            client: client.build().map_err(|error| failed(reason(error)))?,
            runtime,
            base: base.clone(),
        })
    }

    /// Asks for what is at a path, which begins with a slash.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn get(&self, path: &str) -> Result<Answer, HttpError> {
        self.send(self.client.get(self.url(path)))
    }

    /// Sends a text to a path.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn post(&self, path: &str, body: String) -> Result<Answer, HttpError> {
        self.send(self.client.post(self.url(path)).body(body))
    }

    fn url(&self, path: &str) -> reqwest::Url {
        let mut url = self.base.whole();
        let before = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{before}{path}"));
        url
    }

    fn send(&self, request: RequestBuilder) -> Result<Answer, HttpError> {
        let failed = |reason| HttpError {
            service: self.base.to_string(),
            reason,
        };
        let read = async {
            let mut response = request.send().await?;
            let status = response.status().as_u16();
            let mut body = Vec::new();
            while let Some(part) = response.chunk().await? {
                body.extend_from_slice(&part);
                if body.len() > LONGEST {
                    break;
                }
            }
            Ok(Answer { status, body })
        };
        let answer = self.runtime.block_on(read);
        let answer = answer.map_err(|error: reqwest::Error| failed(reason(error)))?;
        match answer.body.len() > LONGEST {
            true => Err(failed("the answer is too long".into())),
            false => Ok(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_path_below_the_base_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("an address");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("asked");
            let mut head = [0; 4096];
            let length = stream.read(&mut head).expect("read");
            let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
            stream.write_all(answer).expect("answered");
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        let base = format!("http://{address}/below/").parse().expect("a URL");
        let client = HttpClient::new(&base, Duration::from_secs(5)).expect("a client");
        let answer = client.get("/relay/1").expect("an answer");
        assert_eq!((answer.status, &answer.body[..]), (404, &b"no"[..]));
        let asked = server.join().expect("ends");
        assert!(asked.starts_with("GET /below/relay/1 "), "{asked}");
        let error = client
            .post("/relay/1", "text".into())
            .expect_err("nobody listens");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
}
