//! A way to a server that a test can cut: a TCP proxy inside the test process.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// What becomes of replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Replies {
    /// They pass.
    Pass = 0,
    /// The server's next reply is read, so it has acted, and the connection is closed instead.
    Cut = 1,
    /// They are read and kept; the connection stays open.
    Swallow = 2,
    /// They come one byte at a time, slowly.
    Trickle = 3,
}

pub struct Proxy {
    pub port: u16,
    replies: Arc<AtomicU8>,
}

impl Proxy {
    pub fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let replies = Arc::new(AtomicU8::new(Replies::Pass as u8));
        let rule = Arc::clone(&replies);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let rule = Arc::clone(&rule);
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || requests(from, to));
                std::thread::spawn(move || answers(server, client, &rule));
            }
        });
        Proxy { port: own, replies }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn set(&self, replies: Replies) {
        self.replies.store(replies as u8, Ordering::SeqCst);
    }
}

fn requests(mut from: TcpStream, mut to: TcpStream) {
    // Either side may close at any time: that is what it is for.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

fn answers(mut server: TcpStream, mut client: TcpStream, rule: &AtomicU8) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = server.read(&mut bytes) {
        let now = rule.load(Ordering::SeqCst);
        if now == Replies::Cut as u8 {
            rule.store(Replies::Pass as u8, Ordering::SeqCst);
            break;
        }
        if now == Replies::Swallow as u8 {
            continue;
        }
        let step = if now == Replies::Trickle as u8 { 1 } else { read };
        for piece in bytes[..read].chunks(step) {
            if client.write_all(piece).is_err() {
                return;
            }
            if step == 1 {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
