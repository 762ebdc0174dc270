//! What must hold in every rendered configuration. That nginx takes it, and does what it says, is shown on the real
//! nginx in tests/gate.bats.

use std::path::Path;

use policy::Policy;

fn rendered(egress: &str) -> String {
    let text = format!("{}\n{egress}", include_str!("sample-policy.toml"));
    let policy = Policy::parse(&text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap();
    super::render(&policy).unwrap()
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
    assert!(servers[0].contains("listen 172.30.2.2:80;") && servers[0].contains("set $gate_client \"monitor\";"));
}

#[test]
fn every_server_serves_its_network_only_and_never_the_gate_itself() {
    let conf = rendered(GITHUB);
    let listening = conf.split("\n    server {\n").skip(1).count();
    assert!(listening >= 4, "two clients on two ports: {conf}");
    assert_eq!(conf.matches("deny all;").count(), listening);
    for server in conf.split("\n    server {\n").skip(1) {
        let address = server.split("listen ").nth(1).unwrap().split(':').next().unwrap();
        assert!(server.contains(&format!("deny {address};")), "{server}");
        assert!(!server.contains("listen 80") && !server.contains("listen *"));
    }
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
    assert!(conf.contains("set $gate_upstream github.com;") && !conf.contains("proxy_pass http:"));
}

#[test]
fn outgoing_connections_are_bound_to_the_way_out() {
    assert_eq!(rendered(GITHUB).matches("proxy_bind 172.30.4.2;").count(), 2, "one for http, one for stream");
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
fn a_name_with_its_own_tls_is_only_in_the_stream_section() {
    let conf = rendered("[[egress]]\nhost=\"*.example.com\"\nclients=[\"monitor\"]\ntls=\"passthrough\"\n");
    assert!(servers(&conf, "server_name \"*.example.com\";").is_empty());
    assert!(conf.contains("\"*.example.com\" \"egress-0-*.example.com\";"));
    assert!(conf.contains("\"egress-0-*.example.com\" $ssl_preread_server_name:443;"));
}
