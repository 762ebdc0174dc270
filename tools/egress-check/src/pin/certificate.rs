//! What a person asks of a certificate, read from its leaf.

use anyhow::{Context, Result, anyhow};
use policy::Pin;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// What a leaf certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// SHA-256 of the certificate.
    pub(crate) leaf: Pin,
    /// SHA-256 of its public key (SPKI).
    pub(crate) spki: Pin,
    /// The subject's distinguished name.
    pub(crate) subject: String,
    /// The issuer's distinguished name.
    pub(crate) issuer: String,
    /// The first second of its life, Unix time.
    pub(crate) not_before: i64,
    /// The last second of its life, Unix time.
    pub(crate) not_after: i64,
    /// The names and addresses in its SAN.
    pub(crate) names: Vec<String>,
    /// All that was shown, the leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

impl Shown {
    /// Is the leaf for this host, a name or an address (RFC 9525)? A leaf that webpki cannot read is for nobody.
    pub(super) fn is_for(&self, host: &str) -> bool {
        let leaf = self.chain.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        let name = ServerName::try_from(host.to_owned()).ok();
        leaf.zip(name).is_some_and(|(leaf, name)| verify_server_name(&leaf, &name).is_ok())
    }
}

/// Reads the leaf of a chain.
///
/// # Errors
/// If there is none, or it is no X.509 certificate.
pub(super) fn read(chain: &[CertificateDer<'_>]) -> Result<Shown> {
    let leaf = chain.first().context("no certificate was shown")?;
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|error| anyhow!("no X.509 certificate: {error}"))?;
    let san = certificate.subject_alternative_name().ok().flatten();
    let names = san.map(|san| san.value.general_names.iter().filter_map(name).collect()).unwrap_or_default();
    Ok(Shown {
        leaf: Pin(Sha256::digest(leaf).into()),
        spki: Pin(Sha256::digest(certificate.public_key().raw).into()),
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        names,
        chain: chain.iter().map(|one| one.clone().into_owned()).collect(),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|ip| std::net::Ipv6Addr::from(ip).to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_is_one_whole_label_and_an_address_is_none() {
        let is_for = |name: &str, host: &str| {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            read(&[made.cert.der().clone()]).unwrap().is_for(host)
        };
        assert!(is_for("*.example.com", "a.example.com") && is_for("Vault", "vault") && is_for("::1", "0:0::1"));
        assert!(!is_for("*.example.com", "a.b.example.com") && !is_for("*.example.com", "example.com"));
        assert!(!is_for("127.0.0.1", "127.0.0.2") && !is_for("*.0.0.1", "127.0.0.1"));
        assert!(!is_for("localhost", "") && !is_for("localhost", "no host"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(change in any::<u8>(), at in 0usize..600, cut in 0usize..600) {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
            let mut bytes = made.cert.der().to_vec();
            prop_assert_eq!(read(&[bytes.clone().into()]).unwrap().names, ["localhost", "127.0.0.1"]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = change;
            }
            let _ = read(&[bytes.clone().into()]);
            bytes.truncate(cut);
            let _ = read(&[bytes.into()]);
        }
    }
}
