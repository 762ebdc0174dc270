//! What a container was made from: how its image was built, step by step, and whether it is still what its name stands
//! for. A step may hold a secret, so its number is told and what is wrong with it, never its text.

mod step;

use record::Severity::{High, Low, Medium};

use super::control::{Control, Verdict};
use super::facts::Subject;
use super::leak::{self, Leak};

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cis-docker-4.2",
        "was made from an image that names its base by digest, if it is one of ours",
        Medium,
        "scripts/build, then scripts/up",
        base,
    ),
    Control::new(
        "cis-docker-4.6",
        "has a health check, from its image or given to it",
        Low,
        "HEALTHCHECK in the Dockerfile, or a healthcheck of the container's own; scripts/up",
        health_check,
    ),
    Control::new(
        "cis-docker-4.7",
        "has no step in its image that only updates a list of packages",
        Low,
        "RUN apt-get update && apt-get install, in one step; build the image again; scripts/up",
        lone_update,
    ),
    Control::new(
        "cis-docker-4.9",
        "has no step in its image that adds what COPY would not",
        Low,
        "COPY instead of ADD; build the image again; scripts/up",
        added,
    ),
    Control::new(
        "cis-docker-4.10",
        "has no secret in a step of its image",
        High,
        "docker build --secret; build the image again without it, and change the secret; scripts/up",
        secrets,
    ),
    Control::new(
        "cis-docker-4.11",
        "has no step in its image that takes what nobody has verified",
        Medium,
        "packages and files by signature or digest; build the image again; scripts/up",
        unverified,
    ),
    Control::new(
        "cis-docker-5.28",
        "runs the image that its name stands for now",
        Medium,
        "make it anew from the newer image; scripts/up",
        newest,
    ),
];

/// Which base an image of ours was made from (OCI image specification, annotations).
pub(super) const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// What a stranger's image rests on is its owner's affair.
fn base(subject: &Subject) -> Verdict {
    if subject.expect.service.is_none() {
        return Verdict::NotApplicable;
    }
    let digest = subject.facts.base.as_deref().unwrap_or("none");
    Verdict::when(digest.starts_with("sha256:"), "a digest", digest)
}

fn health_check(subject: &Subject) -> Verdict {
    let has = subject.facts.has_health_check;
    Verdict::when(has, "a health check", if has { "a health check" } else { "none" })
}

/// Steps that a judge objects to, as `step 3 (why)`; the first one is the oldest.
fn steps(subject: &Subject, expected: &str, wrong: impl Fn(&str) -> Option<&'static str>) -> Verdict {
    match &subject.history {
        None => Verdict::NotApplicable,
        Some(Err(why)) => Verdict::untold(why),
        Some(Ok(history)) => {
            let numbered = history.steps.iter().enumerate();
            let found = numbered.filter_map(|(at, step)| Some(format!("step {} ({})", at + 1, wrong(step)?)));
            Verdict::none_of(expected, &found.collect::<Vec<_>>())
        }
    }
}

/// How an image came to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// What made each layer, the oldest first.
    steps: Vec<String>,
    /// Where a secret is in them. The values are looked at once, and not kept.
    pub(super) leaks: Vec<Leak>,
}

impl History {
    /// From the engine's list, which has the newest first.
    pub(crate) fn of(newest_first: Vec<String>, rules: &super::Rules) -> Self {
        let steps: Vec<String> = newest_first.into_iter().rev().collect();
        let leaks = steps.iter().enumerate().flat_map(|(at, step)| leak::in_step(at + 1, step, rules));
        Self { leaks: leaks.collect(), steps }
    }
}

fn lone_update(subject: &Subject) -> Verdict {
    steps(subject, "none that updates alone", step::lone_update)
}

fn added(subject: &Subject) -> Verdict {
    steps(subject, "no ADD", step::added)
}

fn unverified(subject: &Subject) -> Verdict {
    steps(subject, "none", step::unverified)
}

fn secrets(subject: &Subject) -> Verdict {
    match &subject.history {
        None => Verdict::NotApplicable,
        Some(Err(why)) => Verdict::untold(why),
        Some(Ok(history)) => leak::verdict(&history.leaks),
    }
}

/// An image that was built or pulled again under the same name leaves its containers behind.
fn newest(subject: &Subject) -> Verdict {
    match (&subject.facts.image_id, &subject.image) {
        (None, _) => Verdict::untold("the engine did not tell the image"),
        (Some(_), None) => Verdict::untold("the engine does not know the image by that name any more"),
        (Some(own), Some(now)) => Verdict::when(own == now, now, own),
    }
}
