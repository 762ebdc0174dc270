//! Rules as iptables-save(8) prints them.

use ipnet::Ipv4Net;

use super::{Chain, Chains, Packet, Rule, Verdict, both};
use crate::backend::iptables::saved;

/// The chains that the kernel calls for what is forwarded, by their names in the tables `filter` and `raw`.
const HOOKED: [&str; 2] = ["FORWARD", "PREROUTING"];

/// The chains of a table, and which of their rules the packet meets.
///
/// # Errors
/// If the text is cut off, or a rule stands in no chain.
pub(super) fn chains(text: &str, packet: &Packet<'_>) -> Result<Chains, String> {
    let mut chains = Chains::new();
    if !text.contains('*') {
        return Ok(chains);
    }
    for line in text.lines().skip_while(|line| !line.starts_with('*')).skip(1) {
        if line == "COMMIT" {
            return Ok(chains);
        }
        if let Some(declared) = line.strip_prefix(':') {
            let mut words = declared.split(' ');
            let name = words.next().unwrap_or_default();
            let drops = words.next() == Some("DROP");
            chains.insert(name.to_owned(), Chain { hooked: HOOKED.contains(&name), drops, rules: Vec::new() });
        } else if line.starts_with("-A ") {
            let words = saved::split(line).map_err(|error| format!("iptables-save printed {line:?}: {error:#}"))?;
            let name = words.get(1).map_or("", String::as_str);
            let rule = rule(words.get(2..).unwrap_or_default(), line, packet, &chains);
            chains
                .get_mut(name)
                .ok_or_else(|| format!("iptables-save printed a rule in no chain: {line}"))?
                .rules
                .push(rule);
        }
    }
    Err("iptables-save did not come to an end".to_owned())
}

/// A rule's words in order: conditions, each an option with as many values as it takes, then where it leads.
fn rule(words: &[String], line: &str, packet: &Packet<'_>, chains: &Chains) -> Rule {
    let mut rule = Rule { matches: Some(true), verdict: Verdict::Continue, inverted: false, text: line.to_owned() };
    let mut words = words.iter().map(String::as_str).peekable();
    let mut negated = false;
    while let Some(word) = words.next() {
        if word == "!" {
            negated = true;
            continue;
        }
        let mut values = Vec::new();
        while let Some(value) = words.next_if(|next| *next != "!" && !next.starts_with('-')) {
            values.push(value);
        }
        let value = values.first().copied().unwrap_or_default();
        match word {
            "-j" | "-g" => {
                rule.verdict = verdict(value, word == "-g", chains);
                return rule;
            }
            "-m" | "--comment" => {}
            _ => {
                let met = condition(word, value, packet).map(|met| met != negated);
                rule.inverted |= met.is_none() && negated;
                rule.matches = both(rule.matches, met);
            }
        }
        negated = false;
    }
    rule
}

/// Options whose words are no conditions of this list are not known, their values too.
fn condition(option: &str, value: &str, packet: &Packet<'_>) -> Option<bool> {
    match option {
        "-i" => Some(names(value, packet.inbound)),
        "-o" => Some(names(value, packet.outbound)),
        "-s" => packet.comes_from(&value.parse::<Ipv4Net>().ok()?),
        "-d" => Some(value.parse::<Ipv4Net>().ok()?.contains(&packet.destination)),
        "-p" => Some(value == packet.protocol),
        "--dport" | "--dports" => Some(value.split(',').any(|ports| holds(ports, packet.port))),
        "--ctstate" | "--state" => Some(value.split(',').any(|state| state == "NEW")),
        _ => None,
    }
}

/// Is this the name of an interface? A `+` at the end stands for any rest.
fn names(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('+').map_or(pattern == name, |start| name.starts_with(start))
}

fn holds(ports: &str, port: u16) -> bool {
    let (first, last) = ports.split_once(':').unwrap_or((ports, ports));
    let bound = |text: &str, open: u16| if text.is_empty() { Some(open) } else { text.parse().ok() };
    bound(first, 0).zip(bound(last, u16::MAX)).is_some_and(|(first, last)| (first..=last).contains(&port))
}

/// iptables(8), TARGETS: a chain of one's own, or what an extension does.
fn verdict(target: &str, goes: bool, chains: &Chains) -> Verdict {
    match target {
        "ACCEPT" => Verdict::Accept,
        "DROP" | "REJECT" | "TARPIT" => Verdict::Refuse,
        "RETURN" => Verdict::Return,
        "NFQUEUE" | "QUEUE" | "SYNPROXY" | "TPROXY" => Verdict::Unclear,
        name if !chains.contains_key(name) => Verdict::Continue,
        name if goes => Verdict::Goto(name.to_owned()),
        name => Verdict::Jump(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::question;
    use super::super::{Fate, Firewall, fate};

    fn refused(rules: &str) -> Fate {
        let text = format!("# made\n*filter\n:FORWARD ACCEPT [0:0]\n:MINE - [0:0]\n{rules}\nCOMMIT\n");
        fate(&question(), &[Firewall::Iptables(text)]).unwrap()
    }

    #[test]
    fn what_refuses_all_that_the_bridge_sends_is_found_in_any_wording() {
        for rule in [
            "-A FORWARD -i br-cell -j DROP",
            "-A FORWARD -i br-+ -j REJECT --reject-with icmp-port-unreachable",
            "-A FORWARD -s 172.16.0.0/12 -j DROP",
            "-A FORWARD ! -o br-cell -m comment --comment \"say \\\"no\\\" -j ACCEPT\" -j DROP",
            "-A FORWARD ! -s 10.0.0.0/8 -o eth0 -j DROP",
            "-A FORWARD -p udp -m multiport --dports 1:52,53,80 -j DROP",
            "-A FORWARD -m conntrack --ctstate NEW,INVALID -j DROP",
            "-A FORWARD -j MINE\n-A MINE -i br-cell -g MINE",
        ] {
            let endless = rule.contains("-g MINE");
            assert_eq!(matches!(refused(rule), Fate::Refused(_)), !endless, "{rule}");
        }
    }

    #[test]
    fn what_refuses_others_or_a_part_of_it_is_no_refusal() {
        for rule in [
            "-A FORWARD -i docker0 -j DROP",
            "-A FORWARD -o br-cell -j DROP",
            "-A FORWARD -s 172.17.0.0/16 -j DROP",
            "-A FORWARD -s 172.30.1.7/32 -j DROP",
            "-A FORWARD -p tcp -m tcp --dport 25 -j DROP",
            "-A FORWARD -d 9.9.9.10/32 -j DROP",
            "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
            "-A FORWARD -m set --match-set crowdsec-blacklists dst -j DROP",
            "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j DROP",
            "-A FORWARD -i br-cell -j LOG --log-prefix \"-j DROP \"",
            "-A FORWARD -i br-cell -j ACCEPT\n-A FORWARD -j DROP",
        ] {
            assert_eq!(refused(rule), Fate::Passes, "{rule}");
        }
    }

    #[test]
    fn what_is_let_by_or_refused_for_a_reason_that_is_not_known_leaves_it_unclear() {
        for rule in [
            "-A FORWARD -m set --match-set lan src -j ACCEPT\n-A FORWARD -j DROP",
            "-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT\n-A FORWARD -i br-cell -j DROP",
            "-A FORWARD -m set ! --match-set allowed dst -j DROP",
        ] {
            assert!(matches!(refused(rule), Fate::Unclear(_)), "{rule}");
        }
    }

    #[test]
    fn a_table_that_was_never_made_says_nothing_and_half_a_table_is_an_error() {
        let of = |text: &str| fate(&question(), &[Firewall::Iptables(text.to_owned())]);
        assert_eq!(of(""), Ok(Fate::Passes));
        assert!(of("*filter\n:FORWARD DROP [0:0]\n").is_err());
        assert!(of("*filter\n-A FORWARD -j DROP\nCOMMIT\n").is_err());
        assert!(matches!(of("*raw\n:PREROUTING DROP [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n"), Ok(Fate::Refused(_))));
        assert_eq!(of("*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n"), Ok(Fate::Passes));
    }
}
