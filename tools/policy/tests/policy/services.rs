//! `[warden]`, `[vault]`, `[audit]` and `[[waiver]]`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use policy::{Clamd, OnUnscanned};

use crate::sample::{refuses, refuses_more, takes, takes_more};

#[test]
fn durations_have_a_unit_and_a_range() {
    refuses("\"30s\"", "\"30\"", "warden.max_defer", "is not a duration");
    refuses("\"30s\"", "30", "warden.max_defer", "found an integer");
    refuses("\"30s\"", "\"0s\"", "warden.max_defer", "out of range");
    refuses("\"30s\"", "\"25h\"", "warden.max_defer", "write 1ms to 1d");
    refuses("\"15m\"", "\"999ms\"", "warden.rescan", "write 1s to 365d");
    refuses("\"90d\"", "\"23h\"", "audit.retain", "write 1d to 36500d");
    assert_eq!(takes("\"30s\"", "\"500ms\"").warden.max_defer, Duration::from_millis(500));
}

#[test]
fn clamd_listens_on_a_socket_or_on_an_address() {
    let clamd = "\"/run/clamav/clamd.sock\"";
    refuses(clamd, "\"clamd.sock\"", "warden.clamd", "is no path of a socket");
    refuses(clamd, "\"tcp://clamd:3310\"", "warden.clamd", "is no address and port");
    refuses(clamd, "\"tcp://127.0.0.1:0\"", "warden.clamd", "is no address and port");
    refuses(clamd, &format!("\"/{}\"", "x".repeat(107)), "warden.clamd", "is no path of a socket");
    let tcp = takes(clamd, "\"tcp://127.0.0.1:3310\"").warden.clamd;
    assert_eq!(tcp, Clamd::Tcp(([127, 0, 0, 1], 3310).into()));
}

#[test]
fn what_is_deferred_is_a_pattern_of_names_of_any_bytes() {
    refuses("[\"*.tmp\"]", "[\"a/*.tmp\"]", "warden.defer[1]", "is a path");
    refuses("[\"*.tmp\"]", "[\"*.{tmp\"]", "warden.defer[1]", "is no pattern");
    refuses("[\"*.tmp\"]", "[\"\"]", "warden.defer[1]", "is empty");
    let warden = takes("[\"*.tmp\"]", "[\"*.tmp\", \".~lock*\"]").warden;
    for (name, deferred) in [
        (&b"x.tmp"[..], true),
        (b"\xff\xfe.tmp", true),
        (b".~lock.x", true),
        (b"x.tmp.exe", false),
        (b"tmp", false),
        (b"a\n.tmp", true),
    ] {
        assert_eq!(warden.defers(OsStr::from_bytes(name)), deferred, "{name:?}");
    }
    assert!(!takes("[\"*.tmp\"]", "[]").warden.defers(OsStr::new("x.tmp")));
}

#[test]
fn what_is_not_scanned_is_reported_or_quarantined() {
    refuses("\"report\"", "\"ignore\"", "warden.on_unscanned", "\"report\" or \"quarantine\"");
    assert_eq!(takes("\"report\"", "\"quarantine\"").warden.on_unscanned, OnUnscanned::Quarantine);
}

#[test]
fn no_port_is_beyond_loopback() {
    for bad in ["0.0.0.0:8443", "192.168.1.2:8443", "[::]:8443", "100.101.102.103:8443"] {
        refuses("\"127.0.0.1:8443\"", &format!("{bad:?}"), "vault.listen", "beyond loopback");
        refuses("\"127.0.0.1:18789\"", &format!("{bad:?}"), "vault.upstream", "beyond loopback");
    }
    refuses("\"127.0.0.1:8443\"", "\"127.0.0.1:0\"", "vault.listen", "port 0");
    refuses("\"127.0.0.1:8443\"", "\"localhost:8443\"", "vault.listen", "is no address and port");
    refuses("\"127.0.0.1:8443\"", "\"127.0.0.1\"", "vault.listen", "is no address and port");
    takes("\"127.0.0.1:8443\"", "\"[::1]:8443\"");
}

#[test]
fn a_browser_comes_from_the_vaults_own_two_origins_and_from_those_that_are_listed() {
    let browsers = |origins: &str| {
        let policy = takes("pins     = []", &format!("pins = []\norigins = {origins}"));
        policy.vault.browsers().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(browsers("[]"), "https://127.0.0.1:8443 https://localhost:8443");
    assert_eq!(
        browsers("[\"https://box.example.ts.net\", \"https://localhost:8443\"]"),
        "https://127.0.0.1:8443 https://localhost:8443 https://box.example.ts.net"
    );
    for everybody in ["*", "null", "http://127.0.0.1:8443", "https://box.example.ts.net/"] {
        refuses("pins     = []", &format!("origins = [\"{everybody}\"]"), "vault.origins[1]", "as the browser does");
    }
}

#[test]
fn pins_are_current_and_next() {
    let pin = |byte: &str| format!("\"sha256:{}\"", byte.repeat(32));
    assert_eq!(takes("pins     = []", &format!("pins = [{}, {}]", pin("0a"), pin("FF"))).vault.pins.len(), 2);
    refuses("pins     = []", "pins = [\"0a\"]", "vault.pins[1]", "is not a pin");
    refuses("pins     = []", &format!("pins = [{}, {}]", pin("0a"), pin("0A")), "vault.pins", "listed twice");
}

#[test]
fn the_spool_has_a_bound() {
    refuses("spool = \"2GiB\"", "spool = \"1KiB\"", "audit.spool", "at least 1MiB");
    takes("spool = \"2GiB\"", "spool = \"1MiB\"");
}

#[test]
fn the_database_has_a_bound_of_its_own_and_an_older_policy_the_default() {
    assert_eq!(takes("spool = \"2GiB\"", "spool = \"1GiB\"").audit.database.get(), 2 << 30);
    assert_eq!(takes("spool = \"2GiB\"", "database = \"3GiB\"").audit.database.get(), 3 << 30);
    refuses("spool = \"2GiB\"", "database = \"1MiB\"", "audit.database", "at least 16MiB");
}

#[test]
fn records_are_kept_for_as_long_as_their_provider_s_time_or_that_of_all() {
    let with = |times: &str| format!("spool = \"2GiB\"\nretain_by = {times}");
    let taken = takes("spool = \"2GiB\"", &with("{ \"egress-proxy\" = \"30d\", auditdb = \"365d\" }")).audit.retain_by;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    assert_eq!(taken, [("auditdb".to_owned(), days(365)), ("egress-proxy".to_owned(), days(30))].into());
    assert!(takes("spool = \"2GiB\"", "spool = \"2GiB\"").audit.retain_by.is_empty());
    let refused = |times: &str, key: &str, why: &str| refuses("spool = \"2GiB\"", &with(times), key, why);
    refused("{ scanwatch = \"1h\" }", "audit.retain_by.scanwatch", "write 1d to 36500d");
    refused("{ scanwatch = 30 }", "audit.retain_by.scanwatch", "found an integer");
    refused("{ \"Egress Proxy\" = \"30d\" }", "audit.retain_by.\"Egress Proxy\"", "no name of a provider");
    refused("\"30d\"", "audit.retain_by", "a table");
}

#[test]
fn an_anchor_is_a_file_elsewhere_or_a_command_without_a_shell() {
    let with = |anchors: &str| format!("anchors = {anchors}");
    let both = "[{ file = \"/mnt/usb/anchors\" }, { command = [\"/usr/local/bin/anchor\", \"--to\", \"b c\"] }]";
    let command = vec!["/usr/local/bin/anchor".to_owned(), "--to".to_owned(), "b c".to_owned()];
    let taken = takes("spool = \"2GiB\"", &with(both)).audit.anchors;
    assert_eq!(taken, [policy::Anchor::File("/mnt/usb/anchors".into()), policy::Anchor::Command(command)]);
    for (odd, key, why) in [
        ("[{}]", "file", "a file or a command"),
        ("[{ file = \"/a\", command = [\"/b\"] }]", "file", "a file or a command"),
        ("[{ command = [] }]", "command", "an empty list"),
        ("[{ command = [\"anchor\"] }]", "command", "no list of plain words"),
    ] {
        refuses("spool = \"2GiB\"", &with(odd), &format!("audit.anchors[1].{key}"), why);
    }
}

#[test]
fn a_waiver_is_dated_and_justified() {
    refuses("until = 2027-01-31", "", "waiver[1].until", "is missing");
    refuses("2027-01-31", "\"2027-01-31\"", "waiver[1].until", "without quotes");
    refuses("2027-01-31", "2027-01-31T00:00:00Z", "waiver[1].until", "a date");
    refuses("reason = \"…\"", "reason = \" \"", "waiver[1].reason", "needs a reason");
    refuses("\"cis-docker-5.12\"", "\"CIS 5.12\"", "waiver[1].control", "is no control");
    let waiver = takes("reason = \"…\"", "reason = \"why not\"").waivers.remove(0);
    let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    assert!(waiver.holds_on(day("2027-01-31")) && !waiver.holds_on(day("2027-02-01")));
}

#[test]
fn a_deviation_is_waived_once_for_each_container() {
    let waiver = |container: &str| {
        format!(
            "[[waiver]]\ncontrol = \"cis-docker-5.12\"\ncontainer = {container:?}\nuntil = 2027-03-01\nreason = \"x\""
        )
    };
    refuses_more(&waiver("cell"), "waiver[2].control", "waived already");
    assert!(takes_more(&waiver("vault")).waiver("cis-docker-5.12", "vault").is_some());
}
