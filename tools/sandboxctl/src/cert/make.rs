//! Makes a key and a self-signed certificate for it: RSA-2048 and SHA-256, as the clients' pinning expects.

use std::net::IpAddr;

use anyhow::Context;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use policy::Policy;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, SanType,
    date_time_ymd,
};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use zeroize::Zeroizing;

use super::pair::Pair;

const BITS: usize = 2048;

/// A name that a certificate vouches for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// A host name (`dNSName`).
    Dns(&'static str),
    /// An address (`iPAddress`).
    Ip(IpAddr),
}

/// The names the vault is reached by: where it is published, loopback, and its own on the network.
pub(crate) fn names(policy: &Policy) -> Vec<Name> {
    let mut names = vec![
        Name::Dns("localhost"),
        Name::Dns("vault"),
        Name::Ip(IpAddr::from([127, 0, 0, 1])),
        Name::Ip(policy.vault.listen.ip()),
    ];
    names.sort();
    names.dedup();
    names
}

/// A new pair, valid from yesterday (a client's clock may be behind) for this many days.
///
/// # Errors
/// If the key or the certificate could not be made.
pub(crate) fn pair(names: &[Name], days: u16) -> anyhow::Result<Pair> {
    let secret = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, BITS).context("the RSA key could not be made")?;
    let der = secret.to_pkcs8_der().context("the RSA key could not be encoded")?;
    let pem = secret.to_pkcs8_pem(LineEnding::LF).context("the RSA key could not be encoded")?;
    let signer = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &PKCS_RSA_SHA256)
        .context("the RSA key can't sign")?;
    let certificate = parameters(names, days)?.self_signed(&signer).context("the certificate could not be signed")?;
    Pair::read(Zeroizing::new(pem.as_bytes().to_vec()), certificate.pem().into_bytes())
}

fn parameters(names: &[Name], days: u16) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "cellblock vault");
    params.subject_alt_names = names.iter().map(alternative).collect::<anyhow::Result<_>>()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    valid_for(&mut params, days)?;
    Ok(params)
}

/// From yesterday on, because a client's clock may be behind, for this many days.
pub(super) fn valid_for(params: &mut CertificateParams, days: u16) -> anyhow::Result<()> {
    let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
    let (year, month, day) = parts(today.checked_sub(1.day())?)?;
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = parts(today.checked_add(i64::from(days).days())?)?;
    params.not_after = date_time_ymd(year, month, day);
    Ok(())
}

fn alternative(name: &Name) -> anyhow::Result<SanType> {
    Ok(match name {
        Name::Dns(name) => SanType::DnsName((*name).try_into().context("a name that no certificate can hold")?),
        Name::Ip(ip) => SanType::IpAddress(*ip),
    })
}

fn parts(day: Date) -> anyhow::Result<(i32, u8, u8)> {
    Ok((day.year().into(), u8::try_from(day.month())?, u8::try_from(day.day())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pair_fits_is_valid_now_and_ends_when_it_was_told_to() {
        let now = jiff::Timestamp::now();
        let pair = pair(&[Name::Dns("localhost"), Name::Ip(IpAddr::from([127, 0, 0, 1]))], 40).unwrap();
        assert_eq!(pair.verdict(now), Ok(()));
        let days = pair.leaf.not_after.duration_since(now).as_hours() / 24;
        assert!((39..=40).contains(&days), "{days}");
        assert_eq!(pair.leaf.subject, pair.leaf.issuer);
    }

    #[test]
    fn a_pair_that_ends_soon_or_has_ended_is_told() {
        let now = jiff::Timestamp::now();
        let pair = pair(&[Name::Dns("localhost")], 10).unwrap();
        assert!(pair.verdict(now).unwrap_err().what.contains("it ends in"));
        let later = now + jiff::SignedDuration::from_hours(24 * 11);
        assert!(pair.verdict(later).unwrap_err().what.contains("it ended at"));
    }

    #[test]
    fn the_halves_of_two_pairs_do_not_fit() {
        let names = [Name::Dns("localhost")];
        let (one, two) = (pair(&names, 90).unwrap(), pair(&names, 90).unwrap());
        assert_ne!(one.leaf.sha256, two.leaf.sha256);
        let mixed = Pair::read(Zeroizing::new(one.key().to_vec()), two.certificate().to_vec()).unwrap();
        assert!(mixed.verdict(jiff::Timestamp::now()).unwrap_err().what.contains("not that of the key"));
    }
}
