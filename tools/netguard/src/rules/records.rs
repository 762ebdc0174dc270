//! The plan as records, and back: `netguard plan | netguard apply -`.
//!
//! What comes back is checked word by word, and as a whole. A plan whose end is missing, because the pipe broke, must
//! not be loaded as if it were one.

use std::collections::BTreeMap;
use std::io::BufRead;

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use record::cellblock::{Moat, MoatRule, MoatSet};
use record::fields::Rule as EcsRule;
use record::{Action, Category, Kind, Line, Lines, Provider, Record, Type};
use tool::Writer;

use crate::rules::address_set::{Family, SetName, merged};
use crate::rules::plan::Plan;
use crate::rules::role::Role;
use crate::rules::rule::Rule;
use crate::rules::table::HOOKS;
use crate::rules::{syntax, validate};

/// How many ranges one line holds.
const PART: usize = 1000;
/// The most ranges a plan may hold: the kernel would take more, but not in a time that anybody waits.
const MOST_RANGES: usize = 4_000_000;
/// The most rules a plan may hold.
const MOST_RULES: usize = 10_000;

/// Prints a plan, one record a rule and one for each part of a set.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn write<W: std::io::Write>(plan: &Plan, writer: &mut Writer<W>) -> Result<()> {
    for chain in plan.chains() {
        for (position, rule) in (1..).zip(plan.rules_of(chain)) {
            writer.write(&rule_record(rule, position))?;
        }
    }
    for (name, ranges) in &plan.sets {
        set_records(*name, ranges).try_for_each(|record| writer.write(&record))?;
    }
    Ok(())
}

fn planned(action: Action, message: String) -> Record {
    Record::new(Provider::Netguard, action, message).kind(Kind::State).about(Category::Network, Type::Info)
}

fn rule_record(rule: &Rule, position: u32) -> Record {
    let mut record = planned(Action::RulePlanned, format!("{} {}", rule.meaning, syntax::rule(rule)));
    record.rule = Some(ecs(rule));
    record.own().moat = Some(Moat {
        rule: Some(MoatRule {
            chain: rule.chain.clone(),
            position,
            when: rule.when.clone(),
            verdict: rule.verdict.clone(),
        }),
        shown: Some(syntax::rule(rule)),
        ..Moat::default()
    });
    record
}

/// A rule in ECS: the chain is its category, for ECS has no word for chains.
pub(crate) fn ecs(rule: &Rule) -> EcsRule {
    EcsRule {
        id: Some(rule.id.clone()),
        category: Some(rule.chain.clone()),
        description: Some(rule.meaning.clone()),
        ruleset: Some(format!("{} {}", crate::rules::table::FAMILY, crate::rules::table::TABLE)),
        ..EcsRule::default()
    }
}

fn set_records(name: SetName, ranges: &[IpNet]) -> impl Iterator<Item = Record> {
    let parts = ranges.len().div_ceil(PART).max(1);
    (0..parts).map(move |index| {
        let part: Vec<String> = ranges.iter().skip(index * PART).take(PART).map(ToString::to_string).collect();
        let mut record =
            planned(Action::SetPlanned, format!("Set {name}, part {} of {parts}: {} ranges.", index + 1, part.len()));
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let set = MoatSet { name: name.to_string(), part: number(index + 1), parts: number(parts), ranges: part };
        record.own().moat = Some(Moat { set: Some(set), ..Moat::default() });
        record
    })
}

/// Reads a plan back.
///
/// # Errors
/// The first line that is no line of a plan, with its number. So is a plan without its end. So is a chain that
/// nothing defines, and a set that is incomplete or guards nothing.
pub(crate) fn read(input: impl BufRead) -> Result<Plan> {
    let mut rules: Vec<(MoatRule, Rule)> = Vec::new();
    let mut sets: BTreeMap<SetName, Collected> = BTreeMap::new();
    let mut finished = false;
    for line in Lines::new(input) {
        let Line { number, record } = line?;
        ensure!(!finished, "line {number}: the plan had already ended; give one plan at a time");
        if record.event.action == Action::RunFinished.name() {
            finished = true;
            continue;
        }
        take(record, &mut rules, &mut sets).with_context(|| format!("line {number}"))?;
        ensure!(rules.len() <= MOST_RULES, "line {number}: more than {MOST_RULES} rules");
        let ranges: usize = sets.values().map(|set| set.ranges.len()).sum();
        ensure!(ranges <= MOST_RANGES, "line {number}: more than {MOST_RANGES} ranges");
    }
    ensure!(finished, "the plan has no end (no run-finished line): did `netguard plan` fail before it?");
    assemble(rules, sets)
}

#[derive(Default)]
struct Collected {
    parts: u32,
    seen: u32,
    ranges: Vec<IpNet>,
}

fn take(record: Record, rules: &mut Vec<(MoatRule, Rule)>, sets: &mut BTreeMap<SetName, Collected>) -> Result<()> {
    let moat = record.cellblock.and_then(|own| own.moat).unwrap_or_default();
    match (moat.rule, moat.set) {
        (Some(planned), None) => {
            let ecs = record.rule.unwrap_or_default();
            let id = ecs.id.context("a rule without rule.id")?;
            let rule = Rule {
                role: Role::of(&id),
                id,
                chain: planned.chain.clone(),
                when: planned.when.clone(),
                verdict: planned.verdict.clone(),
                meaning: ecs.description.unwrap_or_default(),
            };
            validate::check(&rule)?;
            ensure!(rules.iter().all(|(_, other)| other.id != rule.id), "rule {} stands twice", rule.id);
            rules.push((planned, rule));
            Ok(())
        }
        (None, Some(part)) => collect(part, sets),
        _ => bail!("{:?} is no line of a plan; give what `netguard plan` prints", record.event.action),
    }
}

fn collect(part: MoatSet, sets: &mut BTreeMap<SetName, Collected>) -> Result<()> {
    let name = SetName::named(&part.name).with_context(|| format!("{:?} is no set of addresses", part.name))?;
    let set = sets.entry(name).or_default();
    ensure!(set.seen + 1 == part.part, "part {} of set {name} came where part {} was due", part.part, set.seen + 1);
    ensure!(
        part.part <= part.parts && (set.parts == 0 || set.parts == part.parts),
        "set {name} changed its number of parts"
    );
    (set.seen, set.parts) = (part.part, part.parts);
    for text in part.ranges {
        let range = validate::range(&text)?;
        ensure!(Family::of(&range) == name.1, "{range} is not of the family of set {name}");
        set.ranges.push(range);
    }
    Ok(())
}

fn assemble(rules: Vec<(MoatRule, Rule)>, mut collected: BTreeMap<SetName, Collected>) -> Result<Plan> {
    let mut sets = BTreeMap::new();
    for name in SetName::all() {
        let set = collected.remove(&name).with_context(|| format!("the plan lacks set {name}"))?;
        ensure!(set.seen == set.parts, "set {name} has {} parts, and {} of them came", set.parts, set.seen);
        sets.insert(name, merged(&set.ranges));
    }
    let mut rules = rules;
    // Stable: rules of one chain end up together and by their places, chains in the order they came.
    let order: Vec<String> = rules.iter().map(|(planned, _)| planned.chain.clone()).collect();
    rules.sort_by_key(|(planned, _)| (order.iter().position(|chain| *chain == planned.chain), planned.position));
    let plan = Plan { rules: rules.into_iter().map(|(_, rule)| rule).collect(), sets };
    closed(&plan)?;
    Ok(plan)
}

/// A plan must hold together: every chain that a rule goes to has rules, and something is guarded.
fn closed(plan: &Plan) -> Result<()> {
    let chains = plan.chains();
    for rule in &plan.rules {
        if let record::cellblock::MoatVerdict::Goto(target) = &rule.verdict {
            ensure!(chains.contains(&target.as_str()), "rule {} goes to {target}, which has no rules", rule.id);
            ensure!(
                HOOKS.iter().all(|hook| hook.name != target),
                "rule {} goes to {target}, where chains begin",
                rule.id
            );
            ensure!(*target != rule.chain, "rule {} goes to its own chain", rule.id);
        }
    }
    ensure!(!plan.bridges().is_empty(), "the plan guards no bridge");
    Ok(())
}
