//! Who listens inside, by name, port and device; and the same container without.

use super::super::listening::Listening;
use super::*;

const TCP: &str = "0: 00000000:PORT 00000000:0000 0A x";
const UDP: &str = "0: 00000000:PORT 00000000:0000 07 x";
const LO: &str = "    lo: 0 0\n  eth0: 0 0\n";

fn judged(id: &str, listening: Result<Listening, String>, mode: &str) -> Verdict {
    let mut subject = subject("stranger", &sound(), &able());
    subject.facts.listening = Some(listening);
    subject.facts.host.network_mode = Some(mode.to_owned());
    (control(id).judge)(&subject)
}

#[test]
fn a_server_for_remote_access_is_found_by_name_port_or_device() {
    let port = |table: &str, hex: &str| table.replace("PORT", hex);
    for (id, listening, said) in [
        ("cis-docker-5.7", Listening::of("", "", LO, &["sshd"]), "sshd"),
        ("cis-docker-5.7", Listening::of(&port(TCP, "0016"), "", LO, &["x"]), "0.0.0.0:22/tcp"),
        ("cellblock-tunnels", Listening::of("", "", LO, &["tailscaled"]), "tailscaled"),
        ("cellblock-tunnels", Listening::of("", &port(UDP, "CA6C"), LO, &[]), "0.0.0.0:51820/udp"),
        ("cellblock-tunnels", Listening::of("", "", "  wg0: 0", &[]), "the device wg0"),
        ("cis-docker-5.9", Listening::of(&port(TCP, "0947"), "", LO, &[]), "0.0.0.0:2375/tcp"),
    ] {
        let Verdict::Fail { found, .. } = judged(id, Ok(listening), "sealed") else { panic!("{id} {said}") };
        assert_eq!(found, said, "{id}");
    }
}

#[test]
fn a_port_that_is_open_at_every_address_makes_no_endless_line() {
    let lines: String = (1..=200).map(|last| format!("0: {last:02X}00007F:0016 00000000:0000 0A x\n")).collect();
    let verdict = judged("cis-docker-5.7", Ok(Listening::of(&lines, "", LO, &[])), "sealed");
    let Verdict::Fail { found, .. } = verdict else { panic!("{verdict:?}") };
    assert!(found.ends_with(", 190 more") && found.len() < 400, "{found}");
}

#[test]
fn others_that_listen_are_nobody_s_business_and_the_host_s_own_are_not_the_container_s() {
    let harmless =
        Listening::of(&TCP.replace("PORT", "4965"), &UDP.replace("PORT", "0035"), "  tunl: 0\n  wgx: 0", &["node"]);
    let hosts = Listening::of(&TCP.replace("PORT", "0016"), &UDP.replace("PORT", "A2A9"), "  tailscale0: 0", &["node"]);
    for id in ["cis-docker-5.7", "cellblock-tunnels", "cis-docker-5.9"] {
        assert!(matches!(judged(id, Ok(harmless.clone()), "sealed"), Verdict::Pass { .. }), "{id}");
        assert!(matches!(judged(id, Ok(hosts.clone()), "host"), Verdict::Pass { .. }), "{id}");
        let mut beside = subject("stranger", &sound(), &able());
        beside.facts.listening = Some(Ok(Listening::of("", "", LO, &["sshd", "tailscaled"])));
        beside.facts.host.pid_mode = Some("host".to_owned());
        assert!(matches!((control(id).judge)(&beside), Verdict::Pass { .. }), "{id}");
        assert!(matches!(judged(id, Err("gone".to_owned()), "sealed"), Verdict::Unknown { .. }), "{id}");
        // With the host's network too, nothing of its own can be told apart.
        beside.facts.host.network_mode = Some("host".to_owned());
        assert!(matches!((control(id).judge)(&beside), Verdict::Unknown { .. }), "{id}");
    }
}
