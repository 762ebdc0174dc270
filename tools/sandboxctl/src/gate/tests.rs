//! What must hold in every rendered configuration. That nginx takes it, and does what it says, is shown on the real
//! nginx in tests/suites/gate.bats.

use std::path::Path;

use engine::Families;
use policy::Policy;

fn rendered(egress: &str) -> String {
    rendered_for(egress, Families::Both)
}

fn rendered_for(egress: &str, families: Families) -> String {
    let text = format!("{}\n{egress}", include_str!("sample-policy.toml"));
    let policy = Policy::parse(&text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap();
    super::render(&policy, families).unwrap()
}

/// The blocks of the configuration that begin with this head and hold this line.
fn servers<'a>(conf: &'a str, line: &str) -> Vec<&'a str> {
    conf.split("\n    server {\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n    }\n").next())
        .filter(|body| body.contains(line))
        .collect()
}

const GITHUB: &str = r#"
[[egress]]
host = "github.com"
clients = ["monitor"]
methods = ["GET", "POST"]
paths = ["/openclaw/"]
"#;

#[test]
fn a_name_is_served_to_its_clients_and_to_nobody_else() {
    let conf = rendered(GITHUB);
    let servers = servers(&conf, "server_name \"github.com\";");
    assert_eq!(servers.len(), 1);
    assert!(servers[0].contains("listen unix:/run/nginx/http-monitor.sock proxy_protocol;"));
    assert!(servers[0].contains("set $gate_client \"monitor\";"));
}

#[test]
fn a_door_is_another_name_of_the_host_s_own_server_and_the_log_has_the_host() {
    let rule =
        "[[egress]]\nhost = \"api.example.com\"\nclients = [\"cell\", \"monitor\"]\ncredential = \"model-key\"\n";
    let conf = rendered(&format!("{GITHUB}{rule}"));
    let doors = servers(&conf, ".gate.internal\";");
    assert_eq!(doors.len(), 1, "the open cell's, on the network model");
    for line in [
        "listen unix:/run/nginx/http-model.sock proxy_protocol;",
        "server_name \"api.example.com\";",
        "server_name \"api.example.com.gate.internal\";",
        "set $gate_asked api.example.com;",
        "set $gate_upstream api.example.com;",
    ] {
        assert!(doors[0].contains(line), "{line} is not in {}", doors[0]);
    }
    assert_eq!(conf.matches("gate.internal").count(), 1);
}

#[test]
fn the_front_serves_a_network_its_members_only_and_never_the_gate_or_the_host() {
    let conf = rendered(GITHUB);
    let front: Vec<&str> = servers(&conf, "listen 172.30.");
    assert_eq!(front.len(), 4, "two clients on two ports: {conf}");
    for server in front {
        let address = server.split("listen ").nth(1).and_then(|rest| rest.split(':').next()).unwrap();
        assert!(server.contains(&format!("deny {address};")), "{server}");
        assert!(server.contains(&format!("deny {}.1;", &address[..address.rfind('.').unwrap()])), "{server}");
        assert!(server.contains("deny all;"), "{server}");
    }
    assert!(!conf.contains("listen 80") && !conf.contains("listen *"));
}

#[test]
fn on_a_kernel_without_ipv6_the_front_listens_on_ipv4_alone() {
    let (both, four) = (rendered_for(GITHUB, Families::Both), rendered_for(GITHUB, Families::V4));
    assert_eq!((both.matches("listen [").count(), four.matches("listen [").count()), (4, 0));
    assert_eq!(four.matches("listen 172.30.").count(), 4);
}

#[test]
fn a_prefix_with_a_slash_does_not_stand_for_the_path_without() {
    let conf = rendered(GITHUB);
    let bare = conf.split("location = \"/openclaw\" {").nth(1).unwrap();
    assert!(bare.split('}').next().unwrap().contains("path-not-listed"));
}

#[test]
fn what_is_not_listed_is_refused_with_the_reason_and_the_mend() {
    let conf = rendered(GITHUB);
    let default = servers(&conf, "default_server");
    assert!(!default.is_empty());
    for server in default {
        assert!(server.contains("name-not-listed") && server.contains("[[egress]]") && !server.contains("proxy_pass"));
    }
    assert!(servers(&conf, "server_name \"github.com\";")[0].contains("path-not-listed"));
}

#[test]
fn the_upstream_is_verified_for_the_name_of_the_rule() {
    let conf = rendered(GITHUB);
    for line in [
        "proxy_ssl_verify on;",
        "proxy_ssl_name $gate_upstream;",
        "proxy_ssl_server_name on;",
        "proxy_ssl_protocols TLSv1.2 TLSv1.3;",
    ] {
        assert!(conf.contains(line), "{line}");
    }
    assert!(conf.contains("set $gate_upstream github.com;"));
    let plain = conf.lines().filter(|line| line.contains("proxy_pass http:"));
    assert!(
        plain.eq(["            proxy_pass http://$gate_looked_for:9;"]),
        "only the search for addresses, which sends nothing"
    );
}

#[test]
fn outgoing_connections_are_bound_to_the_way_out() {
    let conf = rendered(GITHUB);
    assert!(conf.contains("proxy_bind 172.30.4.2;"), "http");
    let ways: Vec<&str> = servers(&conf, "proxy_pass $gate_address:443;");
    assert_eq!(ways.len(), 1);
    assert!(ways[0].contains("proxy_bind 172.30.4.2;"), "a relay");
}

#[test]
fn a_key_goes_to_its_own_name_and_a_missing_one_is_said() {
    let conf = rendered(
        "[[egress]]\nhost=\"api.example.com\"\nclients=[\"monitor\"]\ncredential=\"api-key\"\n[[egress]]\nhost=\"other.example.com\"\nclients=[\"monitor\"]\n",
    );
    let with = servers(&conf, "server_name \"api.example.com\";");
    assert!(
        with[0].contains("proxy_set_header authorization $gate_key;") && with[0].contains("credential-not-delivered")
    );
    assert!(!servers(&conf, "server_name \"other.example.com\";")[0].contains("$gate_key"));
}

#[test]
fn two_rules_for_one_path_add_up() {
    let conf = rendered(
        "[[egress]]\nhost=\"a.example.com\"\nclients=[\"monitor\"]\nmethods=[\"GET\"]\npaths=[\"/v1/\"]\n[[egress]]\nhost=\"a.example.com\"\nclients=[\"monitor\"]\nmethods=[\"PUT\"]\npaths=[\"/v1/up/\"]\n",
    );
    assert_eq!(conf.matches("location ^~ \"/v1/\" {").count(), 1);
    assert_eq!(conf.matches("location ^~ \"/v1/up/\" {").count(), 1);
    let narrow =
        conf.split("map $request_method $gate_rule_1 {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    assert!(narrow.contains("GET \"egress-0-") && narrow.contains("PUT \"egress-1-"), "{narrow}");
    let wide = conf.split("map $request_method $gate_rule_0 {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    assert!(wide.contains("GET \"egress-0-") && !wide.contains("PUT"), "{wide}");
}

#[test]
fn a_name_with_its_own_tls_is_only_in_the_stream_section() {
    let conf = rendered("[[egress]]\nhost=\"*.example.com\"\nclients=[\"monitor\"]\ntls=\"passthrough\"\n");
    assert!(servers(&conf, "server_name \"*.example.com\";").is_empty());
    assert!(conf.contains("\"*.example.com\" \"egress-0-*.example.com\";"));
    let relay = servers(&conf, "set $gate_below .example.com;");
    assert_eq!(relay.len(), 1);
    assert!(relay[0].contains("js_preread gate.lead_any;") && relay[0].contains("proxy_bind 172.30.4.2;"));
    let socket = relay[0].split("listen ").nth(1).and_then(|rest| rest.split([' ', ';']).next()).unwrap();
    assert!(conf.contains(&format!("\"monitor egress-0-*.example.com 1\" {socket};")), "{socket}");
}

/// The relay of each client to a name, as the sockets that `http` connects to.
fn relays(conf: &str) -> Vec<&str> {
    conf.split("    upstream gate-")
        .skip(1)
        .filter_map(|rest| rest.split("server ").nth(1)?.split(';').next())
        .collect()
}

#[test]
fn two_clients_of_one_name_share_no_connection_to_it() {
    let rule = "[[egress]]\nhost=\"a.example.com\"\nclients=[\"monitor\",\"warden\"]\n";
    let conf = rendered(rule);
    let relays = relays(&conf);
    assert_eq!(relays.len(), 2);
    assert_ne!(relays[0], relays[1]);
    for relay in relays {
        assert_eq!(conf.matches(&format!("listen {relay};")).count(), 1, "{relay} leads out, once");
    }
    assert!(!conf.contains("proxy_pass https://$gate_upstream"), "and there is no other way to it");
}

#[test]
fn a_wildcard_has_slots_on_one_relay_and_no_way_past_it() {
    let conf = rendered("[[egress]]\nhost=\"*.example.com\"\nclients=[\"monitor\",\"warden\"]\n");
    let relays: std::collections::BTreeSet<&str> = relays(&conf).into_iter().collect();
    assert_eq!(relays.len(), 2, "one for each client: {relays:?}");
    for relay in relays {
        let id = relay.split("/out-").nth(1).and_then(|rest| rest.strip_suffix(".sock")).unwrap();
        assert!(id.ends_with("-any"));
        assert_eq!(conf.matches(&format!("    upstream gate-{id}-")).count(), 32);
        assert_eq!(conf.matches(&format!("set $gate_relay {id};")).count(), 2, "its location and its relay");
    }
    assert_eq!(conf.matches("proxy_pass https://").count(), 2);
    assert_eq!(conf.matches("proxy_pass https://$gate_way;").count(), 2);
    assert!(conf.contains("map \"\" $gate_slots { default \"32\"; }"));
}

#[test]
fn there_is_room_for_a_long_name_before_the_first_map_of_each_section() {
    let conf = rendered(GITHUB);
    for section in ["http {", "stream {"] {
        let rest = conf.split(&format!("\n{section}\n")).nth(1).unwrap();
        assert!(rest.trim_start().starts_with("map_hash_bucket_size 1024;"), "{section}");
    }
}

#[test]
fn a_relay_keeps_its_name_when_the_policy_changes_around_it() {
    let before = rendered(GITHUB);
    let after = rendered(&format!("[[egress]]\nhost=\"a.example.com\"\nclients=[\"monitor\"]\n{GITHUB}"));
    assert!(relays(&after).contains(&relays(&before)[0]));
}

#[test]
fn no_address_of_the_inside_is_led_to_but_through_a_hole_of_the_moat() {
    let conf = rendered(GITHUB);
    let ranges = conf.split("$gate_never { default \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    for range in ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "100.64.0.0/10"] {
        assert!(ranges.split(' ').any(|one| one == range), "{range} is not in {ranges}");
    }
    assert!(!ranges.contains(':'), "the gate goes out over IPv4 only: {ranges}");
    assert!(conf.contains("map \"\" $gate_holes { default \"\"; }"));
}

#[test]
fn the_script_records_the_actions_that_the_page_lists_and_no_other() {
    let script = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/images/proxy/njs/record.js"));
    let outcomes = script.split("const OUTCOMES = {").nth(1).and_then(|rest| rest.split("};").next()).unwrap();
    let verdicts: Vec<&str> = outcomes.lines().filter_map(|line| Some(line.trim().split_once(": {")?.0)).collect();
    let subjects: Vec<&str> = script.split("head('").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    assert_eq!((verdicts.len(), subjects.len()), (3, 2));
    let written: std::collections::BTreeSet<String> = subjects
        .iter()
        .flat_map(|subject| verdicts.iter().map(move |verdict| format!("{subject}-{verdict}")))
        .collect();
    let listed = record::Action::ALL.iter().filter(|(_, tool, _)| *tool == record::GATE);
    assert_eq!(written, listed.map(|(action, _, _)| action.name().to_owned()).collect());
    assert!(rendered("").contains("\"action\":\"request-allowed\""), "and nginx by itself one of them");
    assert!(script.contains("action: `${what}-${judged.verdict}`"));
}

#[test]
fn an_open_cell_finds_what_the_gate_holds_a_key_for_on_the_network_model_and_each_way_on_leads_somewhere() {
    let keyed = "[[egress]]\nhost = \"api.example.com\"\nclients = [\"cell\", \"monitor\"]\ncredential = \"model-key\"\n\
        [[egress]]\nhost = \"keyless.example.com\"\nclients = [\"cell\"]\n";
    let conf = rendered(&format!("{GITHUB}{keyed}"));
    let of_model = servers(&conf, "set $gate_client \"model\";");
    assert!(of_model.iter().any(|server| server.contains("server_name \"api.example.com\";")));
    assert!(!conf.contains("keyless.example.com"), "an open cell reaches it by itself");
    let ways: Vec<&str> =
        conf.split("proxy_pass https://gate-").skip(1).filter_map(|rest| rest.split(';').next()).collect();
    assert_eq!(ways.len(), 3, "github and the model's API for the monitor, the model's API for the cell");
    for way in ways {
        assert!(conf.contains(&format!("upstream gate-{way} {{")), "{way}");
    }
}

const INSPECTED: &str = "[[egress]]\nhost = \"api.example.com\"\nclients = [\"cell\"]\ntls = \"inspect\"\nmethods = [\"POST\"]\n\
    paths = [\"/v1/\"]\ncredential = \"model-key\"\n";

#[test]
fn where_the_gate_opens_tls_the_rules_of_the_name_hold_and_the_upstream_is_verified() {
    let conf = rendered(&format!("{GITHUB}{INSPECTED}"));
    let server = servers(&conf, "server_name \"api.example.com\";");
    assert_eq!(server.len(), 1, "and nothing on port 80");
    let server = server[0];
    assert!(server.contains("listen unix:/run/nginx/tls-model.sock ssl proxy_protocol;"), "{server}");
    for line in
        ["ssl_certificate /run/secrets/$gate_leaf;", "path-not-listed", "$gate_key", "proxy_redirect off;", "limit_req"]
    {
        assert!(server.contains(line), "{line}");
    }
    assert!(server.contains("proxy_pass https://gate-") && server.contains("method-not-listed"));
    let socket = "unix:/run/nginx/tls-model.sock";
    assert!(
        conf.contains(&format!("\"model egress-1-api.example.com 1\" {socket};")),
        "the front leads there, for the name alone"
    );
    assert!(!conf.contains("tls-monitor.sock") && !conf.contains("tls-warden.sock"));
}

#[test]
fn on_a_connection_that_the_gate_opened_no_request_is_for_another_name() {
    let conf = rendered(&format!("{INSPECTED}{}", INSPECTED.replace("api.", "docs.")));
    for name in ["api.example.com", "docs.example.com"] {
        let server = servers(&conf, &format!("server_name \"{name}\";"))[0];
        let own = format!("if ($gate_leaf != \"{}\") {{", crate::paths::leaf_file(name));
        assert!(server.split(&own).nth(1).is_some_and(|rest| rest.contains("return 421")), "{server}");
    }
    let default = servers(&conf, "tls-model.sock ssl proxy_protocol default_server;");
    assert!(default.len() == 1 && default[0].contains("ssl_reject_handshake on;") && default[0].contains("return 421"));
    assert!(!default[0].contains("proxy_pass"));
}

#[test]
fn another_client_of_an_opened_name_has_no_tls_opened_and_no_socket_for_it() {
    let theirs = "[[egress]]\nhost = \"api.example.com\"\nclients = [\"monitor\"]\n";
    let conf = rendered(&format!("{INSPECTED}{theirs}"));
    assert!(conf.contains("tls-model.sock"), "the control");
    assert!(!conf.contains("tls-monitor.sock"), "a rule's own tls decides, not another client's");
}

#[test]
fn without_a_name_to_inspect_the_gate_has_no_certificate_and_listens_for_no_tls() {
    let conf =
        rendered(&format!("{GITHUB}[[egress]]\nhost=\"*.example.com\"\nclients=[\"monitor\"]\ntls=\"passthrough\"\n"));
    assert!(!conf.contains("ssl_certificate ") && !conf.contains("gate_leaf") && !conf.contains(" ssl proxy_protocol"));
}

#[test]
fn where_the_front_says_whom_a_connection_is_from_each_place_behind_it_listens_to_that_and_no_relay_hears_it() {
    let passed = "[[egress]]\nhost=\"*.example.org\"\nclients=[\"monitor\", \"cell\"]\ntls=\"passthrough\"\n";
    let text =
        format!("{}\n{INSPECTED}{passed}", include_str!("sample-policy.toml")).replace("\"open\"", "\"proxied\"");
    let policy = Policy::parse(&text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap();
    let conf = super::render(&policy, Families::V4).unwrap();
    let ways = conf.split("$gate_is_name\" $gate_upstream {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let places = ways.lines().filter_map(|line| line.trim().strip_suffix(';')?.rsplit_once(' '));
    let mut seen = 0;
    for (key, place) in places {
        let is_told = key.contains("cell ");
        let listens: Vec<&str> = conf.lines().map(str::trim).filter(|line| line.starts_with("listen ")).collect();
        let here: Vec<&&str> = listens.iter().filter(|line| line.split([' ', ';']).any(|word| word == place)).collect();
        assert!(
            !here.is_empty() && here.iter().all(|line| line.contains("proxy_protocol") == is_told),
            "{key} {here:?}"
        );
        seen += 1;
    }
    assert_eq!(seen, 5, "two that refuse, two passed, one opened: {ways}");
    let fronts: Vec<&str> =
        servers(&conf, "ssl_preread on;").into_iter().filter(|server| server.contains(":443;")).collect();
    for front in fronts {
        assert_eq!(front.contains("proxy_protocol on;"), front.contains("172.30.1."), "{front}");
    }
    assert!(!conf.lines().any(|line| line.contains("listen unix:/run/nginx/out-") && line.contains("proxy_protocol")));
}
