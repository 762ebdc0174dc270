//! What the gate opens the cell's TLS with: a certificate for each name, from an authority that lives no longer than it
//! takes to make them.
//!
//! The authority's own certificate may vouch for these names and for none below them, unless one below is listed too.
//! It may for no address, and for servers alone. The limits are critical (RFC 5280, 4.2.1.10), so a verifier that does
//! not know them refuses everything. No function here
//! returns its key, and so nobody can write it. What `rcgen` holds of a key is wiped; ring, which signs, wipes nothing,
//! so its copy is freed memory until this process ends.

use std::collections::BTreeSet;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use zeroize::{Zeroize, Zeroizing};

use super::make;

/// How long all of it is valid, in days: longer than a cellblock should be up without `scripts/up`, and no longer.
pub(super) const DAYS: u16 = 30;

/// An authority's certificate and all that it vouches for; its key is gone.
pub(super) struct Issued {
    /// The authority's certificate, PEM. No secret.
    pub(super) authority: String,
    /// One for each name, in their order.
    pub(super) leaves: Vec<Leaf>,
}

/// What the gate shows for one name.
pub(super) struct Leaf {
    pub(super) name: String,
    /// The leaf's certificate, as PEM.
    pub(super) certificate: String,
    /// Key and certificate in one file, PEM. A secret.
    pub(super) pair: Zeroizing<Vec<u8>>,
}

/// Makes an authority and what it vouches for, and wipes its key.
///
/// # Errors
/// If a key or a certificate could not be made, or there is no name.
pub(super) fn issue(names: &BTreeSet<&str>) -> anyhow::Result<Issued> {
    anyhow::ensure!(!names.is_empty(), "an authority for no name would vouch for all of them");
    let mut key = KeyPair::generate().context("the authority's key could not be made")?;
    let issued = issue_with(&key, names);
    key.zeroize();
    issued
}

fn issue_with(key: &KeyPair, names: &BTreeSet<&str>) -> anyhow::Result<Issued> {
    let params = authority(names)?;
    let certificate = params.self_signed(key).context("the authority's certificate could not be signed")?;
    let issuer = Issuer::from_params(&params, key);
    let leaves = names.iter().map(|name| leaf(name, &issuer)).collect::<anyhow::Result<_>>()?;
    Ok(Issued { authority: certificate.pem(), leaves })
}

fn authority(names: &BTreeSet<&str>) -> anyhow::Result<CertificateParams> {
    let mut params = dated("Cellblock, for what tls = inspect names")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned())).collect(),
        excluded_subtrees: excluded(names),
    });
    Ok(params)
}

/// What no constraint speaks of is free: addresses too. And a permitted name permits what is below it (RFC 5280,
/// 4.2.1.10). That is taken away again, but where a listed name is: what is excluded nothing permits again.
fn excluded(names: &BTreeSet<&str>) -> Vec<GeneralSubtree> {
    let addresses = [
        GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([0; 4], 0)),
        GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0; 16], 0)),
    ];
    // The dot is OpenSSL's way to say "below"; the RFC has none for DNS names. Node is the only one who is told to
    // trust.
    let below = names.iter().map(|name| format!(".{name}"));
    let free = below.filter(|below| !names.iter().any(|other| other.ends_with(below.as_str())));
    addresses.into_iter().chain(free.map(GeneralSubtree::DnsName)).collect()
}

fn leaf(name: &str, issuer: &Issuer<'_, &KeyPair>) -> anyhow::Result<Leaf> {
    let mut params = dated("Cellblock's gate")?;
    params.subject_alt_names = vec![SanType::DnsName(name.try_into().context("a name that no certificate can hold")?)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let mut key = KeyPair::generate().with_context(|| format!("no key could be made for {name}"))?;
    let signed = params.signed_by(&key, issuer).with_context(|| format!("the certificate for {name} was not signed"));
    let secret = Zeroizing::new(key.serialize_pem());
    key.zeroize();
    let certificate = signed?.pem();
    let mut pair = Zeroizing::new(Vec::with_capacity(secret.len() + certificate.len()));
    pair.extend_from_slice(secret.as_bytes());
    pair.extend_from_slice(certificate.as_bytes());
    Ok(Leaf { name: name.to_owned(), certificate, pair })
}

fn dated(subject: &str) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    make::valid_for(&mut params, DAYS)?;
    Ok(params)
}

#[cfg(test)]
mod tests;
