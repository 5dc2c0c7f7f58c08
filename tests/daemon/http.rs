//! HTTP as plain as `curl` speaks it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Where a controller answers, and as whom it is asked.
#[derive(Debug, Clone)]
pub struct Api {
    pub address: String,
    pub token: Option<String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Api {
    pub fn at(url: &str, token: Option<String>) -> Api {
        Api { address: url.trim_start_matches("http://").to_owned(), token }
    }

    /// The same without a token.
    pub fn stranger(&self) -> Api {
        Api { token: None, ..self.clone() }
    }

    pub fn get(&self, path: &str) -> std::io::Result<Answer> {
        self.ask("GET", path, &[], "")
    }

    pub fn post(&self, path: &str, body: &str) -> std::io::Result<Answer> {
        self.ask("POST", path, &[], body)
    }

    /// Sends bytes of this type, as a sender that speaks another language than ours.
    pub fn send(&self, path: &str, content_type: &str, body: &[u8]) -> std::io::Result<Answer> {
        self.call("POST", path, &[("content-type", content_type)], body)
    }

    /// What is published of a rollout; none when it is not known, or nobody answers.
    pub fn view(&self, rollout: &str) -> Option<Value> {
        let answer = self.get("/v1/rollouts").ok().filter(|answer| answer.status == 200)?;
        let all = answer.json()["rollouts"].as_array()?.clone();
        all.into_iter().find(|view| view["rollout"] == rollout)
    }

    /// One call on a connection of its own. The process may be killed at any moment: every failure is an answer.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<Answer> {
        let mut headers = headers.to_vec();
        if method == "POST" {
            headers.push(("content-type", "application/json"));
        }
        self.call(method, path, &headers, body.as_bytes())
    }

    fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if let Some(token) = &self.token {
            text.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes())?;
        // A server that has seen enough answers and closes without reading the rest.
        let sent = stream.write_all(body);
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer)
            && answer.is_empty()
        {
            return Err(sent.err().unwrap_or(error));
        }
        let cut = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "cut off");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(cut)?;
        let (head, bytes) = (String::from_utf8_lossy(&answer[..end]), answer[end + 4..].to_vec());
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
        Ok(Answer { status, text: String::from_utf8_lossy(&bytes).into_owned(), bytes })
    }
}
