//! Is it there, is it what was built, and is it well?

use engine::models::HealthStatusEnum;
use record::Severity::{High, Medium};

use super::control::{Control, Verdict};
use super::facts::Subject;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    PRESENT,
    HEALTH,
    Control::new(
        "cellblock-image",
        "was made from the image that was built",
        High,
        "scripts/build, then scripts/up",
        image,
    ),
];

/// The only one that a missing container has.
pub(crate) const PRESENT: Control<Subject> = Control::new("cellblock-running", "runs", High, "scripts/up", running);

/// It changes by itself, and the engine tells so.
pub(crate) const HEALTH: Control<Subject> = Control::new(
    "cis-docker-5.27",
    "has a health check, and is healthy",
    Medium,
    "give it a health check, or see why it fails: docker logs NAME; scripts/up",
    health,
);

/// What is found where nothing tells whether a container is well.
pub(crate) const NO_CHECK: &str = "no health check";

fn running(subject: &Subject) -> Verdict {
    match subject.facts.running {
        Some(running) => Verdict::when(running, "running", if running { "running" } else { "stopped" }),
        None => Verdict::untold("the engine did not tell whether it runs"),
    }
}

fn health(subject: &Subject) -> Verdict {
    let expected = "a health check that passes";
    if !subject.facts.has_health_check {
        return Verdict::differs(expected, NO_CHECK);
    }
    match (subject.facts.running, subject.facts.health) {
        (Some(false), _) => Verdict::differs(expected, "stopped"),
        (_, Some(HealthStatusEnum::HEALTHY)) => Verdict::holds("healthy"),
        (_, Some(HealthStatusEnum::UNHEALTHY)) => Verdict::differs(expected, "unhealthy"),
        (_, Some(HealthStatusEnum::STARTING)) => Verdict::untold("it is still starting; ask again"),
        _ => Verdict::untold("the engine did not tell its health"),
    }
}

/// An image that was built again, or another's under the same name, shows in the id.
fn image(subject: &Subject) -> Verdict {
    let Some(service) = subject.expect.service else { return Verdict::NotApplicable };
    let wanted = format!("cellblock/{service}:local");
    let (Some(name), Some(id)) = (&subject.facts.image, &subject.facts.image_id) else {
        return Verdict::untold("the engine did not tell the image");
    };
    match &subject.image {
        _ if *name != wanted => Verdict::differs(wanted, name),
        Some(built) => Verdict::when(built == id, built, id),
        None => Verdict::untold(format!("the engine does not know the image {name} any more")),
    }
}
