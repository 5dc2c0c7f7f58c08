//! A small HTTP server whose answers and faults the test chooses. Not one that could be used anywhere else.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, ServerConfig, ServerConnection, StreamOwned};

/// A question as it came in.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    /// Of the address and of the form together.
    pub fields: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What becomes of it.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status, headers, body.
    Say(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Nothing, and the line stays open.
    Hang,
    /// The head of an answer, and then a byte now and then.
    Drip,
    /// Half an answer, and the line is cut.
    Cut,
    /// An answer that does not end.
    Endless,
}

impl Reply {
    pub fn json(body: impl Into<String>) -> Reply {
        Reply::Say(200, Vec::new(), body.into().into_bytes())
    }

    pub fn status(status: u16, body: &str) -> Reply {
        Reply::Say(status, Vec::new(), body.as_bytes().to_vec())
    }
}

/// What a server speaks with whoever calls: plainly, or encrypted.
type Speaks = dyn Fn(TcpStream, &Handler, &AtomicBool) + Send + Sync;
type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_at("127.0.0.1:0".parse().unwrap(), Arc::new(handler))
    }

    /// One that speaks TLS, with a certificate for 127.0.0.1 that only its maker trusts: that is the text, as PEM.
    pub fn encrypted(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Server, String) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = versions.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let config = Arc::new(config);
        let speaks = move |stream, handler: &Handler, stopped: &AtomicBool| {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            serve(StreamOwned::new(session, stream), handler, stopped);
        };
        let address = "127.0.0.1:0".parse().unwrap();
        (Server::speaking(address, Arc::new(handler), Arc::new(speaks)), made.cert.pem())
    }

    pub fn start_at(address: SocketAddr, handler: Arc<Handler>) -> Server {
        Server::speaking(address, handler, Arc::new(|stream, handler, stopped| serve(stream, handler, stopped)))
    }

    fn speaking(address: SocketAddr, handler: Arc<Handler>, speaks: Arc<Speaks>) -> Server {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Vec::new()));
        let (stopped, all) = (Arc::clone(&stop), Arc::clone(&open));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                all.lock().unwrap().push(stream.try_clone().unwrap());
                let (handler, speaks, stopped) = (Arc::clone(&handler), Arc::clone(&speaks), Arc::clone(&stopped));
                std::thread::spawn(move || speaks(stream, &*handler, &stopped));
            }
        });
        Server { address, stop, open, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a call.
        drop(TcpStream::connect(self.address));
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        let _ = self.thread.take().unwrap().join();
    }
}

fn serve(mut stream: impl Read + Write, handler: &Handler, stopped: &AtomicBool) {
    let Some(request) = read(&mut stream) else { return };
    let wait = || std::thread::sleep(Duration::from_millis(20));
    match handler(&request) {
        Reply::Say(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            let _ = stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(&body));
        }
        Reply::Hang => {
            while !stopped.load(Ordering::SeqCst) {
                wait();
            }
        }
        Reply::Drip => {
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 1000000\r\n\r\n");
            while !stopped.load(Ordering::SeqCst) && stream.write_all(b" ").is_ok() {
                wait();
            }
        }
        Reply::Cut => {
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\n{\"status\":");
        }
        Reply::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\n\r\n");
            while !stopped.load(Ordering::SeqCst) && stream.write_all(&[b' '; 65536]).is_ok() {}
        }
    }
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut request = Request { method, path: path.to_owned(), ..Request::default() };
    fields(query, &mut request.fields);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = request.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if request.headers.get("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        fields(&String::from_utf8(body.clone()).unwrap(), &mut request.fields);
    }
    request.body = body;
    Some(request)
}

fn fields(text: &str, into: &mut BTreeMap<String, String>) {
    for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
        into.insert(decoded(name), decoded(value));
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let hex = std::str::from_utf8(&rest[..2]).unwrap();
                rest = &rest[2..];
                u8::from_str_radix(hex, 16).unwrap()
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
