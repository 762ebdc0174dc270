//! The rules for what does not come from a bridge: who is no member gets into none.
//!
//! A packet to a member's own address is known by that, and is stopped where it comes in. One to a port that Docker
//! publishes is not: it gets its new destination behind our chain. So the first packet of each connection is asked
//! once more where it goes on, and every later one where it comes in, for by then it is known who answers.

use policy::Network;
use record::cellblock::{MoatCondition as Condition, MoatVerdict as Verdict};

use crate::group::{Family, Group, SetName};
use crate::plan::Rule;
use crate::table::{FORWARD, INWARD, PREROUTING, PUBLISHED, REDIRECTED};

/// What comes from elsewhere, packet for packet: to what leads to a member, and to a member. That a connection was
/// given a member for its destination is known from its second packet on; the first meets [`through`].
pub(crate) fn arriving() -> Vec<Rule> {
    let turned = rule(
        PREROUTING,
        "outside/published",
        vec![Condition::Redirected, Condition::Opening],
        Verdict::Goto(PUBLISHED.to_owned()),
        "What was given another destination is looked at once more.",
    );
    // Its destination is the host's own still: what stops it is who answers.
    let published = guarded().map(|(family, set)| {
        let when = vec![Condition::AnswererIn(set)];
        let meaning = "Nothing from elsewhere leads to a member, whatever Docker publishes.";
        rule(PUBLISHED, &format!("published/in{}", family.digit()), when, Verdict::Drop, meaning)
    });
    let direct = guarded().map(|(family, set)| {
        let (when, inward) = (vec![Condition::DestinationIn(set)], Verdict::Goto(INWARD.to_owned()));
        let meaning = "What comes to a member must be an answer.";
        rule(PREROUTING, &format!("outside/in{}", family.digit()), when, inward, meaning)
    });
    [turned].into_iter().chain(direct).chain(published).collect()
}

fn rule(chain: &str, id: &str, when: Vec<Condition>, verdict: Verdict, meaning: &str) -> Rule {
    Rule { id: id.to_owned(), chain: chain.to_owned(), when, verdict, meaning: meaning.to_owned() }
}

fn guarded() -> [(Family, String); 2] {
    Family::BOTH.map(|family| (family, SetName(Group::Guarded, family).to_string()))
}

/// Where connections go through the host: none that another interface opened leads into a bridge.
pub(crate) fn through(networks: &[&Network]) -> Vec<Rule> {
    let meaning = "What this machine opens itself goes into its bridges.";
    let own = rule(FORWARD, "forward/own", vec![Condition::Sent], Verdict::Accept, meaning);
    let inward = networks.iter().map(|network| {
        let bridge = network.bridge.to_string();
        let meaning = format!("What goes to {bridge} from another interface must be an answer.");
        let when = vec![Condition::Into(bridge.clone()), Condition::NotFrom(bridge)];
        rule(FORWARD, &format!("{}/in", network.name), when, Verdict::Goto(INWARD.to_owned()), &meaning)
    });
    [own].into_iter().chain(inward).chain([turned(FORWARD)]).collect()
}

/// What was given another destination on its way through the host. One rule for all bridges, because next to
/// no packet was: whose it is, is asked of those that were.
pub(crate) fn turned(chain: &str) -> Rule {
    let when = vec![Condition::Redirected, Condition::Opening];
    let meaning = "What was given another destination is looked at once more.";
    rule(chain, &format!("redirected/{chain}"), when, Verdict::Goto(REDIRECTED.to_owned()), meaning)
}

/// What may come in.
pub(crate) fn inward() -> Vec<Rule> {
    let rule = |id: &str, when, verdict, meaning: &str| rule(INWARD, id, when, verdict, meaning);
    vec![
        rule("inward/answers", vec![Condition::Answer], Verdict::Accept, "Answers to what a member asked come in."),
        rule(
            "inward/own",
            vec![Condition::DestinationOwn],
            Verdict::Accept,
            "The host's own address on a bridge is no member's.",
        ),
        rule("inward/rest", vec![], Verdict::Drop, "Nothing else does, whatever Docker publishes."),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_published_port_leads_to_is_asked_before_whether_the_port_is_the_hosts_own() {
        // A port is published on the host's address on the bridge too, which lies in the guarded network.
        let ids: Vec<String> = arriving().into_iter().map(|rule| rule.id).collect();
        assert_eq!(ids, ["outside/published", "outside/in4", "outside/in6", "published/in4", "published/in6"]);
    }

    #[test]
    fn nothing_but_a_drop_is_in_store_for_what_a_published_port_leads_to() {
        assert!(arriving().iter().filter(|rule| rule.chain == PUBLISHED).all(|rule| rule.verdict == Verdict::Drop));
        assert_eq!(inward().last().unwrap().verdict, Verdict::Drop);
    }
}
