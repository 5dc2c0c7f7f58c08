//! A server that speaks TLS on a port of its own, with a certificate that only its maker trusts.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Server, free_port};

/// A server, in the clear and encrypted.
pub struct Encrypted {
    pub server: Server,
    /// Where it speaks TLS.
    pub port: u16,
    folder: TempDir,
}

impl Encrypted {
    pub fn start(arguments: &[&str]) -> Encrypted {
        let folder = TempDir::new().unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key) = (place("cert.pem"), place("key.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let port = free_port();
        let tls_port = port.to_string();
        let over_tls = ["--tls-port", &tls_port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
        let server = Server::with(&[arguments, &over_tls, &["--tls-auth-clients", "no"]].concat());
        Encrypted { server, port, folder }
    }

    /// Its certificate, which vouches for itself.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Where it speaks TLS.
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port)
    }
}
