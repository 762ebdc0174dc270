//! The records about certificates.

use std::collections::BTreeSet;
use std::path::Path;

use record::cellblock::Cell;
use record::fields::{Container, File, Hash, Tls, TlsServer};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::pair::{Leaf, Pair, Problem};
use super::store::Slot;
use crate::paths::leaf_file;

fn about(action: Action, message: String, leaf: &Leaf, slot: Slot) -> Record {
    named(action, message, leaf, slot.word())
}

fn named(action: Action, message: String, leaf: &Leaf, which: &str) -> Record {
    let mut record = Record::new(Provider::Sandboxctl, action, message);
    record.tls = Some(Tls {
        server: Some(TlsServer {
            hash: Some(Hash { sha256: Some(leaf.sha256.clone()) }),
            subject: Some(leaf.subject.clone()),
            issuer: Some(leaf.issuer.clone()),
            not_before: Some(leaf.not_before.to_string()),
            not_after: Some(leaf.not_after.to_string()),
        }),
        ..Tls::default()
    });
    record.own().cell = Some(Cell {
        pin: Some(pin(leaf)),
        spki_sha256: Some(leaf.spki_sha256.clone()),
        certificate: Some(which.to_owned()),
        ..Cell::default()
    });
    record
}

/// As the policy's `vault.pins`, `egress-check pin` and `openclaw --tls-fingerprint` take it.
pub(crate) fn pin(leaf: &Leaf) -> String {
    format!("sha256:{}", leaf.sha256)
}

pub(crate) fn created(pair: &Pair, slot: Slot) -> Record {
    let message = format!("The vault's {} certificate was made; its pin is {}.", slot.word(), pin(&pair.leaf));
    about(Action::CertificateCreated, message, &pair.leaf, slot).about(Category::Configuration, Type::Creation)
}

pub(crate) fn already_there(pair: &Pair, slot: Slot) -> Record {
    let message = format!("The vault has its {} certificate already; its pin is {}.", slot.word(), pin(&pair.leaf));
    about(Action::CertificateKept, message, &pair.leaf, slot).about(Category::Configuration, Type::Info)
}

pub(crate) fn renewed(pair: &Pair) -> Record {
    let message = format!("The vault's next certificate is the current one now; its pin is {}.", pin(&pair.leaf));
    about(Action::CertificateRenewed, message, &pair.leaf, Slot::Current)
        .about(Category::Configuration, Type::Change)
        .severity(Severity::Low)
}

pub(crate) fn shown(pair: &Pair, slot: Slot) -> Record {
    let message = format!("The pin of the vault's {} certificate is {}.", slot.word(), pin(&pair.leaf));
    about(Action::CertificateShown, message, &pair.leaf, slot)
        .kind(Kind::State)
        .about(Category::Configuration, Type::Info)
}

pub(crate) fn checked(pair: &Pair, slot: Slot, verdict: &Result<(), Problem>) -> Record {
    let mut record = shown(pair, slot);
    match verdict {
        Ok(()) => record.outcome(Outcome::Success),
        Err(problem) => {
            record.own().mend = Some(problem.mend.to_owned());
            record.outcome(Outcome::Failure).severity(Severity::Medium).reason(problem.what.clone())
        }
    }
}

pub(crate) fn delivered(pair: &Pair, container: &str) -> Record {
    let message = format!("Key and certificate were put into {container}; its pin is {}.", pin(&pair.leaf));
    let mut record = about(Action::CertificateDelivered, message, &pair.leaf, Slot::Current)
        .about(Category::Configuration, Type::Change);
    record.container = Some(Container::named(container));
    record.file = Some(File::at("/run/secrets/vault".as_ref()));
    record
}

/// Of medium severity: from now on the gate reads what these names are asked.
pub(super) fn authority(certificate: &Leaf, path: &Path, names: &BTreeSet<&str>) -> Record {
    let names = names.iter().copied().collect::<Vec<_>>().join(", ");
    let message = format!("The gate opens the cell's TLS to {names}; the authority's key is destroyed.");
    let mut record = named(Action::CertificateCreated, message, certificate, "authority")
        .about(Category::Configuration, Type::Creation)
        .severity(Severity::Medium);
    record.file = Some(File::at(path));
    record
}

pub(super) fn leaf(certificate: &Leaf, name: &str, container: &str) -> Record {
    let message =
        format!("Key and certificate for {name} were put into {container}, which opens the cell's TLS to it.");
    let mut record =
        named(Action::CertificateDelivered, message, certificate, "leaf").about(Category::Configuration, Type::Change);
    record.container = Some(Container::named(container));
    record.file = Some(File::at(format!("/run/secrets/{}", leaf_file(name)).as_ref()));
    record
}
