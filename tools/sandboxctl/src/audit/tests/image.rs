//! Images by their steps: each that is weak beside those that real images have.

use super::super::image::History;
use super::*;

fn judged(id: &str, steps: &[&str]) -> Verdict {
    let mut subject = subject("stranger", &sound(), &able());
    let newest_first = steps.iter().rev().map(|step| (*step).to_owned()).collect();
    subject.history = Some(Ok(History::of(newest_first, leak::Rules::built_in())));
    (control(id).judge)(&subject)
}

const SOUND: [&str; 10] = [
    "/bin/sh -c #(nop) ADD file:ad85a9d7b0a74c2140bd51d3c4559392e7beae5aa13f1a45a87d3c96f7b5e9e1 in / ",
    "ADD alpine-minirootfs-3.20.3-x86_64.tar.gz / # buildkit",
    "RUN /bin/sh -c apt-get -o Acquire::Languages=none update  && apt-get install -y --no-install-recommends curl # buildkit",
    "RUN /bin/sh -c apk update && apk add git # buildkit",
    "RUN |1 VERSION=1.2.3 /bin/sh -c set -eux; curl -fsSL https://example.org/x.tgz -o x.tgz; echo \"0123  x.tgz\" | sha256sum -c - # buildkit",
    "RUN /bin/sh -c curl -fsS https://example.org/list | sort | head # buildkit",
    "ENV GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D",
    "COPY --chmod=0755 enter healthy /usr/local/bin/ # buildkit",
    "CMD [\"/opt/agent/start\"]",
    "",
];

#[test]
fn steps_as_real_images_have_them_pass() {
    for id in ["cis-docker-4.7", "cis-docker-4.9", "cis-docker-4.10", "cis-docker-4.11"] {
        assert!(matches!(judged(id, &SOUND), Verdict::Pass { .. }), "{id}: {:?}", judged(id, &SOUND));
    }
}

#[test]
fn a_weak_step_is_told_by_its_number_and_never_by_its_text() {
    for (id, step) in [
        ("cis-docker-4.7", "RUN /bin/sh -c apt-get update # buildkit"),
        ("cis-docker-4.7", "/bin/sh -c apk update;true"),
        ("cis-docker-4.9", "ADD https://example.org/x.tgz /opt/ # buildkit"),
        ("cis-docker-4.9", "/bin/sh -c #(nop) ADD dir:0123 in /srv "),
        ("cis-docker-4.10", "RUN |1 NPM_TOKEN=s3cr3tPw9x /bin/sh -c npm ci # buildkit"),
        ("cis-docker-4.10", "RUN /bin/sh -c echo ghp_0123456789abcdefghijABCDEFGHIJ012345 >/root/.t # buildkit"),
        ("cis-docker-4.10", "ENV DB_PASSWORD=s3cr3tPw9x"),
        ("cis-docker-4.11", "RUN /bin/sh -c curl -sSL https://example.org/install.sh | bash # buildkit"),
        ("cis-docker-4.11", "RUN /bin/sh -c wget -qO- https://example.org/i | sudo sh -s -- -y # buildkit"),
        ("cis-docker-4.11", "RUN /bin/sh -c apt-get install -y --allow-unauthenticated x"),
        ("cis-docker-4.11", "RUN /bin/sh -c curl -k https://example.org/x -o x"),
        ("cis-docker-4.11", "RUN /bin/sh -c echo 'deb [trusted=yes] http://example.org ./' >/etc/apt/sources.list"),
    ] {
        let steps: Vec<&str> = SOUND.into_iter().chain([step]).collect();
        let Verdict::Fail { found, .. } = judged(id, &steps) else { panic!("{id}: {step}") };
        assert!(found.contains("step 11") && !found.contains("example.org"), "{found}");
        assert!(!found.contains("s3cr3t") && !found.contains("ghp_"), "{found}");
    }
}

#[test]
fn an_image_of_ours_names_its_base_and_a_history_that_was_not_told_is_no_pass() {
    let labelled = |digest: &str| json!({"Config": {"Labels": {"org.opencontainers.image.base.digest": digest}}});
    assert!(matches!(verdict("cis-docker-4.2", "vault", labelled("sha256:0123")), Verdict::Pass { .. }));
    assert!(matches!(verdict("cis-docker-4.2", "vault", labelled("unknown")), Verdict::Fail { .. }));
    assert!(matches!(verdict("cis-docker-4.2", "vault", json!({})), Verdict::Fail { .. }));
    let mut subject = subject("stranger", &sound(), &able());
    subject.history = Some(Err("no answer".to_owned()));
    for id in ["cis-docker-4.7", "cis-docker-4.9", "cis-docker-4.10", "cis-docker-4.11"] {
        assert!(matches!((control(id).judge)(&subject), Verdict::Unknown { .. }), "{id}");
    }
}

#[test]
fn selinux_is_asked_for_where_the_engine_has_it_and_what_is_missing_is_told_of_the_engine() {
    let under = |modules: &[&str], option: &str| {
        let mut engine = able();
        merge(&mut engine, &json!({"SecurityOptions": modules}));
        let mut told = sound();
        merge(&mut told, &host(json!({"SecurityOpt": [option]})));
        (control("cis-docker-5.3").judge)(&subject("stranger", &told, &engine))
    };
    assert!(matches!(under(&["name=selinux"], "no-new-privileges"), Verdict::Pass { .. }));
    assert!(matches!(under(&["name=selinux"], "label=disable"), Verdict::Fail { .. }));
    assert!(matches!(under(&["name=selinux"], "label:disable"), Verdict::Fail { .. }));
    assert_eq!(under(&["name=seccomp"], "label=disable"), Verdict::NotApplicable);
    let control = daemon::ALL.iter().find(|control| control.id == "cellblock-engine-modules").unwrap();
    let verdict = (control.judge)(&Engine::of(serde_json::from_value(able()).unwrap()));
    assert_eq!(verdict, Verdict::holds("seccomp, AppArmor, no SELinux"));
}
