//! `[cell]`.

use crate::sample::{refuses, takes};

#[test]
fn the_shape_is_one_of_two_words() {
    refuses("\"open\"", "\"Open\"", "cell.network", "\"open\" or \"proxied\"");
    refuses("\"open\"", "true", "cell.network", "found a boolean");
    takes("\"open\"", "\"proxied\"");
}

#[test]
fn a_size_that_is_none_or_too_small_is_refused() {
    refuses("\"2GiB\"\ncpus", "\"2GB\"\ncpus", "cell.memory", "is not a size");
    refuses("\"2GiB\"\ncpus", "0\ncpus", "cell.memory", "a size of 0");
    refuses("\"2GiB\"\ncpus", "\"15MiB\"\ncpus", "cell.memory", "at least 16MiB");
    refuses("\"2GiB\"\ncpus", "-1\ncpus", "cell.memory", "expected a size");
    refuses("\"2GiB\"\ncpus", "1.5\ncpus", "cell.memory", "expected a size");
    refuses("\"2GiB\"\ncpus", "0xffff_ffff_ffff_ffff\ncpus", "cell.memory", "over 2^63-1");
    assert_eq!(takes("\"2GiB\"\ncpus", "0x8000_0000\ncpus").cell.memory.get(), 1 << 31);
}

#[test]
fn processor_time_is_a_positive_number() {
    for bad in ["0", "0.0", "-1.0", "nan", "inf", "1e9"] {
        refuses("= 2.0", &format!("= {bad}"), "cell.cpus", "is out of range");
    }
    refuses("= 2.0", "= \"2\"", "cell.cpus", "found a string");
    assert!((takes("= 2.0", "= 0.5").cell.cpus - 0.5).abs() < f64::EPSILON);
    assert!((takes("= 2.0", "= 4").cell.cpus - 4.0).abs() < f64::EPSILON);
}

#[test]
fn the_number_of_processes_is_what_the_kernel_can_count() {
    for bad in ["0", "-1", "4194305", "99999999999999999999"] {
        refuses("512", bad, "cell.pids", "is out of range");
    }
    refuses("512", "512.0", "cell.pids", "found a float");
    assert_eq!(takes("512", "4194304").cell.pids, 4_194_304);
}

#[test]
fn a_time_zone_is_a_name_of_the_tz_database_in_its_own_spelling() {
    refuses("\"UTC\"", "\"Europe/Viena\"", "cell.timezone", "did you mean \"Europe/Vienna\"?");
    refuses("\"UTC\"", "\"europe/vienna\"", "cell.timezone", "did you mean \"Europe/Vienna\"?");
    refuses("\"UTC\"", "2", "cell.timezone", "found an integer");
    for bad in ["", "..", "../../../sandbox/x", "/etc/localtime", ":UTC", "CET-1CEST", "Europe/Vienna\n", "posixrules"]
    {
        refuses("\"UTC\"", &format!("{bad:?}"), "cell.timezone", "is no time zone of the tz database");
    }
    assert_eq!(takes("\"UTC\"", "\"America/Argentina/Buenos_Aires\"").cell.timezone, "America/Argentina/Buenos_Aires");
    assert_eq!(takes("timezone  = \"UTC\"", "").cell.timezone, "UTC");
}

#[test]
fn the_cell_has_one_to_three_resolvers() {
    let dns = "[\"9.9.9.9\", \"149.112.112.112\"]";
    refuses(dns, "[]", "cell.dns", "an empty list");
    refuses(dns, "[\"1.1.1.1\",\"1.0.0.1\",\"8.8.8.8\",\"8.8.4.4\"]", "cell.dns", "list 1 to 3");
    refuses(dns, "[\"dns.quad9.net\"]", "cell.dns[1]", "is no IP address");
    refuses(dns, "\"9.9.9.9\"", "cell.dns", "a list in square brackets");
    assert_eq!(takes(dns, "[\"2620:fe::fe\"]").cell.dns.len(), 1);
}

#[test]
fn a_resolver_that_the_moat_denies_needs_a_hole() {
    let dns = "[\"9.9.9.9\", \"149.112.112.112\"]";
    refuses(dns, "[\"192.168.1.53\"]", "cell.dns[1]", "\"cell 192.168.1.53:53/udp\"");
    refuses(dns, "[\"127.0.0.11\"]", "cell.dns[1]", "loopback");
    refuses(dns, "[\"fd00::53\"]", "cell.dns[1]", "unique local");
    let dns_and_hole =
        |hole: &str| crate::sample::DESIGN.replace(dns, "[\"192.168.1.53\"]").replace("allow   = []", hole);
    assert!(crate::sample::parse(&dns_and_hole("allow = [\"cell 192.168.1.53:53/udp\"]")).is_ok());
    for other in [
        "cell 192.168.1.53:53/tcp",
        "cell 192.168.1.53:54/udp",
        "cell 192.168.1.54:53/udp",
        "egress 192.168.1.53:53/udp",
    ] {
        let error = crate::sample::parse(&dns_and_hole(&format!("allow = [{other:?}]"))).expect_err(other);
        assert_eq!(error.faults()[0].key, "cell.dns[1]");
    }
}

#[test]
fn the_container_has_a_name_that_docker_takes_and_no_other_service_has() {
    refuses("container = \"cell\"\nnetwork", "container = \"\"\nnetwork", "cell.container", "is no container name");
    refuses("container = \"cell\"\nnetwork", "container = \"-x\"\nnetwork", "cell.container", "is no container name");
    refuses("container = \"cell\"\nnetwork", "container = \"a b\"\nnetwork", "cell.container", "is no container name");
    refuses("container = \"cell\"\nnetwork", "container = \"vault\"\nnetwork", "cell.container", "another service");
    takes("container = \"cell\"\nnetwork", "container = \"agent_7\"\nnetwork");
}

#[test]
fn a_path_is_resolved_against_the_root_and_must_name_a_folder() {
    let path = |to: &str| ("\"sandbox_data\"".to_owned(), format!("{to:?}"));
    for (bad, words) in [
        ("", "is empty"),
        ("..", "'..'"),
        ("a/../b", "'..'"),
        ("/", "no folder of its own"),
        (".", "no folder of its own"),
        ("a\nb", "control characters"),
    ] {
        let (from, to) = path(bad);
        refuses(&from, &to, "cell.share.path", words);
    }
    for (good, whole) in [("data", "/srv/cellblock/data"), ("./a//b/.", "/srv/cellblock/a/b"), ("/data/x", "/data/x")] {
        let (from, to) = path(good);
        assert_eq!(takes(&from, &to).cell.share.path, std::path::Path::new(whole));
    }
}

#[test]
fn share_jail_and_audit_lie_side_by_side_and_do_not_hold_the_root() {
    refuses("path = \"jail\"", "path = \"sandbox_data/jail\"", "warden.jail.path", "lie within each other");
    refuses("path = \"jail\"", "path = \"sandbox_data\"", "warden.jail.path", "lie within each other");
    refuses("\"sandbox_data\"", "\"audit/share\"", "audit.directory", "lie within each other");
    for inside in ["audit/anchor", "audit.key/anchor"] {
        let anchored = format!("[audit]\nanchors = [{{ file = \"{inside}\" }}]");
        refuses("[audit]", &anchored, "audit.anchors", "in the record's own folder");
    }
    takes("path = \"jail\"", "path = \"sandbox_data_jail\"");
}

#[test]
fn a_share_that_holds_the_root_is_refused() {
    let text = crate::sample::DESIGN
        .replace("\"sandbox_data\"", "\"/srv/cellblock\"")
        .replace("\"jail\", size", "\"/jail\", size")
        .replace("\"audit\"", "\"/audit\"");
    let error = crate::sample::parse(&text).expect_err("must be refused");
    assert_eq!(error.faults().len(), 1, "{error}");
    assert!(error.faults()[0].problem.contains("holds the project root"), "{error}");
}

#[test]
fn the_share_has_a_bound() {
    refuses("\"4GiB\"", "\"1023KiB\"", "cell.share.size", "at least 1MiB");
    takes("\"4GiB\"", "\"1MiB\"");
}
