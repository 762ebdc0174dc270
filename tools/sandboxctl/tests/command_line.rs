//! The binary on the command line: usage, configuration, certificates, closed pipes, full disks. No lab, no root,
//! no engine.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails, in its helpers too")]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/policy.toml");

fn sandboxctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandboxctl"));
    command.env_remove("CELLBLOCK_POLICY").env("DOCKER_HOST", "unix:///nonexistent/docker.sock").stdin(Stdio::null());
    command
}

fn in_root(root: &Path, arguments: &[&str]) -> Output {
    sandboxctl().args(["--policy", POLICY, "--root"]).arg(root).args(arguments).output().unwrap()
}

fn run(arguments: &[&str]) -> Output {
    in_root(Path::new("/"), arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The policy with one piece of its text replaced.
fn policy_with(folder: &Path, from: &str, to: &str) -> String {
    let shipped = std::fs::read_to_string(POLICY).unwrap();
    assert!(shipped.contains(from), "{from}");
    let path = folder.join("policy.toml");
    std::fs::write(&path, shipped.replace(from, to)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn usage_errors_are_two() {
    for arguments in [
        &["--nonsense"] as &[&str],
        &[],
        &["render"],
        &["render", "networks", "--engine", "new"],
        &["cert", "create", "--next", "--renew"],
        &["cert", "create", "--days", "0"],
        &["secret", "put"],
        &["audit", "--all"],
    ] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn help_fits_a_screen_and_gives_two_examples() {
    let output = sandboxctl().arg("--help").output().unwrap();
    let help = text(&output.stdout);
    assert!((20..=40).contains(&help.lines().count()), "{help}");
    assert!(help.matches("  sandboxctl ").count() >= 2, "{help}");
    let version = text(&sandboxctl().arg("--version").output().unwrap().stdout);
    assert!(version.starts_with("sandboxctl 0."), "{version}");
}

#[test]
fn the_controls_are_listed_for_people_and_for_programs() {
    let list = run(&["controls", "--format", "jsonl"]);
    let told = lines(&list);
    assert_eq!(list.status.code(), Some(0));
    assert!(told.len() >= 50, "{}", told.len());
    let of_cis = told.iter().find(|line| line["rule"]["id"] == "cis-docker-5.4").unwrap();
    assert_eq!(of_cis["rule"]["reference"], "CIS Docker Benchmark 1.6.0, 5.4");
    assert!(
        told.iter().all(|line| line["cellblock"]["mend"].is_string() && line["event"]["severity"].as_u64() > Some(20))
    );
    assert_eq!(text(&run(&["controls", "--format", "text"]).stdout).lines().count(), 2 * told.len());
    let refused = run(&["audit", "--only", "cis-docker-5.99"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
    for arguments in [&["render", "nginx"] as &[&str], &["cert", "create"], &["completions", "bash"]] {
        let root = tempfile::tempdir().unwrap();
        let mut command = sandboxctl();
        command.args(["--policy", POLICY, "--root"]).arg(root.path()).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{arguments:?}");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("No space left"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_broken_policy_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy_with(folder.path(), "\"br-cell\"", "\"br+cell\"");
    let output = sandboxctl().args(["--policy", &path, "render", "compose"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("policy.toml:") && error.contains("br+cell"), "{error}");
    assert!(output.stdout.is_empty());
}

#[test]
fn the_networks_are_complete_arguments_and_their_digest_changes_with_them() {
    let made = |engine: &str| lines(&run(&["render", "networks", "--engine", engine]));
    let old = made("26.1.5+dfsg1");
    let names: Vec<&str> = old.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cellblock-cell", "cellblock-egress", "cellblock-monitor", "cellblock-warden"]);
    let args = |line: &Value| -> Vec<String> { serde_json::from_value(line["args"].clone()).unwrap() };
    let monitor = args(&old[2]);
    assert_eq!(monitor.last().unwrap(), "cellblock-monitor");
    assert!(
        monitor.contains(&"--internal".to_owned()) && monitor.contains(&"fd6c:6c62:2::/64".to_owned()),
        "{monitor:?}"
    );
    assert!(!args(&old[0]).contains(&"--internal".to_owned()));
    let isolated = "com.docker.network.bridge.gateway_mode_ipv4=isolated".to_owned();
    assert!(!monitor.contains(&isolated) && args(&made("28.0.0")[2]).contains(&isolated));
    assert_ne!(old[2]["definition"], made("28.0.0")[2]["definition"]);
    assert_eq!(old[0]["definition"], made("28.0.0")[0]["definition"], "an open network is the same for both");
    let label = format!("cellblock.definition={}", old[2]["definition"].as_str().unwrap());
    assert!(monitor.contains(&label), "{monitor:?}");
}

#[test]
fn networks_need_the_engine_s_version_and_say_so() {
    let output = run(&["render", "networks"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(
        error.contains("--engine") && error.contains("/nonexistent/docker.sock") && error.contains("DOCKER_HOST"),
        "{error}"
    );
}

#[test]
fn the_composition_has_what_only_the_policy_knows() {
    let output = run(&["render", "compose"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cell = &made["services"]["cell"];
    assert_eq!(cell["mem_limit"], 2_147_483_648_u64);
    assert_eq!((&cell["memswap_limit"], &cell["pids_limit"]), (&cell["mem_limit"], &Value::from(512)));
    assert_eq!(cell["volumes"][0]["source"], "/sandbox_data/share/sandbox");
    assert_eq!(cell["volumes"][0]["bind"]["create_host_path"], false);
    assert!(cell.get("networks").is_none(), "it lives in the vault's namespace");
    let ports = made["services"]["vault"]["ports"].as_array().unwrap();
    assert_eq!((ports.len(), &ports[0]["host_ip"]), (1, &Value::from("127.0.0.1")));
    assert!(made["services"]["warden"].get("networks").is_none());
    let aliases = &made["services"]["proxy"]["networks"]["monitor"]["aliases"];
    assert_eq!(aliases, &serde_json::json!(["github.com"]));
    assert!(made["services"]["proxy"]["networks"].get("cell").is_none(), "the gate does not serve an open cell");
    assert_eq!(made["services"]["monitor"]["dns"][0], "127.0.0.1", "never the host's resolver, and nobody outside");
    assert!(made["networks"].as_object().unwrap().values().all(|network| network["external"] == true));
}

#[test]
fn a_proxied_cell_has_the_gate_beside_it_and_its_port_on_a_network_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy_with(folder.path(), "network   = \"open\"", "network   = \"proxied\"");
    let render = |what: &[&str]| sandboxctl().args(["--policy", &path, "render"]).args(what).output().unwrap();
    let made: Value = serde_json::from_slice(&render(&["compose"]).stdout).unwrap();
    let aliases = made["services"]["proxy"]["networks"]["cell"]["aliases"].as_array().unwrap();
    assert!(
        aliases.contains(&Value::from("api.anthropic.com")) && !aliases.contains(&Value::from("database.clamav.net"))
    );
    assert!(made["services"]["vault"]["networks"].get("ingress").is_some());
    let networks = lines(&render(&["networks", "--engine", "26.1.5"]));
    let find = |name: &str| networks.iter().find(|line| line["name"] == name).unwrap()["args"].to_string();
    assert!(find("cellblock-cell").contains("--internal"));
    let ingress = find("cellblock-ingress");
    assert!(!ingress.contains("--internal") && ingress.contains("enable_ip_masquerade=false"), "{ingress}");
}

#[test]
fn a_wildcard_without_a_name_inside_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy_with(folder.path(), "\"database.clamav.net\"", "\"*.clamav.net\"");
    let output = sandboxctl().args(["--policy", &path, "render", "compose"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("*.clamav.net"), "{}", text(&output.stderr));
}

#[test]
fn the_scripts_find_their_paths_without_reading_toml() {
    let paths: Value = serde_json::from_slice(&run(&["render", "paths"]).stdout).unwrap();
    assert_eq!(paths["share"]["image"], "/sandbox_data/share.img");
    assert_eq!(paths["share"]["size"], 4_294_967_296_u64);
    // The gate's lines, which age sooner, are no check's.
    assert_eq!(paths["audit"]["retain"], 90 * 86_400);
    assert_eq!(paths["vault"]["listen"], "127.0.0.1:8443");
}

fn pin(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    lines(output)[0]["cellblock"]["cell"]["pin"].as_str().unwrap().to_owned()
}

#[test]
fn a_certificate_is_made_once_and_replaced_by_the_one_whose_pin_was_handed_out() {
    let root = tempfile::tempdir().unwrap();
    let cert = |arguments: &[&str]| in_root(root.path(), &[&["cert"], arguments].concat());
    let first = pin(&cert(&["create"]));
    let again = cert(&["create"]);
    assert_eq!(lines(&again)[0]["event"]["action"], "certificate-kept");
    assert_eq!(pin(&again), first);
    for name in ["key.pem", "cert.pem"] {
        let mode = std::fs::metadata(root.path().join("vault").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    let next = pin(&cert(&["create", "--next"]));
    assert_ne!(next, first);
    assert_eq!(pin(&cert(&["fingerprint"])), first, "the next one is not in use yet");
    assert_eq!(text(&cert(&["fingerprint", "--plain"]).stdout), format!("{first}\n"));
    assert_eq!(lines(&cert(&["show"])).len(), 3, "current, next, run-finished");
    let renewed = cert(&["create", "--renew"]);
    assert_eq!(lines(&renewed)[0]["event"]["action"], "certificate-renewed");
    assert_eq!((pin(&renewed), pin(&cert(&["fingerprint"]))), (next.clone(), next.clone()));
    assert_ne!(pin(&cert(&["create", "--renew"])), next, "without a next one, a new one is made");
    assert!(!text(&cert(&["show"]).stdout).contains("PRIVATE"));
}

#[test]
fn two_that_make_a_certificate_at_once_make_one() {
    let root = tempfile::tempdir().unwrap();
    let create = || in_root(root.path(), &["cert", "create"]);
    let (one, two, three) = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(create), scope.spawn(create));
        (one.join().unwrap(), two.join().unwrap(), create())
    });
    assert_eq!((pin(&one), pin(&two)), (pin(&three), pin(&three)));
    assert_eq!(in_root(root.path(), &["cert", "show"]).status.code(), Some(0));
}

#[test]
fn a_pair_that_does_not_fit_is_a_finding_and_is_not_delivered() {
    let root = tempfile::tempdir().unwrap();
    let cert = |arguments: &[&str]| in_root(root.path(), &[&["cert"], arguments].concat());
    pin(&cert(&["create"]));
    let key = root.path().join("vault/key.pem");
    let kept = std::fs::read(&key).unwrap();
    pin(&cert(&["create", "--renew"]));
    std::fs::write(&key, kept).unwrap();
    let shown = cert(&["show"]);
    assert_eq!(shown.status.code(), Some(1));
    assert_eq!(lines(&shown)[0]["event"]["reason"], "the certificate is not that of the key");
    let delivered = cert(&["deliver"]);
    assert_eq!(delivered.status.code(), Some(2));
    assert!(text(&delivered.stderr).contains("not that of the key"), "{}", text(&delivered.stderr));
}

#[test]
fn a_certificate_that_is_missing_broken_or_open_to_others_is_an_error_with_a_way_out() {
    let root = tempfile::tempdir().unwrap();
    let cert = |arguments: &[&str]| in_root(root.path(), &[&["cert"], arguments].concat());
    let missing = cert(&["show"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("sandboxctl cert create"), "{}", text(&missing.stderr));
    pin(&cert(&["create"]));
    std::fs::write(root.path().join("vault/key.pem"), "-----BEGIN PRIVATE KEY-----\nxyzzy\n").unwrap();
    let broken = cert(&["show"]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(!text(&broken.stderr).contains("xyzzy"), "{}", text(&broken.stderr));
    std::fs::set_permissions(root.path().join("vault"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = cert(&["create"]);
    assert_eq!(open.status.code(), Some(2));
    assert!(text(&open.stderr).contains("chmod 0700"), "{}", text(&open.stderr));
}

fn put(arguments: &[&str], input: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = policy_with(folder.path(), "# credential = \"github-token\"", "credential = \"github-token\"");
    let mut command = sandboxctl();
    command.args(["--policy", &path, "secret", "put"]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that refuses early does not read: a broken pipe here is its good right.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[test]
fn a_secret_that_nobody_asks_for_that_is_too_large_or_no_header_is_refused_unseen() {
    let large = vec![b'x'; 65 * 1024];
    for (arguments, input, says) in [
        (&["gitlab-token"] as &[&str], b"hunter2" as &[u8], "those it has: github-token"),
        (&["github-token", "--container", "cell"], b"hunter2", "not to cell"),
        (&["github-token"], b"", "no secret"),
        (&["github-token"], b"hunter2\r\nHost: evil", "can't stand in a header"),
        (&["github-token"], &large, "at most 65536 bytes"),
        (&["github-token"], b"hunter2", "no Docker engine"),
    ] {
        let output = put(arguments, input);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error.contains(says), "{arguments:?}: {error}");
        assert!(!error.contains("hunter2") && output.stdout.is_empty(), "{error}");
    }
}

#[test]
fn without_an_engine_nothing_is_audited_and_nothing_passes() {
    for arguments in [&["audit"] as &[&str], &["audit", "cell"], &["status"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).contains("start Docker"), "{}", text(&output.stderr));
    }
}

#[test]
fn what_answers_on_the_socket_and_is_no_engine_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"220 smtp.example ESMTP\r\n");
        }
    });
    let mut command = sandboxctl();
    let output = command
        .env("DOCKER_HOST", format!("unix://{}", path.display()))
        .args(["--policy", POLICY, "--root", "/", "status"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("does not answer as a Docker engine"), "{}", text(&output.stderr));
    drop(server);
}

/// What an earlier run left for the cell's Node to trust. The policy inspects nothing now.
fn left_behind(root: &Path) -> std::path::PathBuf {
    let folder = root.join("rendered/inspect");
    std::fs::create_dir_all(&folder).unwrap();
    let authority = folder.join("ca.pem");
    std::fs::write(&authority, "of an earlier run").unwrap();
    authority
}

#[test]
fn while_the_gate_may_hold_keys_of_opened_names_the_authority_stays_so_that_the_next_run_clears_them() {
    let root = tempfile::tempdir().unwrap();
    let authority = left_behind(root.path());
    for _ in 0..2 {
        let output = in_root(root.path(), &["cert", "inspect"]);
        assert_eq!(output.status.code(), Some(2), "no engine, so nothing was cleared: {}", text(&output.stderr));
        assert!(authority.exists(), "the next run would return early, and the keys would stay");
    }
    std::fs::remove_file(&authority).unwrap();
    assert_eq!(in_root(root.path(), &["cert", "inspect"]).status.code(), Some(0), "nothing was ever opened");
}

#[test]
fn two_that_make_certificates_for_opened_names_do_so_one_after_the_other() {
    let root = tempfile::tempdir().unwrap();
    left_behind(root.path());
    let vault = root.path().join("vault");
    std::fs::create_dir(&vault).unwrap();
    std::fs::set_permissions(&vault, std::fs::Permissions::from_mode(0o700)).unwrap();
    let held = std::fs::File::open(&vault).unwrap();
    held.lock().unwrap();
    let mut second = sandboxctl();
    second.args(["--policy", POLICY, "--root"]).arg(root.path()).args(["cert", "inspect"]).stderr(Stdio::null());
    let mut second = second.stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(second.try_wait().unwrap().is_none(), "it waits for the one at work");
    held.unlock().unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(2));
}
