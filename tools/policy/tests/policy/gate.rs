//! `[proxy]`, `[[egress]]` and `[[repo]]`.

use policy::{Authorization, Bytes, Tls};

use crate::sample::{DESIGN, parse, refuses, refuses_more, takes, takes_more};

/// A second rule, for the clamd network.
fn rule(keys: &str) -> String {
    format!("[[egress]]\n{keys}")
}

#[test]
fn a_host_is_a_name_and_not_an_address_in_any_notation() {
    for bad in ["10.0.0.1", "0x7f.1", "2130706433", "127.1", "[::1]", "::1", "10.0.0.1."] {
        let tables = rule(&format!("host = {bad:?}\nclients = [\"warden\"]"));
        refuses_more(&tables, "egress[2].host", "is an address");
    }
    takes_more(&rule("host = \"10.0.0.1.example.com\"\nclients = [\"warden\"]"));
}

#[test]
fn a_wildcard_must_not_swallow_a_public_suffix() {
    for bad in ["*.com", "*.co.uk", "*.github.io", "*.amazonaws.com"] {
        let tables = rule(&format!("host = {bad:?}\nclients = [\"warden\"]"));
        refuses_more(&tables, "egress[2].host", "nothing to do with each other");
    }
    takes_more(&rule("host = \"*.clamav.net\"\nclients = [\"warden\"]"));
}

#[test]
fn a_rule_names_its_clients() {
    refuses_more(&rule("host = \"x.example\""), "egress[2].clients", "is missing");
    refuses_more(&rule("host = \"x.example\"\nclients = []"), "egress[2].clients", "an empty list");
    refuses_more(&rule("host = \"x.example\"\nclients = [\"lan\"]"), "egress[2].clients", "there is no network lan");
    for silent in ["egress", "ingress"] {
        let tables = rule(&format!("host = \"x.example\"\nclients = [{silent:?}]"));
        refuses_more(&tables, "egress[2].clients", "don't ask the gate");
    }
}

#[test]
fn the_cell_may_be_listed_in_both_shapes_so_that_the_switch_is_one_key() {
    let tables = rule("host = \"x.example\"\nclients = [\"cell\"]");
    takes_more(&tables);
    assert!(parse(&format!("{DESIGN}\n{tables}\n").replace("\"open\"", "\"proxied\"")).is_ok());
}

#[test]
fn a_host_has_a_door_for_the_cell_alone_where_the_gate_begins_the_tls() {
    let proxied =
        |keys: &str| parse(&format!("{DESIGN}\n{}\n", rule(keys)).replace("\"open\"", "\"proxied\"")).unwrap();
    let door = |keys: &str, client: &str| proxied(keys).egress[1].door(client);
    let both = "host = \"x.example\"\nclients = [\"cell\", \"warden\"]";
    assert_eq!(door(both, "cell").as_deref(), Some("x.example.gate.internal"));
    for client in ["warden", "monitor", "model"] {
        assert_eq!(door(both, client), None, "{client}");
    }
    let keyed = format!("{both}\ncredential = \"key\"");
    assert_eq!(door(&keyed, "model").as_deref(), Some("x.example.gate.internal"), "an open cell's way to it");
    for none in [
        "host = \"x.example\"\nclients = [\"cell\"]\ntls = \"passthrough\"".to_owned(),
        "host = \"x.example\"\nclients = [\"cell\"]\ntls = \"inspect\"".to_owned(),
        "host = \"*.lab.test\"\nclients = [\"cell\"]".to_owned(),
        format!("host = \"{}example\"\nclients = [\"cell\"]", "abcdefghi.".repeat(24)),
    ] {
        assert_eq!(door(&none, "cell"), None, "{none}");
    }
}

#[test]
fn clients_are_sorted_and_named_once() {
    let policy = takes_more(&rule("host = \"x.example\"\nclients = [\"warden\", \"cell\", \"warden\"]"));
    let clients: Vec<&str> = policy.egress[1].clients.iter().map(policy::NetworkName::as_str).collect();
    assert_eq!(clients, ["cell", "warden"]);
}

#[test]
fn methods_are_in_capitals_and_paths_are_plain() {
    let methods = "[\"GET\", \"POST\"]";
    refuses(methods, "[\"GET\", \"POST\", \"get\"]", "egress[1].methods[3]", "in capitals");
    refuses(methods, "[\"GET\", \"POST\", \"CONNECT\"]", "egress[1].methods[3]", "never passes");
    refuses(methods, "[]", "egress[1].methods", "an empty list");
    for (bad, words) in [
        ("openclaw/", "begin it with '/'"),
        ("/openclaw/../x", "dot segment"),
        ("/./", "dot segment"),
        ("//openclaw/", "empty one"),
        ("/openclaw%2f", "percent-encoded"),
        ("/open claw/", "cannot hold"),
        ("/a;b", "cannot hold"),
        ("/a\"b", "cannot hold"),
        ("/a?b", "cannot hold"),
        ("", "begin it with '/'"),
    ] {
        refuses("[\"/openclaw/\"]", &format!("[\"/openclaw/\", {bad:?}]"), "egress[1].paths[2]", words);
    }
}

#[test]
fn what_cannot_be_enforced_on_a_passed_through_session_is_refused() {
    let keys = [
        "methods = [\"GET\"]",
        "paths = [\"/x/\"]",
        "credential = \"k\"",
        "rate = \"1r/s\"",
        "burst = 1",
        "body = \"1MiB\"",
    ];
    for key in keys {
        let tables = rule(&format!("host = \"x.example\"\nclients = [\"warden\"]\ntls = \"passthrough\"\n{key}"));
        let name = key.split(' ').next().unwrap();
        refuses_more(&tables, &format!("egress[2].{name}"), "cannot be enforced");
        takes_more(&tables.replace("passthrough", "verify"));
    }
    let policy = takes_more(&rule("host = \"x.example\"\nclients = [\"cell\"]\ntls = \"passthrough\""));
    assert_eq!(policy.egress[1].tls, Tls::Passthrough);
}

#[test]
fn the_gate_opens_tls_of_the_cell_s_alone_and_to_one_name_by_a_rule() {
    const MODEL: &str =
        "model = { bridge = \"br-model\", subnets = [\"172.30.6.0/24\", \"fd6c:6c62:6::/64\"] }\n\n[moat]";
    let inspected = "[[egress]]\nhost = \"x.example\"\nclients = [\"cell\"]\ntls = \"inspect\"\nmethods = [\"GET\"]\n\
        paths = [\"/v1/\"]\ncredential = \"k\"\nrate = \"1r/s\"\n";
    let text = format!("{}\n{inspected}", DESIGN.replace("[moat]", MODEL));
    let policy = parse(&text).unwrap();
    assert_eq!(
        (policy.egress[1].tls, policy.inspected().into_iter().collect::<Vec<_>>()),
        (Tls::Inspect, vec!["x.example"])
    );
    let keyless = text.replace("credential = \"k\"\n", "");
    let policy = parse(&keyless).unwrap();
    assert!(policy.active_networks().any(|network| network.name == "model"), "an open cell finds it at the gate");
    assert!(parse(&DESIGN.replace("[moat]", MODEL)).unwrap().inspected().is_empty(), "off by default");
    for (from, to, key, words) in [
        ("\"x.example\"", "\"*.x.example\"", "host", "a certificate is made for one name"),
        ("clients = [\"cell\"]\ntls", "clients = [\"cell\", \"monitor\"]\ntls", "clients", "monitor does not trust"),
        ("clients = [\"cell\"]\ntls", "clients = [\"warden\"]\ntls", "clients", "warden does not trust"),
        ("\"inspect\"", "\"intercept\"", "tls", "inspect"),
    ] {
        let error = parse(&keyless.replace(from, to)).expect_err(to);
        let fault = error.faults().iter().find(|fault| fault.key == format!("egress[2].{key}"));
        assert!(fault.is_some_and(|fault| format!("{} {}", fault.problem, fault.mend).contains(words)), "{error}");
    }
    let error = parse(&format!(
        "{DESIGN}\n{}",
        keyless.split("[[egress]]").last().map(|rule| format!("[[egress]]{rule}")).unwrap()
    ))
    .expect_err("an open cell has no way to the gate without the network model");
    assert!(error.to_string().contains("or whose TLS it opens"), "{error}");
    let twice = format!("{text}{}", inspected.replace("inspect", "verify").replace("/v1/", "/v2/"));
    assert!(parse(&twice).expect_err("one name, two ways").to_string().contains("tls contradicts rule 2"));
}

#[test]
fn a_credential_is_a_name_for_one_host_and_never_the_key_itself() {
    let key = "ghp_AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIII";
    let text = DESIGN.replace("\"github-token\"", &format!("{key:?}"));
    let error = parse(&text).expect_err("capitals are in no name");
    assert_eq!(error.faults()[0].key, "egress[1].credential");
    assert!(!error.to_string().contains(key), "{error}");
    assert!(!format!("{error:?}").contains(key), "{error:?}");
    let wild = rule("host = \"*.clamav.net\"\nclients = [\"warden\"]\ncredential = \"k\"");
    refuses_more(&wild, "egress[2].credential", "every host below clamav.net");
    takes_more(&wild.replace("*.clamav.net", "a.clamav.net"));
}

#[test]
fn no_key_has_the_name_of_the_folder_of_opened_names_which_is_emptied_with_all_that_is_in_it() {
    let taken = rule("host = \"a.clamav.net\"\nclients = [\"warden\"]\ncredential = \"inspect\"");
    refuses_more(&taken, "egress[2].credential", "certificates");
    takes_more(&taken.replace("\"inspect\"", "\"inspector\""));
}

#[test]
fn a_key_that_was_pasted_beside_its_place_is_not_shown() {
    let key = "ghp_AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIII";
    for keys in
        ["credential = [KEY]", "authorization = KEY", "header = KEY", "token = KEY", "credential = { value = KEY }"]
    {
        let tables =
            rule(&format!("host = \"x.example\"\nclients = [\"cell\"]\n{}", keys.replace("KEY", &format!("{key:?}"))));
        let error = parse(&format!("{DESIGN}\n{tables}\n")).expect_err(keys);
        assert!(!error.to_string().contains("BBBB") && error.to_string().contains("****"), "{error}");
    }
}

#[test]
fn how_a_key_is_sent_needs_a_key() {
    let base = "host = \"x.example\"\nclients = [\"warden\"]\n";
    refuses_more(&rule(&format!("{base}authorization = \"refuse\"")), "egress[2].authorization", "there is none");
    refuses_more(&rule(&format!("{base}header = \"x-api-key\"")), "egress[2].header", "there is none");
    let keyed = format!("{base}credential = \"k\"\nheader = \"X-Api-Key\"\nauthorization = \"refuse\"");
    let policy = takes_more(&rule(&keyed));
    assert_eq!(policy.egress[1].header, "x-api-key");
    assert_eq!(policy.egress[1].authorization, Authorization::Refuse);
    for bad in ["host", "content-length", "proxy-x", "x y", "x\n", ""] {
        let tables = rule(&format!("{base}credential = \"k\"\nheader = {bad:?}"));
        refuses_more(&tables, "egress[2].header", "can carry a key");
    }
}

#[test]
fn two_rules_for_a_host_and_client_do_not_contradict() {
    let github = "host = \"GitHub.com.\"\nclients = [\"monitor\", \"warden\"]\npaths = [\"/other/\"]\n";
    refuses_more(&rule(&format!("{github}credential = \"another\"")), "egress[2].credential", "contradicts rule 1");
    refuses_more(&rule(github), "egress[2]", "credential contradicts");
    let pass = "host = \"github.com\"\nclients = [\"monitor\"]\ntls = \"passthrough\"\n";
    refuses_more(&rule(pass), "egress[2].tls", "contradicts rule 1");
    let slow = format!("{github}credential = \"github-token\"\nrate = \"1r/m\"");
    refuses_more(&rule(&slow), "egress[2].rate", "contradicts rule 1");
    takes_more(&rule(&format!("{github}credential = \"github-token\"")));
    takes_more(&rule(&pass.replace("monitor", "cell")));
}

#[test]
fn a_rule_that_restricts_nothing_is_refused() {
    let github = "host = \"github.com\"\nclients = [\"monitor\"]\ncredential = \"github-token\"\n";
    for moot in [
        "methods = [\"GET\", \"POST\"]\npaths = [\"/openclaw/\"]",
        "methods = [\"GET\"]\npaths = [\"/openclaw/openclaw/\"]",
        "methods = [\"GET\", \"POST\", \"PUT\"]\npaths = [\"/open\"]",
        "",
    ] {
        refuses_more(&rule(&format!("{github}{moot}")), "egress[2].host", "restricts nothing");
    }
    takes_more(&rule(&format!("{github}methods = [\"HEAD\"]\npaths = [\"/openclaw/\"]")));
    takes_more(&rule(&format!("{github}methods = [\"GET\"]\npaths = [\"/other/\"]")));
}

#[test]
fn the_gates_own_settings_have_bounds() {
    refuses("[\"9.9.9.9\"]\nrate", "[]\nrate", "proxy.resolvers", "an empty list");
    refuses("[\"9.9.9.9\"]\nrate", "[\"127.0.0.11\"]\nrate", "proxy.resolvers[1]", "loopback");
    refuses("[\"9.9.9.9\"]\nrate", "[\"10.0.0.53\"]\nrate", "proxy.resolvers[1]", "\"egress 10.0.0.53:53/udp\"");
    refuses("\"10r/s\"", "\"10/s\"", "proxy.rate", "is not a rate");
    refuses("\"10r/s\"", "\"0r/s\"", "proxy.rate", "is not a rate");
    refuses("\"10r/s\"", "10", "proxy.rate", "found an integer");
    refuses("burst = 20", "burst = 100001", "proxy.burst", "out of range");
    refuses("burst = 20", "body = 0", "proxy.body", "a size of 0");
    let proxy = takes("burst = 20", "burst = 0\nbody = \"5MiB\"").proxy;
    assert_eq!((proxy.burst, proxy.body), (0, Bytes(5 << 20)));
}

#[test]
fn a_repository_is_an_https_address_with_nothing_else_in_it() {
    let url = "\"https://github.com/openclaw/openclaw\"";
    for (bad, words) in [
        ("http://github.com/openclaw/x", "is not an https address"),
        ("ssh://git@github.com/openclaw/x", "a user or key"),
        ("git://github.com/openclaw/x", "is not an https address"),
        ("https://github.com", "has no path"),
        ("https://github.com/", "has no plain path"),
        ("https://github.com:443/openclaw/x", "names a port"),
        ("https://github.com/openclaw/../x", "has no plain path"),
        ("https://github.com/openclaw/x?y", "has no plain path"),
        ("https://github.com/openclaw//x", "has no plain path"),
        ("https://10.0.0.1/openclaw/x", "is an address"),
        ("https://nas/openclaw/x", "local network"),
    ] {
        refuses(url, &format!("{bad:?}"), "repo[1].url", words);
    }
}

#[test]
fn a_key_in_a_repositorys_address_is_refused_and_not_repeated() {
    let url = "\"https://github.com/openclaw/openclaw\"";
    let error = parse(&DESIGN.replace(url, "\"https://user:hunter2@github.com/openclaw/x\"")).expect_err("a key");
    let fault = &error.faults()[0];
    assert!(fault.problem.contains("a user or key"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn the_monitor_must_have_a_way_to_each_repository() {
    let url = "\"https://github.com/openclaw/openclaw\"";
    refuses(
        url,
        "\"https://gitlab.example/openclaw/x\"",
        "repo[1].url",
        "add [[egress]] with host = \"gitlab.example\"",
    );
    refuses(url, "\"https://github.com/other/x\"", "repo[1].url", "no rule lets the monitor GET below /other/x/");
    refuses("[\"GET\", \"POST\"]", "[\"GET\"]", "repo[1].url", "no rule lets the monitor POST");
    refuses(
        "clients = [\"monitor\"] ",
        "clients = [\"warden\"] ",
        "repo[1].url",
        "the monitor has no way to github.com",
    );
    takes(url, "\"https://github.com/openclaw/openclaw.git/\"");
}

#[test]
fn a_repository_is_watched_once() {
    let again = "[[repo]]\nurl = \"https://github.com/openclaw/openclaw/\"";
    refuses_more(again, "repo[2].url", "watched already, by repo 1");
}

#[test]
fn a_moving_ref_is_a_pattern_of_full_names() {
    let moving = "[\"refs/heads/*\", \"refs/tags/v[0-9]\"]";
    refuses(moving, "[\"heads/*\"]", "repo[1].moving[1]", "begin it with \"refs/\"");
    refuses(moving, "[\"refs/tags/v[0-9\"]", "repo[1].moving[1]", "is no pattern");
    let repo = takes(moving, moving).repos.remove(0);
    for (name, may) in [
        ("refs/heads/main", true),
        ("refs/heads/feature/x", true),
        ("refs/tags/v1", true),
        ("refs/tags/v10", false),
        ("refs/tags/v1.0", false),
        ("refs/headsx/main", false),
    ] {
        assert_eq!(repo.may_move(name), may, "{name}");
    }
}

#[test]
fn a_pinned_ref_is_a_tag_or_a_full_name_with_a_whole_id_and_may_not_move_too() {
    let moving = "[\"refs/heads/*\", \"refs/tags/v[0-9]\"]";
    let (one, two) = ("1".repeat(40), "2".repeat(64));
    let with = |pins: &str| format!("{moving}\npins = {{ {pins} }}");
    let repo = takes(moving, &with(&format!("\"v1.2.3\" = \"{one}\", \"refs/stable\" = \"{two}\""))).repos.remove(0);
    let pins: Vec<_> = repo.pins.iter().map(|pin| (pin.name.as_str(), pin.id.as_str())).collect();
    assert!(
        pins.contains(&("refs/tags/v1.2.3", one.as_str())) && pins.contains(&("refs/stable", two.as_str())),
        "{pins:?}"
    );
    let pin = repo.pins.iter().find(|pin| pin.id == one).unwrap();
    assert!(pin.holds(&one, None) && pin.holds("other", Some(&one)) && !pin.holds("other", None));
    refuses(moving, &with("\"v1.2.3\" = \"1111111\""), "repo[1].pins.\"v1.2.3\"", "is no whole object id");
    refuses(moving, &with(&format!("\"v1.*\" = \"{one}\"")), "repo[1].pins.\"v1.*\"", "is no name of a ref");
    refuses(moving, &with(&format!("v3 = \"{one}\"")), "repo[1].pins", "`moving` lets it move");
    refuses(moving, &with(&format!("vx = \"{one}\", \"refs/tags/vx\" = \"{one}\"")), "repo[1].pins.vx", "pinned twice");
}

const ASKED: &str = "[classify]\nurl = \"https://api.example.com/v1/messages\"\nmodel = \"m-1\"\n";

#[test]
fn a_model_that_labels_is_asked_through_the_gate_with_a_key_of_the_gate_s() {
    let rule = |more: &str| format!("{ASKED}[[egress]]\nhost = \"api.example.com\"\nclients = [\"monitor\"]\n{more}");
    let policy = takes_more(&rule("credential = \"k\""));
    let classify = policy.classify.unwrap();
    assert_eq!((&*classify.host, &*classify.path, &*classify.model), ("api.example.com", "/v1/messages", "m-1"));
    assert!(takes_more("").classify.is_none(), "off without the section");
    refuses_more(ASKED, "classify.url", "no rule lets the monitor POST");
    refuses_more(&rule(""), "classify.url", "with a key of the gate's");
    refuses_more(&rule("credential = \"k\"\npaths = [\"/v2/\"]"), "classify.url", "no rule lets the monitor POST");
}

#[test]
fn the_address_of_a_model_is_a_messages_api_and_nothing_else() {
    for bad in [
        "http://a.example/v1/messages",
        "https://a.example:8/v1/messages",
        "https://a.example/v1/chat",
        "https://a.example/../v1/messages",
        "https://a.example",
    ] {
        refuses_more(&ASKED.replace("https://api.example.com/v1/messages", bad), "classify.url", "");
    }
    refuses_more(&ASKED.replace("m-1", "m 1"), "classify.model", "no name of a model");
}
