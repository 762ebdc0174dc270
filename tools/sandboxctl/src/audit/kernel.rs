//! What the kernel has mounted in a container, set beside what Docker was told. Docker knows names; a volume with the
//! right options, a rename or a mount over a folder make them mean something else. Pure but for [`Kernel::look`].

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::Process;
use engine::mountinfo::{KernelMount, at, parse};

use super::facts::Mounted;
use super::mountinfo::{HostMounts, Table};

/// Files that Docker itself gives every container, out of its own folder.
const DOCKERS: [&str; 4] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/dev/shm"];

/// The mounts of one running container, and those of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kernel {
    pub(crate) mounts: Vec<KernelMount>,
    host: Arc<Table>,
}

impl Kernel {
    /// Reads both, its own first: what the host has at that time is found where it comes from.
    ///
    /// # Errors
    /// Why not: then the audit knows nothing of the mounts.
    pub(crate) fn look(first: &Process, host: &HostMounts) -> anyhow::Result<Self> {
        let mounts = parse(&first.read("mountinfo")?);
        Ok(Self { mounts, host: host.now()? })
    }

    /// Reads the texts of both lists: the container's and the host's.
    #[cfg(test)]
    pub(crate) fn of(mounts: &str, host: &str) -> Self {
        Self { mounts: parse(mounts), host: Arc::new(Table::of(host)) }
    }

    /// What is mounted of the host's, with the declared name where that is what the kernel has.
    pub(crate) fn settle(&self, declared: &[Mounted]) -> Vec<Mounted> {
        let of_host = self.mounts.iter().filter(|mount| self.is_foreign(mount));
        let mut settled: Vec<Mounted> = of_host.map(|mount| self.one(mount, declared)).collect();
        let own = declared.iter().filter(|mount| mount.kind == "tmpfs" && !self.has_at(&mount.target));
        settled.extend(own.cloned());
        let whole = settled.clone();
        settled.retain(|mount| !is_part(mount, &whole, declared));
        settled
    }

    /// The kernel's mount at this place of the container, the one on top.
    pub(crate) fn at(&self, target: &str) -> Option<&KernelMount> {
        at(&self.mounts, target)
    }

    fn has_at(&self, target: &str) -> bool {
        self.at(target).is_some_and(|mount| self.is_foreign(mount))
    }

    /// Does it lead out of the container? Its own root, memory, control groups and what Docker gives everybody do not.
    fn is_foreign(&self, mount: &KernelMount) -> bool {
        let dockers = || {
            let target = DOCKERS.iter().any(|target| mount.target == Path::new(target));
            target && self.host.places(mount).iter().any(|place| is_docker_s(place))
        };
        mount.target != Path::new("/")
            && !mount.target.starts_with("/sys/fs/cgroup")
            && self.host.has(mount)
            && !dockers()
    }

    fn one(&self, mount: &KernelMount, declared: &[Mounted]) -> Mounted {
        let places = self.host.places(mount);
        let target = mount.target.display().to_string();
        let said = declared.iter().find(|said| said.target == target);
        let elsewhere = places.iter().find(|place| said.is_none_or(|said| **place != said.source));
        let hidden = || PathBuf::from(format!("{} of device {}", mount.root.display(), mount.device));
        let writable = !mount.has("ro");
        match said {
            // A volume must be Docker's own folder and nothing else; a folder must be the one that was named.
            Some(said) if said.kind == "volume" && elsewhere.is_none() && !places.is_empty() => {
                Mounted { writable, ..said.clone() }
            }
            Some(said) if said.kind == "bind" && places.contains(&said.source) => Mounted { writable, ..said.clone() },
            // An editor replaced the file of a read-only bind mount. The policy's label tells whether its content is
            // still right.
            Some(said) if said.kind == "bind" && !writable && places.iter().any(|place| was(place, &said.source)) => {
                Mounted { writable, ..said.clone() }
            }
            _ => Mounted {
                source: elsewhere.cloned().unwrap_or_else(hidden),
                kind: "bind".to_owned(),
                writable,
                propagation: said.map(|said| said.propagation.clone()).unwrap_or_default(),
                volume: said.and_then(|said| said.volume.clone()),
                target,
            },
        }
    }
}

/// Is this what was once under that name? The kernel marks what has none any more (proc(5), "mountinfo"). The moat's
/// permit is put aside when the moat does not hold, which is another finding than this.
fn was(place: &Path, name: &Path) -> bool {
    let put_aside = name.starts_with(policy::PERMITS) && place == policy::put_aside(name);
    put_aside
        || place.as_os_str().as_encoded_bytes().strip_suffix(b"//deleted") == Some(name.as_os_str().as_encoded_bytes())
}

/// A mount that came along with a folder that was asked for says nothing new.
fn is_part(mount: &Mounted, settled: &[Mounted], declared: &[Mounted]) -> bool {
    let above = |other: &&Mounted| {
        mount.target != other.target
            && Path::new(&mount.target).starts_with(&other.target)
            && mount.source.starts_with(&other.source)
    };
    !declared.iter().any(|said| said.target == mount.target) && settled.iter().any(|other| above(&other))
}

/// `…/containers/<64 hex digits>/hosts` and its like.
fn is_docker_s(place: &Path) -> bool {
    let mut parts = place.iter().rev().filter_map(|part| part.to_str()).skip_while(|part| part.len() != 64);
    let id = parts.next().is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    id && parts.next() == Some("containers")
}

/// The file behind a loop device (`/sys/dev/block`); nothing where it is none.
pub(crate) fn backing_file(device: &str) -> Option<PathBuf> {
    let told = fs::read_to_string(format!("/sys/dev/block/{device}/loop/backing_file")).ok()?;
    Some(PathBuf::from(told.trim_end()))
}

/// Is an engine's socket at or below this path of the host's? `known` are such sockets; a socket is the same by device
/// and inode, whatever it is called.
pub(crate) fn leads_to(source: &Path, known: &[PathBuf]) -> bool {
    let same = |socket: &Path| match (fs::symlink_metadata(source), fs::metadata(socket)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    };
    known.iter().any(|socket| {
        let real = socket.canonicalize().unwrap_or_else(|_| socket.clone());
        socket.starts_with(source) || real.starts_with(source) || same(socket)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "\
21 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
22 21 0:20 / /run rw,nosuid - tmpfs tmpfs rw
23 21 0:20 / /var/lib/docker/volumes/v/_data rw - tmpfs tmpfs rw
25 21 0:44 / /var/lib/docker/volumes/w/_data rw - tmpfs tmpfs rw
24 21 7:0 / /srv/share rw,nosuid,nodev - ext4 /dev/loop0 rw
";

    fn mounted(kind: &str, target: &str, source: &str) -> Mounted {
        let (kind, volume) = (kind.to_owned(), (kind == "volume").then(|| "v".to_owned()));
        Mounted {
            target: target.to_owned(),
            source: source.into(),
            kind,
            writable: true,
            propagation: String::new(),
            volume,
        }
    }

    fn settled(mounts: &str, declared: &[Mounted]) -> Vec<(String, String, String)> {
        let kernel = Kernel::of(mounts, HOST);
        let shown = |it: Mounted| (it.kind, it.target, it.source.display().to_string());
        kernel.settle(declared).into_iter().map(shown).collect()
    }

    fn row(kind: &str, target: &str, source: &str) -> (String, String, String) {
        (kind.to_owned(), target.to_owned(), source.to_owned())
    }

    #[test]
    fn a_volume_that_is_a_folder_of_the_host_is_that_folder() {
        let volume = mounted("volume", "/data", "/var/lib/docker/volumes/v/_data");
        let mounts = "1 2 0:20 / /data rw - tmpfs tmpfs rw";
        assert_eq!(settled(mounts, &[volume]), [row("bind", "/data", "/run")]);
        let memory = mounted("volume", "/data", "/var/lib/docker/volumes/w/_data");
        let mounts = "1 2 0:44 / /data rw - tmpfs tmpfs rw";
        assert_eq!(settled(mounts, &[memory]), [row("volume", "/data", "/var/lib/docker/volumes/w/_data")]);
    }

    #[test]
    fn a_share_that_is_hidden_by_its_own_file_system_is_not_the_share() {
        let share = mounted("bind", "/sandbox", "/srv/share/sandbox");
        let right = "1 2 7:0 /sandbox /sandbox rw,nosuid,nodev - ext4 /dev/loop0 rw";
        assert_eq!(settled(right, std::slice::from_ref(&share)), [row("bind", "/sandbox", "/srv/share/sandbox")]);
        let wrong = "1 2 254:0 /srv/share/sandbox /sandbox rw - ext4 /dev/vda rw";
        assert_eq!(
            settled(wrong, std::slice::from_ref(&share)),
            [row("bind", "/sandbox", "/srv/share/sandbox of device 254:0")]
        );
        assert_eq!(settled("", &[share]), [], "what was asked for and is not there is not there");
    }

    #[test]
    fn a_file_that_was_replaced_is_still_the_one_that_was_named_as_long_as_it_is_only_read() {
        let mut policy = mounted("bind", "/etc/policy", "/srv/policy.toml");
        policy.writable = false;
        let read = "1 2 254:0 /srv/policy.toml//deleted /etc/policy ro - ext4 /dev/vda rw";
        assert_eq!(settled(read, std::slice::from_ref(&policy)), [row("bind", "/etc/policy", "/srv/policy.toml")]);
        let written = "1 2 254:0 /srv/policy.toml//deleted /etc/policy rw - ext4 /dev/vda rw";
        assert_ne!(settled(written, &[policy]), [row("bind", "/etc/policy", "/srv/policy.toml")]);
    }

    #[test]
    fn the_permit_that_was_put_aside_is_the_one_that_was_named_and_no_other_file_is() {
        for (name, root, is_it) in
            [("/run/cellblock/0a/moat", "0:20 /cellblock/0a/moat", true), ("/srv/moat", "254:0 /srv/moat", false)]
        {
            let mut permit = mounted("bind", "/run/permit", name);
            permit.writable = false;
            let aside = format!("1 2 {root}.withdrawn /run/permit ro - ext4 /dev/vda rw");
            assert_eq!(settled(&aside, &[permit]) == [row("bind", "/run/permit", name)], is_it, "{name}");
        }
    }

    #[test]
    fn what_docker_was_not_told_of_is_told_and_what_it_gives_everybody_is_not() {
        let id = "ab".repeat(32);
        let hosts = format!("1 2 254:0 /var/lib/docker/containers/{id}/hosts /etc/hosts rw - ext4 /dev/vda rw\n");
        let own = "3 2 0:61 / / rw - overlay overlay rw\n4 2 0:62 / /proc rw - proc proc rw\n5 2 0:63 / /tmp rw - tmpfs t rw\n";
        let moved = "6 2 254:0 /etc /opt/conf ro - ext4 /dev/vda rw\n";
        let found = settled(&format!("{hosts}{own}{moved}"), &[]);
        assert_eq!(found, [row("bind", "/opt/conf", "/etc")]);
        let forged = "1 2 254:0 /root/.ssh /etc/hosts rw - ext4 /dev/vda rw";
        assert_eq!(settled(forged, &[]), [row("bind", "/etc/hosts", "/root/.ssh")]);
    }

    #[test]
    fn mounts_that_come_with_a_folder_are_not_told_beside_it() {
        let all = mounted("bind", "/host", "/");
        let mounts = "1 2 254:0 / /host rw - ext4 /dev/vda rw\n2 1 0:20 / /host/run rw - tmpfs tmpfs rw";
        assert_eq!(settled(mounts, &[all]), [row("bind", "/host", "/")]);
    }

    #[test]
    fn a_socket_is_found_in_the_folder_above_it_and_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let known = [socket.clone()];
        assert!(leads_to(folder.path(), &known) && leads_to(&socket, &known));
        let other = folder.path().join("innocent");
        fs::hard_link(&socket, &other).unwrap();
        assert!(leads_to(&other, &known));
        assert!(!leads_to(Path::new("/usr"), &known));
    }
}
