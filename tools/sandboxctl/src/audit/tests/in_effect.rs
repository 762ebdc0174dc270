//! What the kernel enforces beside what somebody asked of Docker.

use super::super::in_force::InForce;
use super::super::process::parse;
use super::*;

/// A `status` with these words in it.
fn status(capabilities: &str, privileges: &str, filter: &str) -> String {
    let sets: String = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        .iter()
        .map(|name| format!("{name}:\t{}\n", if *name == "CapBnd" { capabilities } else { "0" }))
        .collect();
    format!("Name:\tsh\nPPid:\t1\n{sets}NoNewPrivs:\t{privileges}\nSeccomp:\t{filter}\n")
}

fn judged(id: &str, name: &str, statuses: &[String]) -> Verdict {
    let mut subject = subject(name, &sound(), &able());
    subject.facts.processes = Some(Ok(statuses.iter().map(|text| parse(7, text).unwrap()).collect()));
    (control(id).judge)(&subject)
}

#[test]
fn one_process_with_more_than_the_container_may_have_fails_it() {
    let sound = status("0", "1", "2");
    for (id, weak) in [
        ("cellblock-capabilities-in-effect", status("200000", "1", "2")),
        ("cellblock-privileges-in-effect", status("0", "0", "2")),
        ("cellblock-seccomp-in-effect", status("0", "1", "0")),
    ] {
        assert!(matches!(judged(id, "cell", std::slice::from_ref(&sound)), Verdict::Pass { .. }), "{id}");
        let Verdict::Fail { found, .. } = judged(id, "cell", &[sound.clone(), weak]) else { panic!("{id}") };
        assert!(found.contains("process 7"), "{found}");
        assert!(matches!(judged(id, "cell", &[]), Verdict::Unknown { .. }), "{id}: none looked at is no pass");
    }
}

#[test]
fn the_warden_s_own_capability_is_the_warden_s_alone() {
    let reads_all = [status("2", "1", "2")];
    assert!(matches!(judged("cellblock-capabilities-in-effect", "warden", &reads_all), Verdict::Pass { .. }));
    assert!(matches!(judged("cellblock-capabilities-in-effect", "clamd", &reads_all), Verdict::Fail { .. }));
}

#[test]
fn a_limit_that_is_not_the_one_docker_was_told_fails_and_an_unread_one_is_unknown() {
    let told = InForce { memory: Some(1_048_576), processors: Some(500_000_000), processes: Some(32) };
    let judge = |id: &str, found: Result<InForce, String>| {
        let mut subject = subject("stranger", &sound(), &able());
        subject.facts.in_force = Some(found);
        (control(id).judge)(&subject)
    };
    for (id, changed) in [
        ("cellblock-memory-in-force", InForce { memory: None, ..told }),
        ("cellblock-processors-in-force", InForce { processors: Some(1_000_000_000), ..told }),
        ("cellblock-processes-in-force", InForce { processes: Some(33), ..told }),
    ] {
        assert!(matches!(judge(id, Ok(told)), Verdict::Pass { .. }), "{id}");
        assert!(matches!(judge(id, Ok(changed)), Verdict::Fail { .. }), "{id}");
        assert!(matches!(judge(id, Err("gone".to_owned())), Verdict::Unknown { .. }), "{id}");
    }
}
