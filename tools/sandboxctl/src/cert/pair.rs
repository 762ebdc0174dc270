//! A key and its certificate, read back from PEM, and what can be wrong with them.

use anyhow::{Context, bail};
use jiff::Timestamp;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, Pem, X509Certificate};
use zeroize::Zeroizing;

/// Both halves as PEM, with what the certificate says. The key is wiped from memory when this goes.
pub(crate) struct Pair {
    key: Zeroizing<Vec<u8>>,
    certificate: Vec<u8>,
    /// What is read off the certificate.
    pub(crate) leaf: Leaf,
    fits: bool,
}

/// What is read off a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// SHA-256 of the DER, 64 hex digits: what clients pin.
    pub(crate) sha256: String,
    /// SHA-256 of the public key (SPKI), 64 hex digits.
    pub(crate) spki_sha256: String,
    /// The subject's distinguished name.
    pub(crate) subject: String,
    /// The issuer's distinguished name.
    pub(crate) issuer: String,
    /// The first second of its validity.
    pub(crate) not_before: Timestamp,
    /// The last second of its validity.
    pub(crate) not_after: Timestamp,
}

/// What is wrong with a pair, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) what: String,
    pub(crate) mend: &'static str,
}

/// A certificate is replaced before it ends, so that new pins can be handed out in time.
const DAYS_OF_WARNING: i64 = 30;

impl Pair {
    /// Reads both halves.
    ///
    /// # Errors
    /// If one of them is not what it should be. No byte of the key is in the error.
    pub(crate) fn read(key: Zeroizing<Vec<u8>>, certificate: Vec<u8>) -> anyhow::Result<Self> {
        let text = std::str::from_utf8(&key).ok().context("the key is no PEM")?;
        let private = RsaPrivateKey::from_pkcs8_pem(text).ok().context("the key is no RSA key in PKCS #8 PEM")?;
        let (_, pem) = x509_parser::pem::parse_x509_pem(&certificate).ok().context("the certificate is no PEM")?;
        let (leaf, spki) = leaf(&pem)?;
        let public = private.to_public_key().to_public_key_der().context("the key has no public half")?;
        Ok(Self { fits: public.as_bytes() == spki, key, certificate, leaf })
    }

    /// The key as PEM. A secret.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The certificate as PEM.
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Sound at this time?
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn verdict(&self, now: Timestamp) -> Result<(), Problem> {
        let problem = |what: String, mend| Err(Problem { what, mend });
        let leaf = &self.leaf;
        let renew = "sandboxctl cert create --renew, then cert deliver";
        if !self.fits {
            return problem("the certificate is not that of the key".to_owned(), renew);
        }
        if now < leaf.not_before {
            return problem(format!("it is not valid before {}", leaf.not_before), "set the clock");
        }
        if now > leaf.not_after {
            return problem(format!("it ended at {}", leaf.not_after), renew);
        }
        let days = leaf.not_after.duration_since(now).as_hours() / 24;
        if days < DAYS_OF_WARNING {
            let mend = "sandboxctl cert create --next, hand out its pin, then cert create --renew and cert deliver";
            return problem(format!("it ends in {days} days"), mend);
        }
        Ok(())
    }
}

/// What a certificate says.
///
/// # Errors
/// If it is none.
pub(super) fn read_certificate(text: &str) -> anyhow::Result<Leaf> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(text.as_bytes()).ok().context("the certificate is no PEM")?;
    Ok(leaf(&pem)?.0)
}

fn leaf(pem: &Pem) -> anyhow::Result<(Leaf, Vec<u8>)> {
    let (rest, certificate) =
        X509Certificate::from_der(&pem.contents).ok().context("the certificate is no X.509 certificate")?;
    if !rest.is_empty() {
        bail!("{} bytes follow the certificate in its PEM", rest.len());
    }
    let time = |seconds| Timestamp::from_second(seconds).context("the certificate's time is out of range");
    let spki = certificate.public_key().raw;
    let leaf = Leaf {
        sha256: hex::encode(Sha256::digest(&pem.contents)),
        spki_sha256: hex::encode(Sha256::digest(spki)),
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: time(certificate.validity().not_before.timestamp())?,
        not_after: time(certificate.validity().not_after.timestamp())?,
    };
    Ok((leaf, spki.to_vec()))
}
