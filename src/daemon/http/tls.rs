//! Certificates: read at start, and again when their files change, so that renewing one needs no restart.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::shell::files::{self as shell, read_text};

/// Where a certificate and its key are, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by what vouches for it.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A certificate in use.
pub(super) struct Tls {
    files: TlsFiles,
    in_use: RwLock<(Texts, TlsAcceptor)>,
}

type Texts = (String, String);

impl Tls {
    /// Reads the files.
    pub(super) fn read(files: &TlsFiles) -> Result<Tls, String> {
        let texts = texts(files)?;
        let acceptor = acceptor(files, &texts)?;
        Ok(Tls { files: files.clone(), in_use: RwLock::new((texts, acceptor)) })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.in_use.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Reads the files again; whether they changed. The one in use stays when the new one is no good.
    pub(super) fn refresh(&self) -> Result<bool, String> {
        let texts = texts(&self.files)?;
        if self.in_use.read().unwrap_or_else(PoisonError::into_inner).0 == texts {
            return Ok(false);
        }
        let acceptor = acceptor(&self.files, &texts)?;
        *self.in_use.write().unwrap_or_else(PoisonError::into_inner) = (texts, acceptor);
        Ok(true)
    }
}

fn texts(from: &TlsFiles) -> Result<Texts, String> {
    let read = |path| read_text(path).map_err(|error| format!("cannot read `{}`: {error}", shell::shown(path)));
    Ok((read(&from.certificate)?, read(&from.key)?))
}

fn acceptor(files: &TlsFiles, (certificate, key): &Texts) -> Result<TlsAcceptor, String> {
    let place = |path: &PathBuf| format!("`{}`", shell::shown(path));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let chain = chain.map_err(|error| format!("{} is no certificate in PEM: {error}", place(&files.certificate)))?;
    if chain.is_empty() {
        return Err(format!("{} holds no certificate", place(&files.certificate)));
    }
    // The error of a key must not show any of it.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| format!("{} holds no key in PEM", place(&files.key)))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let config = versions.with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|error| {
        format!("{} and {} do not belong together: {error}", place(&files.certificate), place(&files.key))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::write;

    fn renewed(files: &TlsFiles) -> String {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        write::put(&files.certificate, made.cert.pem().as_bytes()).unwrap();
        write::put(&files.key, made.signing_key.serialize_pem().as_bytes()).unwrap();
        made.cert.pem()
    }

    #[test]
    fn a_renewed_certificate_comes_into_use_and_a_broken_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
        let first = renewed(&files);
        let tls = Tls::read(&files).unwrap();
        let in_use = || tls.in_use.read().unwrap().0.0.clone();
        assert_eq!(tls.refresh(), Ok(false));
        let second = renewed(&files);
        assert_eq!(tls.refresh(), Ok(true));
        assert_ne!(first, second);
        assert_eq!(in_use(), second);
        write::put(&files.certificate, b"half of one").unwrap();
        assert!(tls.refresh().is_err());
        assert_eq!(in_use(), second, "the one that worked is gone");
    }
}
