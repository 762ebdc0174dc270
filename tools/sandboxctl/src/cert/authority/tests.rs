//! Held against a verifier that is none of ours: OpenSSL's.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rcgen::{CertificateParams, Issuer, KeyPair, SanType};

use super::{authority, issue, issue_with};

const NAMES: [&str; 2] = ["api.example.com", "docs.example.org"];

fn names() -> BTreeSet<&'static str> {
    NAMES.into()
}

/// What `openssl verify` says of a certificate that should be for this name, under that authority.
fn verify(folder: &Path, authority: &str, certificate: &str, asked: &[&str]) -> (bool, String) {
    let (ca, leaf) = (folder.join("ca.pem"), folder.join("leaf.pem"));
    fs::write(&ca, authority).unwrap();
    fs::write(&leaf, certificate).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath", "-CAfile"]).arg(&ca).args(asked);
    let said = openssl.arg(&leaf).output().unwrap();
    (
        said.status.success(),
        format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr)),
    )
}

fn shown(certificate: &str) -> String {
    let mut openssl = Command::new("openssl");
    let child = openssl.args(["x509", "-noout", "-text"]).stdin(std::process::Stdio::piped());
    let mut child = child.stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), certificate.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn each_listed_name_has_a_certificate_that_openssl_takes_for_it_and_for_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let issued = issue(&names()).unwrap();
    assert_eq!(issued.leaves.iter().map(|leaf| leaf.name.as_str()).collect::<Vec<_>>(), NAMES);
    for leaf in &issued.leaves {
        let own = verify(folder.path(), &issued.authority, &leaf.certificate, &["-verify_hostname", &leaf.name]);
        assert!(own.0, "{}", own.1);
        let other = NAMES.into_iter().find(|name| *name != leaf.name).unwrap();
        assert!(!verify(folder.path(), &issued.authority, &leaf.certificate, &["-verify_hostname", other]).0);
    }
}

/// The key of the authority is at hand here alone: what a thief could do with it.
#[test]
fn for_any_other_name_or_address_the_authority_s_own_signature_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let issued = issue_with(&key, &names()).unwrap();
    let params = authority(&names()).unwrap();
    let issuer = Issuer::from_params(&params, &key);
    let forged = |alternative: SanType| {
        let mut forged = CertificateParams::default();
        forged.distinguished_name = rcgen::DistinguishedName::new();
        forged.distinguished_name.push(rcgen::DnType::CommonName, "forged");
        forged.subject_alt_names = vec![alternative];
        forged.use_authority_key_identifier_extension = true;
        forged.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().pem()
    };
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let control = verify(folder.path(), &issued.authority, &forged(dns("api.example.com")), &[]);
    assert!(control.0, "the control, for a listed name: {}", control.1);
    for alternative in [
        dns("bank.example.net"),
        dns("example.com"),
        dns("notapi.example.com"),
        dns("x.api.example.com"),
        dns("*.api.example.com"),
        SanType::IpAddress([192, 168, 1, 1].into()),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
    ] {
        let (taken, said) = verify(folder.path(), &issued.authority, &forged(alternative.clone()), &[]);
        assert!(!taken && said.contains("subtree violation"), "{alternative:?}: {said}");
    }
}

/// A name that is listed below another takes that one's limit away: what lies below may then be vouched for.
#[test]
fn a_listed_name_below_another_has_its_certificate_too() {
    let folder = tempfile::tempdir().unwrap();
    let issued = issue(&["example.com", "api.example.com", "v2.api.example.com"].into()).unwrap();
    for leaf in &issued.leaves {
        let own = verify(folder.path(), &issued.authority, &leaf.certificate, &["-verify_hostname", &leaf.name]);
        assert!(own.0, "{}: {}", leaf.name, own.1);
    }
    let excluded = shown(&issued.authority);
    let excluded = excluded.split("Excluded:").nth(1).unwrap();
    assert!(excluded.contains("DNS:.v2.api.example.com") && !excluded.contains("DNS:.api"), "{excluded}");
}

#[test]
fn the_authority_s_limits_are_critical_and_it_makes_no_authority_below_it() {
    let text = shown(&issue(&names()).unwrap().authority);
    let (_, limits) = text.split_once("X509v3 Name Constraints: critical").unwrap_or_else(|| panic!("{text}"));
    let permitted = limits.split("Excluded:").next().unwrap();
    assert_eq!(permitted.matches("DNS:").count(), 2, "{text}");
    assert!(NAMES.iter().all(|name| permitted.contains(&format!("DNS:{name}"))), "{text}");
    assert!(text.contains("CA:TRUE, pathlen:0") && text.contains("TLS Web Server Authentication"), "{text}");
}

#[test]
fn an_authority_for_no_name_is_never_made() {
    assert!(issue(&BTreeSet::new()).is_err());
}

#[test]
fn two_runs_share_no_key_and_what_is_handed_out_holds_none_of_the_authority_s() {
    let (one, two) = (issue(&names()).unwrap(), issue(&names()).unwrap());
    assert_ne!(one.authority, two.authority);
    assert!(!one.authority.contains("PRIVATE KEY"));
    for leaf in &one.leaves {
        let pair = String::from_utf8(leaf.pair.to_vec()).unwrap();
        assert_eq!(pair.matches("BEGIN PRIVATE KEY").count(), 1);
        let key = KeyPair::from_pem(pair.split("-----BEGIN CERT").next().unwrap()).unwrap();
        let spki = |pem: &str| super::super::pair::read_certificate(pem).unwrap().spki_sha256;
        let made = CertificateParams::new(vec!["x.example".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        assert_eq!(spki(&made), spki(&leaf.certificate), "the key is the leaf's");
        assert_ne!(spki(&made), spki(&one.authority), "and not the authority's");
    }
}
