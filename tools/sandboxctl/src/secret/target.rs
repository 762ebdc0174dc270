//! Where a secret would end up: in memory, or on a disk that remembers.

use std::collections::HashMap;
use std::path::Path;

/// A place in a container where something is mounted, and whether it is a tmpfs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) at: String,
    pub(crate) tmpfs: bool,
}

/// What Docker tells about the mounts of a container.
pub(crate) fn mounts(container: &engine::models::ContainerInspectResponse) -> Vec<Mount> {
    let tmpfs = container.host_config.as_ref().and_then(|config| config.tmpfs.as_ref());
    let plain = tmpfs.into_iter().flat_map(HashMap::keys).map(|at| Mount { at: at.clone(), tmpfs: true });
    let others = container.mounts.iter().flatten().filter_map(|mount| {
        let tmpfs = mount.typ.as_deref() == Some("tmpfs");
        Some(Mount { at: mount.destination.clone()?, tmpfs })
    });
    plain.chain(others).collect()
}

/// Is the innermost mount above this path a tmpfs? Without any it is the container's own layer: a disk.
pub(crate) fn is_in_memory(path: &str, mounts: &[Mount]) -> bool {
    let above = mounts.iter().filter(|mount| Path::new(path).starts_with(&mount.at));
    let depth = |mount: &&Mount| Path::new(&mount.at).components().count();
    // Two mounts at one place: the worse one counts.
    above.max_by_key(|mount| (depth(mount), !mount.tmpfs)).is_some_and(|mount| mount.tmpfs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(at: &str, tmpfs: bool) -> Mount {
        Mount { at: at.to_owned(), tmpfs }
    }

    #[test]
    fn the_innermost_mount_decides() {
        let path = "/run/secrets/token";
        for (mounts, in_memory) in [
            (vec![], false),
            (vec![mount("/run/secrets", true)], true),
            (vec![mount("/run", true)], true),
            (vec![mount("/run", true), mount("/run/secrets", false)], false),
            (vec![mount("/run", false), mount("/run/secrets", true)], true),
            (vec![mount("/run/secrets", true), mount("/run/secrets/token", false)], false),
            (vec![mount("/run/secrets", true), mount("/run/secrets", false)], false),
            (vec![mount("/run/sec", true)], false),
            (vec![mount("/", false)], false),
        ] {
            assert_eq!(is_in_memory(path, &mounts), in_memory, "{mounts:?}");
        }
    }
}
