//! Secrets: from standard input into the tmpfs of the one container that needs them, through an exec's
//! standard input. Never an argument, a variable, an image, a volume or a file of the host; `docker cp`
//! can't write into a tmpfs.

mod delivery;
mod header;
mod presence;
mod target;

use anyhow::bail;
use policy::{Policy, Service};
use record::cellblock::Cell;
use record::fields::{Container, File};
use record::{Action, Category, Provider, Record, Type};
use zeroize::Zeroizing;

pub(crate) use delivery::{Delivery, clear, deliver};
pub(crate) use presence::{Presence, all};

/// Checks where a secret is to go, has it `read`, and puts it there; the record of it.
///
/// # Errors
/// If the policy knows no such secret there, it is none, or it cannot be delivered.
pub(crate) fn put(
    policy: &Policy,
    name: &str,
    container: &str,
    read: impl FnOnce() -> anyhow::Result<Zeroizing<Vec<u8>>>,
) -> anyhow::Result<Record> {
    known(policy, name, container)?;
    let bytes = header::value(read()?)?;
    let delivery = Delivery { container, name, bytes: &bytes };
    engine::wait_for(async {
        let docker = engine::Engine::connect().await?;
        deliver(&docker, &delivery).await
    })?;
    Ok(delivered(&delivery))
}

/// Takes a secret out of the gate's memory. Its name needs to stand in the policy no more: that may be why it goes.
///
/// # Errors
/// If it is no name of a credential, or the gate does not answer.
pub(crate) fn drop_one(policy: &Policy, name: &str) -> anyhow::Result<Record> {
    let gate = policy.container(Service::Proxy);
    if !is_name(name) {
        bail!("'{name}' is no name of a credential: small letters, digits, - and _, and a letter or digit first");
    }
    let there = engine::wait_for(async {
        let docker = engine::Engine::connect().await?;
        delivery::drop_from(&docker, gate, name).await
    })?;
    Ok(dropped(name, gate, there))
}

/// As the gate knows them: nothing that leads out of the folder.
fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(inner) && name.bytes().all(|byte| inner(byte) || byte == b'-' || byte == b'_')
}

fn dropped(name: &str, container: &str, there: bool) -> Record {
    let message = if there {
        format!("The secret {name} was taken out of {container}.")
    } else {
        format!("{container} had no secret {name}; there was nothing to take out.")
    };
    about(Action::SecretDropped, name, container, message)
}

/// A name that no rule of the gate asks for is a slip of the pen: it would lie there unused.
fn known(policy: &Policy, name: &str, container: &str) -> anyhow::Result<()> {
    let names = presence::names(policy);
    let gate = policy.container(Service::Proxy);
    if !names.contains(&name) {
        let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        bail!(
            "no [[egress]] of {} has credential = \"{name}\"; those it has: {list}. \
             (The vault's key and certificate are delivered by: sandboxctl cert deliver)",
            policy.origin.display()
        );
    }
    if container != gate {
        bail!("'{name}' is the gate's: it goes to the container {gate} only, not to {container}");
    }
    Ok(())
}

fn delivered(delivery: &Delivery<'_>) -> Record {
    let message = format!("The secret {} was put into {}.", delivery.name, delivery.container);
    about(Action::SecretDelivered, delivery.name, delivery.container, message)
}

fn about(action: Action, name: &str, container: &str, message: String) -> Record {
    let mut record = Record::new(Provider::Sandboxctl, action, message).about(Category::Configuration, Type::Change);
    record.container = Some(Container::named(container));
    record.file = Some(File::at(delivery::path(name).as_ref()));
    record.own().cell = Some(Cell { secret: Some(name.to_owned()), ..Cell::default() });
    record
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn only_what_the_gate_takes_for_a_name_is_dropped() {
        for name in ["github-token", "a", "0_x"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "../vault", "vault/key.pem", ".x.new", "-f", "A", "a b"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
