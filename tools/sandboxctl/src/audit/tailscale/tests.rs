//! Answers in the shape of Tailscale 1.88, and what they expose.

use super::super::tests::policy;
use super::*;

const UP: &str = r#"{"BackendState":"Running","Self":{"DNSName":"home.tail0.ts.net.","TailscaleIPs":["100.64.0.5"],"PrimaryRoutes":ROUTES},"Peer":{}}"#;

fn doors() -> Doors {
    let listed = r#"[{"Id":"1","Ports":[{"PrivatePort":443,"PublicPort":8443,"Type":"tcp"},{"PrivatePort":80,"PublicPort":3000,"Type":"tcp"},
        {"IP":"0.0.0.0","PrivatePort":80,"PublicPort":3001,"Type":"tcp"},{"IP":"127.0.0.1","PrivatePort":80,"PublicPort":3002,"Type":"tcp"},
        {"IP":"192.168.77.2","PrivatePort":80,"PublicPort":3003,"Type":"tcp"}],
        "NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.2","GlobalIPv6Address":""}}}}]"#;
    let table = "  |-- 192.168.77.2\n     /32 host LOCAL\n  |-- 192.168.77.255\n     /32 link BROADCAST\n";
    let own = Own::of(
        (table, "20010db8007700000000000000000002 02 40 00 80 up0\n"),
        "box",
        "192.168.77.2 home\n172.17.0.2 web\n",
    );
    Doors::of(&policy(), &serde_json::from_str::<Vec<ContainerSummary>>(listed).unwrap(), own)
}

fn exposed_by(routes: &str, serve: &str) -> Vec<String> {
    match parse(&UP.replace("ROUTES", routes), serve, &doors()).unwrap() {
        Tailnet::Exposes(found) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_vault_s_port_in_the_tailnet_and_programs_of_the_host_s_own_are_served_as_they_should_be() {
    for serve in [
        "",
        "null",
        "{}",
        r#"{"TCP":{"8443":{"TCPForward":"127.0.0.1:8443"}}}"#,
        r#"{"Web":{"home.tail0.ts.net:443":{"Handlers":{"/":{"Proxy":"https+insecure://localhost:8443"}}}},"TCP":{"443":{"HTTPS":true}}}"#,
        r#"{"TCP":{"22":{"TCPForward":"127.0.0.1:22"}},"Web":{"h:443":{"Handlers":{"/":{"Path":"/srv/www"},"/t":{"Text":"hi"}}}}}"#,
        r#"{"TCP":{"443":{"TCPForward":"127.0.0.1:9"}},"AllowFunnel":{"h:443":true}}"#,
        r#"{"TCP":{"80":{"TCPForward":"nas:3000"}}}"#,
        r#"{"TCP":{"80":{"TCPForward":"192.168.77.10:3001"}}}"#,
        r#"{"TCP":{"80":{"TCPForward":"192.168.77.2:22"}}}"#,
        r#"{"TCP":{"80":{"TCPForward":"192.168.77.2:3002"}}}"#,
        r#"{"TCP":{"80":{"TCPForward":"[2001:db8:77::2]:3003"}}}"#,
    ] {
        assert_eq!(exposed_by("null", serve), [] as [&str; 0], "{serve}");
    }
    assert_eq!(
        exposed_by(r#"["192.168.1.0/24","0.0.0.0/0"]"#, "{}"),
        [] as [&str; 0],
        "the house's own, and an exit node"
    );
}

#[test]
fn every_way_to_a_container_is_named() {
    for (serve, said) in [
        (r#"{"TCP":{"3000":{"TCPForward":"127.0.0.1:3000"}}}"#, "serve on 3000 leads to 127.0.0.1:3000"),
        (r#"{"TCP":{"9":{"TCPForward":"172.30.1.3:443"}}}"#, "serve on 9 leads to 172.30.1.3:443"),
        (
            r#"{"Web":{"h:443":{"Handlers":{"/":{"Proxy":"http://localhost:3000/x"}}}}}"#,
            "serve on 443 leads to localhost:3000",
        ),
        (r#"{"Web":{"h:443":{"Handlers":{"/":{"Proxy":"3000"}}}}}"#, "serve on 443 leads to 127.0.0.1:3000"),
        (
            r#"{"Web":{"h:443":{"Handlers":{"/":{"Proxy":"http://[fd6c:6c62:1::3]"}}}}}"#,
            "serve on 443 leads to fd6c:6c62:1::3:80",
        ),
        (
            r#"{"TCP":{"443":{"TCPForward":"127.0.0.1:8443"}},"AllowFunnel":{"home:443":true}}"#,
            "funnel, to the whole internet, on 443 leads to 127.0.0.1:8443",
        ),
        (r#"{"Foreground":{"s":{"TCP":{"1":{"TCPForward":"127.0.0.1:3000"}}}}}"#, "serve on 1 leads to 127.0.0.1:3000"),
        (
            r#"{"Services":{"svc:x":{"TCP":{"2":{"TCPForward":"localhost:3000"}}}}}"#,
            "serve on 2 leads to localhost:3000",
        ),
    ] {
        assert_eq!(exposed_by("null", serve), [said], "{serve}");
    }
    assert_eq!(exposed_by(r#"["172.30.0.0/16"]"#, "{}"), ["the route 172.30.0.0/16 to the containers"]);
}

/// Docker publishes at all of the host's addresses unless told otherwise, and Tailscale may be given any of them.
#[test]
fn a_port_that_is_open_at_an_address_of_the_host_s_own_leads_to_a_container() {
    for to in [
        "192.168.77.2:3000",
        "192.168.77.2:3001",
        "192.168.77.2:3003",
        "100.64.0.5:3001",
        "::ffff:192.168.77.2:3001",
        "2001:db8:77::2:3001",
        "box:3001",
        "home:3003",
        "home.tail0.ts.net:3001",
        "172.17.0.2:80",
        "web:80",
    ] {
        let (host, port) = to.rsplit_once(':').unwrap();
        let written = if host.contains(':') { format!("[{host}]:{port}") } else { to.to_owned() };
        let tcp = format!(r#"{{"TCP":{{"9":{{"TCPForward":"{written}"}}}}}}"#);
        assert_eq!(exposed_by("null", &tcp), [format!("serve on 9 leads to {to}")]);
        let web = format!(
            r#"{{"Web":{{"h:9":{{"Handlers":{{"/":{{"Proxy":"http://{written}"}}}}}}}},"AllowFunnel":{{"h:9":true}}}}"#
        );
        assert_eq!(exposed_by("null", &web), [format!("funnel, to the whole internet, on 9 leads to {to}")]);
    }
}

#[test]
fn what_is_stopped_exposes_nothing_and_what_is_not_understood_is_no_pass() {
    let stopped = parse(r#"{"BackendState":"Stopped"}"#, "{}", &doors()).unwrap();
    assert_eq!(stopped, Tailnet::Stopped("Stopped".to_owned()));
    for (status, serve) in
        [("", "{}"), ("[]", "{}"), (&*UP.replace("ROUTES", "null"), "[1]"), (&*UP.replace("ROUTES", "7"), "{}")]
    {
        assert!(parse(status, serve, &doors()).is_err(), "{status} {serve}");
    }
    let unix = r#"{"TCP":{"80":{"TCPForward":"unix:/var/run/docker.sock"}}}"#;
    assert!(parse(&UP.replace("ROUTES", "null"), unix, &doors()).unwrap_err().contains("not understood"));
    let verdict = |tailnet| (CONTROL.judge)(&Engine { tailnet, ..Engine::default() });
    assert!(matches!(verdict(Some(Ok(Tailnet::NotInstalled))), Verdict::Pass { .. }));
    assert!(matches!(verdict(Some(Err("x".to_owned()))), Verdict::Unknown { .. }));
    assert!(matches!(verdict(Some(Ok(Tailnet::Exposes(vec!["x".to_owned()])))), Verdict::Fail { .. }));
}
