//! What nginx's choice of a server, and of a map's line, makes of a policy: for mixes of names and wildcards above.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use engine::Families;
use policy::{Policy, Tls};

const PATTERNS: [&str; 6] =
    ["example.com", "a.example.com", "x.a.example.com", "*.example.com", "*.a.example.com", "*.x.a.example.com"];

const HOSTS: [&str; 8] = [
    "example.com",
    "a.example.com",
    "b.example.com",
    "x.a.example.com",
    "y.a.example.com",
    "q.x.a.example.com",
    "z.q.x.a.example.com",
    "other.example.org",
];

const MODES: [Option<&str>; 4] = [None, Some("verify"), Some("passthrough"), Some("inspect")];

/// The mix of this number: for each pattern its mode, if it is listed.
fn mix(number: usize) -> [Option<&'static str>; 6] {
    let mut rest = number;
    PATTERNS.map(|pattern| {
        let modes = if pattern.starts_with('*') { 3 } else { 4 };
        let mode = MODES[rest % modes];
        rest /= modes;
        mode
    })
}

const MIXES: usize = 4 * 4 * 4 * 3 * 3 * 3;

fn listed(text: &mut String, client: &str, modes: [Option<&str>; 6]) {
    for (pattern, mode) in PATTERNS.iter().zip(modes) {
        let mode = mode.filter(|mode| client == "cell" || *mode != "inspect");
        if let Some(mode) = mode {
            writeln!(text, "[[egress]]\nhost = {pattern:?}\nclients = [{client:?}]\ntls = {mode:?}").unwrap();
        }
    }
}

fn policy_of(number: usize, shape: &str) -> Policy {
    let mut text = include_str!("../sample-policy.toml").replace("\"open\"", &format!("{shape:?}"));
    for (place, client) in ["cell", "monitor", "warden"].into_iter().enumerate() {
        listed(&mut text, client, mix((number + place * 577) % MIXES));
    }
    Policy::parse(&text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap()
}

/// The name that nginx takes: the exact one, then the longest wildcard.
fn chosen<'a, T>(all: &'a [(&'a str, T)], host: &str) -> Option<&'a (&'a str, T)> {
    let covers = |name: &str| name.strip_prefix('*').is_some_and(|end| host.ends_with(end) && host.len() > end.len());
    let exact = all.iter().find(|(name, _)| *name == host);
    exact.or_else(|| all.iter().filter(|(name, _)| covers(name)).max_by_key(|(name, _)| name.len()))
}

/// The servers behind a socket, and whether one leads anywhere.
fn servers<'a>(conf: &'a str, socket: &str) -> Vec<(&'a str, bool)> {
    let bodies = conf.split("\n    server {\n").skip(1).filter_map(|rest| rest.split("\n    }\n").next());
    let here = bodies.filter(|body| body.contains(&format!("listen unix:/run/nginx/{socket} ")));
    here.filter_map(|body| {
        let name = body.split("server_name \"").nth(1)?.split('"').next()?;
        Some((name, body.contains("proxy_pass ")))
    })
    .collect()
}

/// The lines of a client's map: name and rule.
fn lines(conf: &str, client: usize) -> Vec<(&str, &str)> {
    let head = format!("map $ssl_preread_server_name $gate_rule_of_{client} {{");
    let body = conf.split(&head).nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    body.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\";")?.split_once("\" \"")).collect()
}

fn check(policy: &Policy) {
    let conf = crate::gate::render(policy, Families::V4).unwrap();
    for (number, network) in policy.gate_clients().enumerate() {
        let client = network.name.as_str();
        let plain = servers(&conf, &format!("http-{client}.sock"));
        let opened = servers(&conf, &format!("tls-{client}.sock"));
        let passed = lines(&conf, number);
        for names in [plain.iter().map(|one| one.0).collect::<Vec<_>>(), passed.iter().map(|one| one.0).collect()] {
            assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{client}: twice in {names:?}");
        }
        for host in HOSTS {
            let rules = policy.egress_to(client, host);
            let holds = rules.first().map(|rule| (rule.tls, rule.host.to_string()));
            let told = format!("{client} {host}, where {holds:?} decides: {:?}", policy.egress);
            let served = |all: &[(&str, bool)]| chosen(all, host).filter(|one| one.1).map(|one| one.0.to_owned());
            let by = |mode: fn(Tls) -> bool| holds.as_ref().filter(|one| mode(one.0)).map(|one| one.1.clone());
            assert_eq!(served(&plain), by(|tls| tls == Tls::Verify), "port 80: {told}");
            assert_eq!(served(&opened), by(|tls| tls == Tls::Inspect), "opened: {told}");
            let rule = chosen(&passed, host).map_or("", |one| one.1);
            let way = rule.splitn(3, '-').nth(2).map(str::to_owned);
            assert_eq!(way, by(|tls| tls != Tls::Verify), "port 443: {told}");
        }
    }
}

/// Every fifth mix, in an order that takes each pattern through each of its modes; each client has another one. All of
/// them take a quarter of a minute.
#[test]
fn in_every_mode_the_most_specific_pattern_decides_and_never_a_shorter_one() {
    for number in (0..MIXES).step_by(5) {
        check(&policy_of(number, "proxied"));
    }
    for number in (0..MIXES).step_by(35) {
        check(&policy_of(number, "open"));
    }
}

#[test]
fn a_name_that_is_not_served_so_is_refused_in_words_that_say_how_it_is() {
    let mut text = include_str!("../sample-policy.toml").replace("\"open\"", "\"proxied\"");
    let exact = "[[egress]]\nhost = \"a.example.com\"\nclients = [\"cell\"]\ntls = \"inspect\"\npaths = [\"/v1/\"]\n";
    text.push_str(exact);
    text.push_str("[[egress]]\nhost = \"*.example.com\"\nclients = [\"cell\"]\n");
    let policy = Policy::parse(&text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap();
    let conf = crate::gate::render(&policy, Families::V4).unwrap();
    let body = conf
        .split("\n    server {\n")
        .filter_map(|rest| rest.split("\n    }\n").next())
        .find(|body| body.contains("listen unix:/run/nginx/http-cell.sock") && body.contains("\"a.example.com\";"))
        .expect("a server of its own on port 80");
    for part in ["name-not-listed", "return 403", "https", "set $gate_client \"cell\";", "bad-request"] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(!body.contains("proxy_pass"));
}

#[test]
fn rules_for_several_paths_of_an_opened_name_are_one_line_of_the_map() {
    let mut text = include_str!("../sample-policy.toml").to_owned();
    for path in ["/v1/", "/v2/"] {
        writeln!(text, "[[egress]]\nhost = \"a.example.com\"\nclients = [\"cell\"]\ntls = \"inspect\"").unwrap();
        writeln!(text, "paths = [{path:?}]").unwrap();
    }
    check(&Policy::parse(&text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap());
}

/// Without such pairs nothing is added.
#[test]
fn a_policy_in_which_no_name_has_a_wildcard_of_another_mode_above_it_closes_nothing() {
    let shipped = include_str!("../../../../../compose/policy.toml");
    let policy = Policy::parse(shipped, Path::new("/nowhere/policy.toml"), Path::new("/")).unwrap();
    for network in policy.gate_clients() {
        for mode in [|tls| tls == Tls::Verify, |tls| tls != Tls::Verify] {
            assert!(super::closed(&policy, network, mode).is_empty());
        }
    }
}
