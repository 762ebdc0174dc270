//! Under which seccomp profile a container is, and what one of its own lets by that makes it none.

use serde_json::Value;

use super::control::{Verdict, listed};
use super::facts::Subject;

/// Calls that no container of ours needs, and that lead out of one, or into its neighbours.
const WIDE: [&str; 20] = [
    "clone",
    "clone3",
    "mount",
    "umount2",
    "pivot_root",
    "move_mount",
    "open_tree",
    "fsopen",
    "unshare",
    "setns",
    "ptrace",
    "bpf",
    "keyctl",
    "add_key",
    "kexec_load",
    "init_module",
    "finit_module",
    "open_by_handle_at",
    "perf_event_open",
    "userfaultfd",
];

/// Passes when a seccomp profile confines the container.
pub(super) fn judge(subject: &Subject) -> Verdict {
    let own = subject.facts.options("seccomp").last();
    if subject.facts.privileged() || own == Some("unconfined") {
        return Verdict::differs("a profile", "unconfined");
    }
    let own = own.filter(|own| *own != "builtin");
    match own.map(serde_json::from_str::<Value>) {
        Some(Err(_)) => return Verdict::untold("the engine told the name of a profile, and not what is in it"),
        Some(Ok(profile)) => {
            if let Some(wide) = lets_by(&profile) {
                return Verdict::differs("a profile", format!("a profile of its own that allows {wide}"));
            }
        }
        None => {}
    }
    match (&subject.engine.security, subject.engine.module("seccomp"), own) {
        (None, _, _) => Verdict::untold("the engine did not tell whether it has seccomp"),
        (Some(_), None, _) => Verdict::differs("a profile", "an engine without seccomp"),
        (Some(_), Some(module), None) if module.contains("unconfined") => {
            Verdict::differs("a profile", "the engine's default is unconfined")
        }
        (Some(_), Some(_), Some(_)) => Verdict::holds("a profile of its own"),
        (Some(_), Some(module), None) => Verdict::holds(format!("the engine's: {module}")),
    }
}

/// What a profile of the container's own lets by that makes it none. Calls that it allows under a condition are not
/// counted: for some arguments, or to who has a capability. Docker's own allows `ptrace` from Linux 4.8 on.
fn lets_by(profile: &Value) -> Option<String> {
    let lets = |action: Option<&Value>| {
        let action = action.and_then(Value::as_str);
        matches!(action, Some("SCMP_ACT_ALLOW" | "SCMP_ACT_LOG" | "SCMP_ACT_TRACE"))
    };
    if lets(profile.get("defaultAction")) {
        return Some("what it does not name".to_owned());
    }
    let full = |list: Option<&Value>| list.and_then(Value::as_array).is_some_and(|items| !items.is_empty());
    let rules = profile.get("syscalls").and_then(Value::as_array).into_iter().flatten();
    let free = rules
        .filter(|rule| lets(rule.get("action")) && !full(rule.get("args")) && !full(rule.pointer("/includes/caps")));
    let wide: Vec<&str> = free.flat_map(names).filter(|name| WIDE.contains(name)).collect();
    (!wide.is_empty()).then(|| listed(&wide))
}

/// The calls that a rule names; not `ptrace` where the rule asks for a kernel in which seccomp(2) sees through it.
fn names(rule: &Value) -> impl Iterator<Item = &str> {
    let many = rule.get("names").and_then(Value::as_array).into_iter().flatten();
    let new = rule.pointer("/includes/minKernel").is_some();
    many.chain(rule.get("name")).filter_map(Value::as_str).filter(move |name| *name != "ptrace" || !new)
}
