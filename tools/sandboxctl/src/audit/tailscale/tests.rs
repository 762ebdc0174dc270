//! Answers in the shape of Tailscale 1.88, and what they expose.

use super::super::tests::policy;
use super::*;

const UP: &str =
    r#"{"BackendState":"Running","Self":{"DNSName":"home.tail0.ts.net.","PrimaryRoutes":ROUTES},"Peer":{}}"#;

fn doors() -> Doors {
    let listed = r#"[{"Id":"1","Ports":[{"PrivatePort":443,"PublicPort":8443,"Type":"tcp"},{"PrivatePort":80,"PublicPort":3000,"Type":"tcp"}]}]"#;
    Doors::of(&policy(), &serde_json::from_str::<Vec<ContainerSummary>>(listed).unwrap())
}

fn exposed_by(routes: &str, serve: &str) -> Vec<String> {
    match judged(&UP.replace("ROUTES", routes), serve, &doors()).unwrap() {
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

#[test]
fn what_is_stopped_exposes_nothing_and_what_is_not_understood_is_no_pass() {
    let stopped = judged(r#"{"BackendState":"Stopped"}"#, "{}", &doors()).unwrap();
    assert_eq!(stopped, Tailnet::Stopped("Stopped".to_owned()));
    for (status, serve) in
        [("", "{}"), ("[]", "{}"), (&*UP.replace("ROUTES", "null"), "[1]"), (&*UP.replace("ROUTES", "7"), "{}")]
    {
        assert!(judged(status, serve, &doors()).is_err(), "{status} {serve}");
    }
    let unix = r#"{"TCP":{"80":{"TCPForward":"unix:/var/run/docker.sock"}}}"#;
    assert!(judged(&UP.replace("ROUTES", "null"), unix, &doors()).unwrap_err().contains("not understood"));
    let verdict = |tailnet| (CONTROL.judge)(&Engine { tailnet, ..Engine::default() });
    assert!(matches!(verdict(Some(Ok(Tailnet::NotInstalled))), Verdict::Pass { .. }));
    assert!(matches!(verdict(Some(Err("x".to_owned()))), Verdict::Unknown { .. }));
    assert!(matches!(verdict(Some(Ok(Tailnet::Exposes(vec!["x".to_owned()])))), Verdict::Fail { .. }));
}
