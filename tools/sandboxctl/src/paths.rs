//! Where things are: folders and files that several commands name, from the policy.

use std::path::{Path, PathBuf};

use anyhow::Context;
use policy::{Egress, Policy};
use sha2::{Digest, Sha256};

/// Where the user's own signatures are: below the project root, as in a checkout of Cellblock.
pub(crate) fn signatures(policy: &Policy) -> PathBuf {
    policy.root.join("compose/images/warden/signatures")
}

/// Where a service sees the permit that the moat's keeper grants (`Policy::permit`).
pub(crate) const PERMIT: &str = "/run/cellblock/moat";

/// Where the keys are that stand behind the record: `audit.key` beside `audit`, as auditdb has it.
pub(crate) fn keys(policy: &Policy) -> PathBuf {
    let mut name = policy.audit.directory.clone().into_os_string();
    name.push(".key");
    name.into()
}

/// Where the certificate lies that the cell's Node trusts, as far as the gate opens TLS (`cert inspect`).
pub(crate) fn inspected(policy: &Policy) -> PathBuf {
    policy.rendered().join("inspect")
}

/// The certificate itself. It is there as long as the gate may hold keys that it vouches for.
pub(crate) fn authority(policy: &Policy) -> PathBuf {
    inspected(policy).join("ca.pem")
}

/// Where the cell sees that folder.
pub(crate) const AUTHORITY: &str = "/etc/cellblock/inspect";

/// The folder of keys and certificates that the gate opens TLS with, below `/run/secrets`.
pub(crate) const LEAVES: &str = Egress::LEAVES;

/// Where it has those of a name. A hash: a name may be longer than a file's.
pub(crate) fn leaf_file(name: &str) -> String {
    let digest = Sha256::digest(name);
    format!("{LEAVES}/{}.pem", hex::encode(digest.get(..8).unwrap_or_default()))
}

/// A path as text for another program's configuration.
pub(crate) fn as_text(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).with_context(|| {
        format!(
            "{}: a path that is not UTF-8 can't stand in a configuration; choose another in the policy",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_s_file_has_a_short_name_however_long_the_host_s_is() {
        let (long, short) = (leaf_file(&"a".repeat(253)), leaf_file("a.example"));
        assert!(long.len() == short.len() && long != short && long.starts_with("inspect/"));
    }
}
