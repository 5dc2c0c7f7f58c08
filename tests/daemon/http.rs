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

    /// What is published of a rollout; none when it is not known, or nobody answers.
    pub fn view(&self, rollout: &str) -> Option<Value> {
        let answer = self.get("/v1/rollouts").ok().filter(|answer| answer.status == 200)?;
        let all = answer.json()["rollouts"].as_array()?.clone();
        all.into_iter().find(|view| view["rollout"] == rollout)
    }

    /// One call on a connection of its own. The process may be killed at any moment: every failure is an answer.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<Answer> {
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
            text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        stream.write_all(text.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let cut = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "cut off");
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
        Ok(Answer { status, text: body.to_owned() })
    }
}
