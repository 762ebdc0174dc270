//! The rules of one bridge, in the order in which the kernel asks them.
//!
//! The order is the protection. Neighbour discovery comes first, or IPv6 does not work at all. Forged sources come
//! next, because a forged packet could pass for an answer. Answers follow, and then holes. The host comes before the
//! peers, because its own address on the bridge lies among theirs.

use ipnet::IpNet;
use policy::{Hole, Network, Refuse};
use record::cellblock::{MoatAnswer as Answer, MoatCondition as Condition, MoatPort, MoatVerdict as Verdict};

use crate::rules::address_set::{Family, Group, SetName};
use crate::rules::role::Role;
use crate::rules::rule::Rule;
use crate::rules::table::{ANSWERS, Budget, FORWARD, FlowSet, HOST, NET, Pairs, REFUSE};

/// The chain of a network. The prefix keeps a network called `drop` from being a word of nft's.
pub(crate) fn chain(network: &Network) -> String {
    format!("{NET}{}", network.name)
}

/// The chain of what a network's members have for the host itself.
pub(crate) fn host_chain(network: &Network) -> String {
    format!("{HOST}{}", network.name)
}

/// An open bridge: the internet, its peers, its holes, and nothing else.
pub(crate) fn open<'a>(network: &Network, holes: impl Iterator<Item = &'a Hole>) -> Vec<Rule> {
    let mut rules = entry_checks(network, Way::Out);
    rules.extend(holes.map(|hole| hole_rule(network, hole)));
    rules.extend(nearby(network));
    for group in Group::ALL {
        for family in Family::BOTH {
            let set = SetName(group, family);
            let meaning = format!("Refused: {}.", group.meaning());
            let when = vec![Condition::DestinationIn(set.to_string())];
            rules.push(asked_for(network, Role::Denied(set), when, refused(network), meaning));
        }
    }
    // In rules of their own: where a set is full, the rest of the rule that fills it does not run.
    rules.extend(Pairs::BOTH.map(|pairs| {
        let word = format!("remember{}", pairs.family.digit());
        rule(
            network,
            &word,
            vec![Condition::Bare(pairs.version())],
            Verdict::Remember(pairs.name()),
            "What reaches the internet is known for a moment.",
        )
    }));
    rules.push(asked_for(network, Role::Internet, vec![], Verdict::Accept, "What is left is the internet."));
    rules
}

/// A pair of addresses that all rules of an open network let through a moment ago passes at once. It passes before the
/// rule about its source, which was among them. The chain comes after other programs' NAT, so the destination is real.
pub(crate) fn accepted(pairs: Pairs) -> Rule {
    Rule {
        id: format!("known{}", pairs.family.digit()),
        role: Role::Other,
        chain: FORWARD.to_owned(),
        when: vec![Condition::Bare(pairs.version()), Condition::Judged(pairs.name())],
        verdict: Verdict::Accept,
        meaning: "Every rule let this source reach this destination a moment ago.".to_owned(),
    }
}

/// What a member has for the host itself, by its address or because another program keeps it here. Only two kinds pass:
/// answers to what the host opened, and what neighbours say to each other.
pub(crate) fn host(network: &Network) -> Vec<Rule> {
    let mut rules = entry_checks(network, Way::Host);
    rules.push(Rule {
        id: format!("{}/host/rest", network.name),
        role: Role::Other,
        chain: host_chain(network),
        when: vec![],
        verdict: refused(network),
        meaning: "Refused: the host itself would take it in.".to_owned(),
    });
    rules
}

/// The last rule of a network that is closed. An open network's last rule has another id, so verify never takes one for
/// the other.
pub(crate) fn shut(network: &str) -> Rule {
    Rule {
        id: format!("{network}/closed"),
        role: Role::Other,
        chain: format!("{NET}{network}"),
        when: vec![],
        verdict: Verdict::Goto(format!("{REFUSE}{network}")),
        meaning: "Refused: the policy cannot be read, and the bridge is closed.".to_owned(),
    }
}

/// A sealed bridge: its peers, answers, and nothing else.
pub(crate) fn sealed(network: &Network) -> Vec<Rule> {
    let mut rules = entry_checks(network, Way::Out);
    rules.extend(nearby(network));
    rules.push(rule(
        network,
        "sealed",
        vec![],
        refused(network),
        "A sealed network reaches nothing but its own members.",
    ));
    rules
}

/// What is refused is counted and dropped, in sets of the network's own. Recording and dropping are rules of their own:
/// a set that is full makes the rest of *its* rule not run. That rest must never be the drop. A flow that is known is
/// counted whatever its sender has spent.
pub(crate) fn refuse(network: &Network, how: Refuse) -> Vec<Rule> {
    let chain = format!("{REFUSE}{}", network.name);
    let rule = |word: String, when, verdict, meaning: String| Rule {
        id: format!("{}/refuse/{word}", network.name),
        role: Role::Other,
        chain: chain.clone(),
        when,
        verdict,
        meaning,
    };
    let sets: Vec<FlowSet> = FlowSet::of(network.name.as_str()).collect();
    let budget = Budget::of(network.name.as_str()).name();
    let spent = sets.iter().map(|set| {
        let when =
            vec![Condition::HasPorts(set.ported), Condition::NewTo(set.name()), Condition::Spent(budget.clone())];
        let meaning = "A sender that has tried thousands of destinations is refused without a record of each.";
        let role = Role::Spent { ported: set.ported, family: set.family };
        Rule { chain: chain.clone(), ..asked_for(network, role, when, Verdict::Drop, meaning) }
    });
    let record = sets.iter().map(|set| {
        let family = if set.family == Family::V4 { "IPv4" } else { "IPv6" };
        let ports = if set.ported { "with ports" } else { "without ports" };
        let meaning = format!("Denied flows of {family} {ports} are counted.");
        rule(set.word(), vec![Condition::HasPorts(set.ported)], Verdict::Record(set.name()), meaning)
    });
    let answers = if how == Refuse::Reject { answers(network) } else { Vec::new() };
    let answers = answers.into_iter().map(|(word, when, answer)| {
        let meaning = "A member's own packet that is denied is answered, so that nobody waits for a time-out.";
        rule(word, when, Verdict::Reject(answer), meaning.to_owned())
    });
    let drop = "What is denied is dropped, recorded or not.";
    let last = rule("drop".to_owned(), vec![], Verdict::Drop, drop.to_owned());
    spent.chain(record).chain(answers).chain([last]).collect()
}

/// Whom a refusal is told, by words, conditions and answer. A forged source gets none: its owner asked nothing. Not
/// more than some a second either, and what is over that is dropped.
fn answers(network: &Network) -> Vec<(String, Vec<Condition>, Answer)> {
    let subnets: [(u8, IpNet); 2] = [(4, network.v4.into()), (6, network.v6.into())];
    let own = |net: IpNet| vec![Condition::Source(vec![net.to_string()]), Condition::SourceUnicast];
    let limit = || Condition::AtMost(ANSWERS);
    let resets = subnets.into_iter().map(|(digit, net)| {
        let when = [own(net), vec![Condition::Transport("tcp".to_owned()), limit()]].concat();
        (format!("reset{digit}"), when, Answer::TcpReset)
    });
    let others = subnets.into_iter().map(|(digit, net)| {
        (format!("prohibited{digit}"), [own(net), vec![limit()]].concat(), Answer::AdminProhibited)
    });
    resets.chain(others).collect()
}

fn refused(network: &Network) -> Verdict {
    Verdict::Goto(format!("{REFUSE}{}", network.name))
}

fn rule(network: &Network, word: &str, when: Vec<Condition>, verdict: Verdict, meaning: impl Into<String>) -> Rule {
    let (id, role) = (format!("{}/{word}", network.name), Role::Other);
    Rule { id, role, chain: chain(network), when, verdict, meaning: meaning.into() }
}

/// A rule that others ask for, by its role or by the id that its role has.
fn asked_for(
    network: &Network,
    role: Role,
    when: Vec<Condition>,
    verdict: Verdict,
    meaning: impl Into<String>,
) -> Rule {
    let id = role.id(network.name.as_str());
    Rule { id, role, chain: chain(network), when, verdict, meaning: meaning.into() }
}

/// Which of a network's chains a rule is for.
#[derive(Debug, Clone, Copy)]
enum Way {
    Out,
    Host,
}

/// What holds before anybody asks where a packet goes.
fn entry_checks(network: &Network, way: Way) -> Vec<Rule> {
    let outside = |net: IpNet| vec![Condition::SourceOutside(net.to_string())];
    let option = |name: &str| vec![Condition::IpOption(name.to_owned())];
    let make = |word: &str, when, verdict, meaning: &str| match way {
        Way::Out => rule(network, word, when, verdict, meaning),
        Way::Host => {
            let rule = rule(network, &format!("host/{word}"), when, verdict, meaning);
            Rule { chain: host_chain(network), ..rule }
        }
    };
    // Whoever asks for one of these means the one on the way out.
    let refuse = |role: Role, when, meaning: &str| match way {
        Way::Out => asked_for(network, role, when, refused(network), meaning),
        Way::Host => make(&role.word(), when, refused(network), meaning),
    };
    vec![
        make(
            "neighbours",
            neighbours(network),
            Verdict::Accept,
            "Neighbour discovery, on this bridge only (RFC 4861).",
        ),
        make("chatter", chatter(), Verdict::Drop, "What every kernel sends by itself ends here, unrecorded."),
        refuse(Role::Source(Family::V4), outside(network.v4.into()), "Refused: a source that is not of this network."),
        refuse(Role::Source(Family::V6), outside(network.v6.into()), "Refused: a source that is not of this network."),
        make(
            "source-own",
            vec![Condition::SourceOwn],
            refused(network),
            "Refused: the host's own address as source, or a group's.",
        ),
        refuse(Role::LooseRoute, option("lsrr"), "Refused: a route that the sender chose (RFC 791)."),
        refuse(Role::StrictRoute, option("ssrr"), "Refused: a route that the sender chose (RFC 791)."),
        refuse(
            Role::RoutingHeader,
            vec![Condition::RoutingHeader],
            "Refused: a route that the sender chose (RFC 8200).",
        ),
        // Somebody may quote a packet of a connection between the host and the LAN in an error message. The kernel
        // takes that for an answer within the connection, whoever sends it and wherever it goes.
        make(
            "answers",
            vec![Condition::Answer, Condition::Belongs],
            Verdict::Accept,
            "Answers to what the host itself opened.",
        ),
    ]
}

/// The host, then the peers.
fn nearby(network: &Network) -> Vec<Rule> {
    let to = |net: IpNet| vec![Condition::Destination(vec![net.to_string()])];
    vec![
        asked_for(
            network,
            Role::Host,
            vec![Condition::DestinationOwn],
            refused(network),
            "Refused: an address of the host itself, or a group it may be in.",
        ),
        rule(network, "peers4", to(network.v4.into()), Verdict::Accept, "Members of the same network."),
        rule(network, "peers6", to(network.v6.into()), Verdict::Accept, "Members of the same network."),
    ]
}

/// Solicitations and advertisements with the hop limit that nobody can forge from afar, and only to where they belong.
/// With the LAN as their destination the host would forward them.
fn neighbours(network: &Network) -> Vec<Condition> {
    let subnet = network.v6.to_string();
    let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    vec![
        Condition::Icmpv6(list(&["nd-neighbor-solicit", "nd-neighbor-advert"])),
        Condition::HopLimit(255),
        Condition::Source(list(&["::/128", "fe80::/10", &subnet])),
        Condition::Destination(list(&["fe80::/10", "ff02::/16", &subnet])),
    ]
}

fn chatter() -> Vec<Condition> {
    let kinds = ["nd-router-solicit", "mld-listener-report", "mld-listener-done", "mld2-listener-report"];
    vec![Condition::Icmpv6(kinds.map(str::to_owned).to_vec())]
}

fn hole_rule(network: &Network, hole: &Hole) -> Rule {
    let transport = hole.protocol.as_str();
    let host = IpNet::from(hole.addr);
    let when = vec![
        Condition::Destination(vec![host.to_string()]),
        Condition::Port(MoatPort { transport: transport.to_owned(), number: hole.port }),
    ];
    let word = format!("hole/{}/{}/{transport}", hole.addr, hole.port);
    rule(network, &word, when, Verdict::Accept, format!("A hole that the policy allows: {hole}."))
}
