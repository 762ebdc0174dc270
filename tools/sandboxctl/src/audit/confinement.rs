//! What a process in the container may ask of the kernel.

use record::Severity::{Critical, High, Medium};

use super::control::{Control, RECREATE, Verdict, listed};
use super::facts::{SILENT, Subject};
use super::seccomp;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new("cis-docker-5.5", "is not privileged", Critical, "remove privileged: true; scripts/up", privileged),
    Control::new(
        "cis-docker-5.4",
        "has all capabilities dropped but those it is known to need",
        Critical,
        "cap_drop: [ALL], and no other cap_add; scripts/up",
        capabilities,
    ),
    Control::new(
        "cis-docker-5.26",
        "can't gain privileges",
        High,
        "security_opt: [\"no-new-privileges:true\"]; scripts/up",
        no_new_privileges,
    ),
    Control::new(
        "cis-docker-5.22",
        "is under a seccomp profile",
        High,
        "remove seccomp=unconfined; scripts/up",
        seccomp::judge,
    ),
    Control::new(
        "cis-docker-5.2",
        "is under an AppArmor profile",
        Medium,
        "remove apparmor=unconfined; scripts/up",
        apparmor,
    ),
    Control::new(
        "cis-docker-5.3",
        "is under SELinux, where the engine has it",
        Medium,
        "remove label=disable; scripts/up",
        selinux,
    ),
    Control::new("cis-docker-5.13", "has a read-only root", High, "read_only: true; scripts/up", read_only_root),
    Control::new(
        "cis-docker-5.23",
        "has no privileged command running in it",
        Critical,
        "end the docker exec --privileged",
        execs,
    ),
    Control::new(
        "cis-docker-4.1",
        "does not run as root, unless it is known why",
        High,
        "user: \"10000:10000\" or another number of its own; scripts/up",
        user,
    ),
    Control::new(
        "cis-docker-5.18",
        "has no device of the host",
        Critical,
        "remove devices, device_cgroup_rules and gpus; scripts/up",
        devices,
    ),
    Control::new(
        "cellblock-masked-paths",
        "has the kernel's own files in /proc and /sys masked",
        High,
        "remove systempaths=unconfined; scripts/up",
        masked_paths,
    ),
    Control::new("cellblock-sysctls", "changes no kernel setting but its own ports", Medium, RECREATE, sysctls),
];

fn privileged(subject: &Subject) -> Verdict {
    match subject.facts.host.privileged {
        Some(privileged) => {
            Verdict::when(!privileged, "not privileged", if privileged { "privileged" } else { "not privileged" })
        }
        None => Verdict::untold("the engine did not tell whether it is privileged"),
    }
}

fn capabilities(subject: &Subject) -> Verdict {
    let Subject { facts, expect, .. } = subject;
    let plain = |name: &String| name.to_ascii_uppercase().trim_start_matches("CAP_").to_owned();
    let added: Vec<String> = facts.host.cap_add.iter().flatten().map(plain).collect();
    let dropped: Vec<String> = facts.host.cap_drop.iter().flatten().map(plain).collect();
    let expected = format!("ALL dropped, added at most: {}", listed(expect.capabilities));
    let few = added.iter().all(|name| expect.capabilities.contains(&name.as_str()));
    let all_dropped = dropped.iter().any(|name| name == "ALL") && !facts.privileged();
    let found = format!(
        "dropped: {}; added: {}{}",
        listed(&dropped),
        listed(&added),
        if facts.privileged() { "; privileged" } else { "" }
    );
    Verdict::when(few && all_dropped, expected, found)
}

fn no_new_privileges(subject: &Subject) -> Verdict {
    let own: Vec<&str> = subject.facts.options("no-new-privileges").collect();
    match (own.as_slice(), subject.engine.module("no-new-privileges")) {
        ([.., "" | "true"], _) => Verdict::holds("no-new-privileges"),
        ([], Some(_)) => Verdict::holds("no-new-privileges, by the engine's default"),
        (_, _) => Verdict::differs("no-new-privileges", if own.is_empty() { "not set" } else { "switched off" }),
    }
}

/// "If applicable", says the benchmark: an engine without `AppArmor` is none of the container's doing.
fn apparmor(subject: &Subject) -> Verdict {
    match (&subject.engine.security, subject.engine.module("apparmor"), subject.facts.apparmor.as_deref()) {
        (None, _, _) => Verdict::untold("the engine did not tell whether it has AppArmor"),
        (Some(_), None, _) => Verdict::NotApplicable,
        (Some(_), Some(_), None) => Verdict::untold("the engine did not tell the container's profile"),
        (Some(_), Some(_), Some("")) if subject.facts.never_ran() => {
            Verdict::untold("it was never started: the engine chooses the profile when it is")
        }
        (Some(_), Some(_), Some("" | "unconfined")) => Verdict::differs("a profile", "unconfined"),
        (Some(_), Some(_), Some(profile)) => Verdict::when(!subject.facts.privileged(), "a profile", profile),
    }
}

/// "If applicable", as for `AppArmor`; which of the two the engine has is told of the engine.
fn selinux(subject: &Subject) -> Verdict {
    match (&subject.engine.security, subject.engine.module("selinux")) {
        (None, _) => Verdict::untold("the engine did not tell whether it has SELinux"),
        (Some(_), None) => Verdict::NotApplicable,
        (Some(_), Some(_)) => {
            let off = subject.facts.options("label").any(|label| label == "disable") || subject.facts.privileged();
            Verdict::when(!off, "a label", if off { "no label" } else { "a label" })
        }
    }
}

fn read_only_root(subject: &Subject) -> Verdict {
    match subject.facts.host.readonly_rootfs {
        Some(read_only) => Verdict::when(read_only, "read-only", if read_only { "read-only" } else { "writable" }),
        None => Verdict::untold("the engine did not tell whether the root is read-only"),
    }
}

fn user(subject: &Subject) -> Verdict {
    let Some(user) = &subject.facts.user else { return Verdict::untold("the engine did not tell the user") };
    let root = matches!(user.as_str(), "" | "0" | "root" | "0:0" | "root:root");
    if let (true, Some(reason)) = (root, subject.expect.root_because) {
        return Verdict::holds(format!("uid 0 by design, {reason}"));
    }
    let mut ids = user.split(':');
    let is_number_above_0 = |id: &str| id.parse::<u32>().is_ok_and(|id| id > 0);
    let fine = ids.next().is_some_and(is_number_above_0) && ids.next().is_none_or(is_number_above_0);
    Verdict::when(fine, "a number above 0", if user.is_empty() { "root" } else { user })
}

/// A command started with `docker exec --privileged` has every capability, in the middle of the container.
fn execs(subject: &Subject) -> Verdict {
    let privileged = subject.facts.execs.iter().filter(|exec| exec.privileged == Some(true));
    let found: Vec<String> = privileged.map(|exec| exec.program.clone()).collect();
    if found.is_empty() && subject.facts.execs.iter().any(|exec| exec.privileged.is_none()) {
        return Verdict::untold("the engine did not tell about a command that runs in it");
    }
    Verdict::none_of("none", &found)
}

fn devices(subject: &Subject) -> Verdict {
    let host = &subject.facts.host;
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let mut found: Vec<String> =
        host.devices.iter().flatten().map(|device| device.path_on_host.clone().unwrap_or_default()).collect();
    found.extend(host.device_cgroup_rules.iter().flatten().cloned());
    found.extend(
        host.device_requests
            .iter()
            .flatten()
            .map(|request| format!("request to {}", request.driver.as_deref().unwrap_or("any driver"))),
    );
    if subject.facts.privileged() {
        found.push("all, being privileged".to_owned());
    }
    Verdict::none_of("none", &found)
}

fn masked_paths(subject: &Subject) -> Verdict {
    let host = &subject.facts.host;
    match (&host.masked_paths, &host.readonly_paths) {
        (Some(masked), Some(read_only)) => Verdict::when(
            !masked.is_empty() && !read_only.is_empty() && !subject.facts.privileged(),
            "masked and read-only paths",
            format!("{} masked, {} read-only", masked.len(), read_only.len()),
        ),
        _ if subject.facts.privileged() => Verdict::differs("masked and read-only paths", "privileged"),
        _ => Verdict::untold("the engine did not tell which paths are masked"),
    }
}

/// Ports below 1024 are a matter of the namespace's own; everything else is not ours to change.
fn sysctls(subject: &Subject) -> Verdict {
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let set = subject.facts.host.sysctls.iter().flatten().map(|(name, _)| name.clone());
    let mut others: Vec<String> = set.filter(|name| name != "net.ipv4.ip_unprivileged_port_start").collect();
    others.sort();
    Verdict::none_of("none but net.ipv4.ip_unprivileged_port_start", &others)
}
