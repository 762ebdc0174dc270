//! A volume can be a folder of the host, a disk, or somebody's file server under another name: the local
//! driver mounts whatever its options say. Such a volume is judged as what it is.

use std::path::PathBuf;

use engine::models::Volume;

use super::facts::Mounted;

/// Docker's own storage, or memory; nothing of the host. Two things mount a folder of the host, whatever the type says:
/// `bind` among the options (mount(8)), and a device that is a path.
fn is_plain(volume: &Volume) -> bool {
    let option = |name: &str| volume.options.get(name).map(String::as_str).unwrap_or_default();
    let bound = option("o").split(',').any(|word| matches!(word.trim(), "bind" | "rbind" | "move"));
    let memory = option("type") == "tmpfs" && !bound && !option("device").starts_with('/');
    volume.driver == "local" && (volume.options.is_empty() || memory)
}

/// Makes a mount tell what stands behind its volume.
pub(crate) fn unmask(mount: &mut Mounted, volume: &Volume) {
    if is_plain(volume) {
        return;
    }
    let device = volume.options.get("device").map_or_else(|| format!("driver {}", volume.driver), Clone::clone);
    let source = PathBuf::from(device);
    mount.kind = "bind".to_owned();
    mount.source = source.canonicalize().unwrap_or(source);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(driver: &str, options: &str) -> (String, String) {
        let json = format!(
            r#"{{"Name":"v","Driver":"{driver}","Mountpoint":"/m","Labels":null,"Scope":"local","Options":{options}}}"#
        );
        let volume: Volume = serde_json::from_str(&json).unwrap();
        let mut mount = Mounted {
            target: "/x".to_owned(),
            source: "/m".into(),
            kind: "volume".to_owned(),
            writable: true,
            propagation: String::new(),
            volume: Some("v".to_owned()),
        };
        unmask(&mut mount, &volume);
        (mount.kind, mount.source.display().to_string())
    }

    #[test]
    fn a_volume_is_what_its_options_mount() {
        let is = |kind: &str, source: &str| (kind.to_owned(), source.to_owned());
        assert_eq!(seen("local", "null"), is("volume", "/m"));
        assert_eq!(seen("local", r#"{"type":"tmpfs","device":"tmpfs","o":"size=1m"}"#), is("volume", "/m"));
        assert_eq!(seen("local", r#"{"type":"none","o":"bind","device":"/etc"}"#), is("bind", "/etc"));
        assert_eq!(seen("local", r#"{"type":"tmpfs","o":"bind","device":"/etc"}"#), is("bind", "/etc"));
        assert_eq!(seen("local", r#"{"type":"tmpfs","o":"size=1m, rbind","device":"tmpfs"}"#).0, "bind");
        assert_eq!(seen("local", r#"{"type":"tmpfs","device":"/etc"}"#), is("bind", "/etc"));
        assert_eq!(seen("local", r#"{"type":"nfs","o":"addr=192.168.1.10","device":":/all"}"#), is("bind", ":/all"));
        assert_eq!(seen("rclone", "{}"), is("bind", "driver rclone"));
    }
}
