//! `--ca`: the chain behind a certificate, as a client that goes by authorities would verify it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};

use super::certificate::Shown;

/// Most of the file that is read: a whole system's authorities are a quarter of a MiB.
const MOST: u64 = 4 * 1024 * 1024;

/// Authorities that somebody trusts.
#[derive(Debug)]
pub(crate) struct Authorities(Arc<WebPkiServerVerifier>);

impl Authorities {
    /// The certificates in a PEM file.
    ///
    /// # Errors
    /// If the file cannot be read, or one of them is no authority's.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut text = Vec::new();
        let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        file.take(MOST).read_to_end(&mut text).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut roots = RootCertStore::empty();
        for (number, certificate) in CertificateDer::pem_slice_iter(&text).enumerate() {
            let place = || format!("{}, certificate {}", path.display(), number + 1);
            roots.add(certificate.map_err(|error| anyhow!("{error:?}")).with_context(place)?).with_context(place)?;
        }
        ensure!(
            !roots.is_empty(),
            "{} has no certificate in it; expected PEM, -----BEGIN CERTIFICATE-----",
            path.display()
        );
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self(verifier.build().with_context(|| path.display().to_string())?))
    }

    /// Does the chain lead to one of them, for this host, at this time? If not, why.
    ///
    /// # Errors
    /// The reason, in half a sentence.
    pub(crate) fn verify(&self, shown: &Shown, host: &str, now: i64) -> Result<(), String> {
        let Some((leaf, others)) = shown.chain.split_first() else { return Err("no certificate was shown".to_owned()) };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or_default()));
        self.0.verify_server_cert(leaf, others, &name, &[], now).map(drop).map_err(|error| spell(&error))
    }
}

/// The usual reasons in words of their own; the others as the library has them.
fn spell(error: &Error) -> String {
    let Error::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        // A bad signature: an authority of that name is there, and it was not this one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "none of the authorities signed it".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        other => other.to_string(),
    }
}
