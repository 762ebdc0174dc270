//! What lies in files: in the layers of an image, and in files of the host's that are mounted into a container. The
//! Compose files that it was made by are read too. All may be an attacker's: what is beyond a bound is not read, and
//! that is told.

mod archive;
mod budget;
mod candidates;
pub(crate) mod compose;
mod layer;
pub(crate) mod layers;
pub(crate) mod text;

use record::Severity::{High, Medium};

use super::control::{Control, Verdict, listed};
use super::facts::Subject;
use super::leak::Leak;

/// The controls that layers are read for.
pub(crate) const OF_LAYERS: [&str; 2] = ["cis-docker-4.8", "cellblock-layer-secret"];

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cis-docker-4.8",
        "has no set-uid or set-gid file in its image",
        Medium,
        "RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +, as the last step; build the image again; scripts/up",
        set_id,
    ),
    Control::new(
        "cellblock-layer-secret",
        "has no secret in a layer of its image, be it removed by a later one",
        High,
        "docker build --secret, or a stage that is not kept; build the image again, and change the secret; scripts/up",
        layers,
    ),
    Control::new(
        "cellblock-mounted-secret",
        "has no secret in a file of the host's that is mounted into it, but for those below /run/secrets",
        Medium,
        "mount a file without it; give a secret to what needs it alone, below /run/secrets; scripts/up",
        mounted,
    ),
    Control::new(
        "cellblock-compose-secret",
        "was made by Compose files without a secret",
        Medium,
        "a secret of Compose's (secrets:) that a file of mode 0600 holds, or sandboxctl secret put; scripts/up",
        composed,
    ),
];

/// The secrets with their places, and what the search did not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Searched {
    pub(super) leaks: Vec<Leak>,
    /// How many more there are than a record has.
    pub(super) more: usize,
    pub(crate) untold: Vec<String>,
}

/// The most secrets that one record has; more say nothing more.
const TOLD: usize = 200;

impl Searched {
    /// The secrets that were found.
    #[cfg(test)]
    pub(super) fn leaks(&self) -> &[Leak] {
        &self.leaks
    }

    /// Nothing was read, and why.
    pub(super) fn unread(why: String) -> Self {
        Self { untold: vec![why], ..Self::default() }
    }

    /// What was found in one file, or why it was not read.
    pub(super) fn add(&mut self, found: Result<Vec<Leak>, String>) {
        match found {
            Ok(leaks) => leaks.into_iter().for_each(|leak| self.push(leak)),
            Err(why) if self.untold.len() < TOLD => self.untold.push(why),
            // Many that were not read say what one says.
            Err(_) => {}
        }
    }

    /// One more: told, or counted.
    fn push(&mut self, leak: Leak) {
        if self.leaks.len() < TOLD { self.leaks.push(leak) } else { self.more += 1 }
    }

    fn verdict(&self) -> Verdict {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        let found: Vec<String> = self.leaks.iter().map(ToString::to_string).chain(more).collect();
        match (found.is_empty(), self.untold.is_empty()) {
            (true, false) => Verdict::untold(listed(&self.untold)),
            _ => Verdict::none_of("none", &found),
        }
    }
}

fn set_id(subject: &Subject) -> Verdict {
    match &subject.layers {
        None => Verdict::NotApplicable,
        Some(Err(why)) => Verdict::untold(why),
        Some(Ok(layers)) => match &layers.set_id {
            Err(why) => Verdict::untold(why),
            Ok(files) => Verdict::none_of("none", files),
        },
    }
}

fn layers(subject: &Subject) -> Verdict {
    match &subject.layers {
        None => Verdict::NotApplicable,
        Some(Err(why)) => Verdict::untold(why),
        Some(Ok(layers)) => layers.secrets.verdict(),
    }
}

fn mounted(subject: &Subject) -> Verdict {
    subject.facts.given.as_ref().map_or(Verdict::NotApplicable, Searched::verdict)
}

fn composed(subject: &Subject) -> Verdict {
    subject.facts.composed.as_ref().map_or(Verdict::NotApplicable, Searched::verdict)
}
