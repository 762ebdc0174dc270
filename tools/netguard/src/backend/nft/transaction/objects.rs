//! What the kernel tells of a table, as messages that make it again.
//!
//! Both are the same attributes, but for those that only the kernel gives: handles, how often something is used. What
//! is neither known to be taken nor known to be left out makes the whole an error. Half a rule must not pass for one.

use anyhow::{Context, Result, bail, ensure};

use super::batch::{Batch, CREATE, LAST, NEW};
use super::kinds::{
    CHAIN_NAME, DELETE_CHAIN, DELETE_RULE, DELETE_SET, DELETE_TABLE, ELEMENT_FLAGS, ELEMENT_KEY, ELEMENTS,
    EXPRESSION_DATA, EXPRESSION_NAME, GET_CHAIN, GET_ELEMENT, GET_FLOWTABLE, GET_OBJECT, GET_RULE, GET_SET, GET_TABLE,
    IN_TABLE, LISTED, NEW_CHAIN, NEW_ELEMENT, NEW_RULE, NEW_SET, NEW_TABLE, RULE_EXPRESSIONS, RULE_NOTES, SET_FLAGS,
    SET_ID, SET_NAME, in_table, named, text,
};
use crate::backend::nft::replace::Deletion;
use crate::host::netlink::{Netlink, append, attribute, field, pieces};
use crate::rules::table::TABLE;

/// `NFT_SET_ANONYMOUS`: it comes and goes with a rule.
const ANONYMOUS: u32 = 1;
/// What a set that counts must have in common with the planned one, that it can stay: flags, key, size, timeout,
/// expressions.
const SHAPE: [u16; 7] = [SET_FLAGS, 4, 5, 9, 11, 17, 18];
/// `NFT_SET_TIMEOUT` and `NFT_SET_EVAL`: the kernel fills it.
const FILLED: u32 = 0x10 | 0x20;

/// The most that is taken of the elements of one set, in bytes: what holds them states its length in 16 bits.
const MOST: usize = 60 << 10;

/// Which attributes of something are taken, and which are left out.
struct Form {
    taken: &'static [u16],
    left: &'static [u16],
}

/// Name, flags, notes; not uses and handle.
const TABLE_FORM: Form = Form { taken: &[1, 2, 6], left: &[3, 4, 5] };
/// Table, name, hook, policy, type, flags, notes; not handle, uses, and counts that were taken.
const CHAIN_FORM: Form = Form { taken: &[1, 3, 4, 5, 7, 10, 12], left: &[2, 6, 9] };
/// Table, chain, notes; not handle and the rule before. Its expressions are taken apart.
const RULE_FORM: Form = Form { taken: &[1, 2, 7], left: &[3, RULE_EXPRESSIONS, 6, 8] };
/// Table, name, flags, key, data, policy, size, times, notes, expressions; not handle, way of keeping, and count.
const SET_FORM: Form =
    Form { taken: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 17, 18], left: &[10, 14, 16, 19, 20] };
/// Key, data, flags, timeout, notes, expressions, end of key; not what is left of its time.
const ELEMENT_FORM: Form = Form { taken: &[1, 2, 3, 4, 6, 7, 9, 10, 11], left: &[5, 8] };

/// A message that makes something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    name: String,
    body: Vec<u8>,
}

/// A set, and what is in it from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set {
    object: Object,
    filled: bool,
    anonymous: bool,
    elements: Vec<Vec<u8>>,
}

/// A table and all it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objects {
    table: Object,
    chains: Vec<Object>,
    sets: Vec<Set>,
    rules: Vec<Object>,
}

impl Objects {
    /// Reads our table.
    ///
    /// # Errors
    /// What the kernel says; or if it tells what is not known here.
    pub(super) fn read(netlink: &mut Netlink) -> Result<Self> {
        let mut objects = Self::structure(netlink)?;
        let rules = dump(netlink, GET_RULE, NEW_RULE, &in_table())?;
        objects.rules = rules.iter().map(|body| rule(body)).collect::<Result<_>>()?;
        for set in objects.sets.iter_mut().filter(|set| !set.filled) {
            let told = dump(netlink, GET_ELEMENT, NEW_ELEMENT, &named(SET_NAME, &set.object.name))?;
            set.elements = elements(&told)?;
        }
        Ok(objects)
    }

    /// Reads our table, without its rules and without what is in its sets.
    ///
    /// # Errors
    /// As [`Objects::read`].
    pub(super) fn structure(netlink: &mut Netlink) -> Result<Self> {
        let ours = in_table();
        let family = ours.get(..4).unwrap_or_default();
        let tables = dump(netlink, GET_TABLE, NEW_TABLE, family)?;
        let chains = dump(netlink, GET_CHAIN, NEW_CHAIN, family)?;
        let sets = dump(netlink, GET_SET, NEW_SET, &ours)?;
        // What makes these known is the type of the answer, which is one below the question's.
        for get in [GET_OBJECT, GET_FLOWTABLE] {
            ensure!(dump(netlink, get, get - 1, &ours)?.is_empty(), "the table holds named objects or flow tables");
        }
        Ok(Self {
            table: object(tables.first().context("there is no table")?, &TABLE_FORM, IN_TABLE)?,
            chains: chains.iter().map(|body| object(body, &CHAIN_FORM, CHAIN_NAME)).collect::<Result<_>>()?,
            sets: sets.iter().map(|body| set(body)).collect::<Result<_>>()?,
            rules: Vec::new(),
        })
    }

    /// What of a table that is there must go before these take its place. That is all but the sets of these names that
    /// are of the shape they have here.
    pub(super) fn deletion(&self, present: &Self, counting: &[String]) -> Deletion {
        let fits = |set: &Set| {
            let planned = self.sets.iter().find(|planned| planned.object.name == set.object.name);
            counting.contains(&set.object.name).then(|| planned.is_some_and(|planned| planned.fits(set)))
        };
        let named = present.sets.iter().filter(|set| !set.anonymous);
        let sets = named.map(|set| (set.object.name.clone(), fits(set))).collect();
        let chains = present.chains.iter().map(|chain| chain.name.clone()).collect();
        Deletion::decided(present.table != self.table, chains, sets)
    }

    /// Has a batch take away what is there.
    pub(super) fn clear(&self, deletion: &Deletion, batch: &mut Batch) {
        match deletion {
            Deletion::Nothing => batch.push(NEW_TABLE, NEW, &self.table.body, self.table.label("table")),
            Deletion::Table => {
                batch.push(DELETE_TABLE, 0, &in_table(), "the deletion of the table".to_owned());
                batch.push(NEW_TABLE, NEW, &self.table.body, self.table.label("table"));
            }
            Deletion::Parts { chains, sets, .. } => {
                batch.push(DELETE_RULE, 0, &in_table(), "the deletion of the rules".to_owned());
                for chain in chains {
                    let subject = format!("the deletion of chain {chain}");
                    batch.push(DELETE_CHAIN, 0, &named(CHAIN_NAME, chain), subject);
                }
                for set in sets {
                    batch.push(DELETE_SET, 0, &named(SET_NAME, set), format!("the deletion of set {set}"));
                }
            }
        }
    }

    /// Has a batch make chains, sets and rules, but for the sets that stay.
    pub(super) fn add(&self, deletion: &Deletion, batch: &mut Batch) {
        for chain in &self.chains {
            batch.push(NEW_CHAIN, NEW, &chain.body, chain.label("chain"));
        }
        for (set, id) in self.sets.iter().zip(1u32..).filter(|(set, _)| !deletion.keeps(&set.object.name)) {
            let mut body = set.object.body.clone();
            append(&mut body, SET_ID, false, &id.to_be_bytes());
            batch.push(NEW_SET, NEW, &body, set.object.label("set"));
            if !set.elements.is_empty() {
                let mut body = named(SET_NAME, &set.object.name);
                append(&mut body, ELEMENTS, true, &set.elements.concat());
                batch.push(NEW_ELEMENT, CREATE, &body, set.object.label("the elements of set"));
            }
        }
        for rule in &self.rules {
            batch.push(NEW_RULE, LAST, &rule.body, rule.label("rule"));
        }
    }
}

impl Set {
    fn fits(&self, other: &Self) -> bool {
        let attribute =
            |set: &Self, kind| attribute(set.object.body.get(4..).unwrap_or_default(), kind).map(<[u8]>::to_vec);
        SHAPE.iter().all(|kind| attribute(self, *kind) == attribute(other, *kind))
    }
}

/// What the kernel tells of our table, asked for by one type of message and told by another.
pub(super) fn dump(netlink: &mut Netlink, get: u16, new: u16, body: &[u8]) -> Result<Vec<Vec<u8>>> {
    let ours = text(TABLE);
    netlink.dump(get, body, Vec::new, |all, message| {
        let named = attribute(message.body.get(4..).unwrap_or_default(), IN_TABLE);
        if message.kind == new && named == Some(&ours) {
            all.push(message.body.to_vec());
        }
    })
}

impl Object {
    fn label(&self, what: &str) -> String {
        format!("{what} {}", self.name)
    }
}

fn object(body: &[u8], form: &Form, name: u16) -> Result<Object> {
    let attributes = body.get(4..).context("a message without a head")?;
    let named = attribute(attributes, name).and_then(|name| name.strip_suffix(&[0])).context("it has no name")?;
    let mut copy = in_table().get(..4).unwrap_or_default().to_vec();
    form.copy(attributes, &mut copy)?;
    Ok(Object { name: String::from_utf8_lossy(named).into_owned(), body: copy })
}

fn set(body: &[u8]) -> Result<Set> {
    let object = object(body, &SET_FORM, SET_NAME)?;
    let flags = attribute(body.get(4..).unwrap_or_default(), SET_FLAGS).and_then(|flags| field(flags, 0));
    let flags = flags.map_or(0, u32::from_be_bytes);
    Ok(Set { object, filled: flags & FILLED != 0, anonymous: flags & ANONYMOUS != 0, elements: Vec::new() })
}

/// A rule's name is its comment. What it counted so far stays behind.
fn rule(body: &[u8]) -> Result<Object> {
    let mut rule = object(body, &RULE_FORM, IN_TABLE)?;
    let attributes = body.get(4..).unwrap_or_default();
    if let Some(list) = attribute(attributes, RULE_EXPRESSIONS) {
        append(&mut rule.body, RULE_EXPRESSIONS, true, &uncounted(list)?);
    }
    let notes = attribute(attributes, RULE_NOTES).unwrap_or_default();
    rule.name = match notes {
        [0, length, rest @ ..] => {
            String::from_utf8_lossy(rest.get(..usize::from(*length).saturating_sub(1)).unwrap_or_default()).into_owned()
        }
        _ => "without a name".to_owned(),
    };
    Ok(rule)
}

/// Expressions, and counters among them that begin at zero.
fn uncounted(list: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::with_capacity(list.len());
    for (_, expression) in pieces(list)? {
        let inner = expression.get(4..).unwrap_or_default();
        if attribute(inner, EXPRESSION_NAME) == Some(b"counter\0") {
            let mut counter = Vec::new();
            append(&mut counter, EXPRESSION_NAME, false, b"counter\0");
            append(&mut counter, EXPRESSION_DATA, true, &[]);
            append(&mut copy, LISTED, true, &counter);
        } else {
            copy.extend_from_slice(expression);
            copy.resize(copy.len().next_multiple_of(4), 0);
        }
    }
    Ok(copy)
}

/// The elements of a set in the order in which nft gives them: by key, and what ends before what begins.
fn elements(told: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
    let mut elements = Vec::new();
    for message in told {
        let list = attribute(message.get(4..).unwrap_or_default(), ELEMENTS).unwrap_or_default();
        for (_, element) in pieces(list)? {
            let inner = element.get(4..).unwrap_or_default();
            let mut copy = Vec::with_capacity(element.len());
            ELEMENT_FORM.copy(inner, &mut copy)?;
            let mut whole = Vec::with_capacity(element.len());
            append(&mut whole, LISTED, true, &copy);
            let ends =
                attribute(inner, ELEMENT_FLAGS).is_some_and(|flags| flags.last().is_some_and(|flag| flag & 1 == 1));
            elements.push((attribute(inner, ELEMENT_KEY).unwrap_or_default().to_vec(), !ends, whole));
        }
    }
    let length: usize = elements.iter().map(|(_, _, whole)| whole.len()).sum();
    ensure!(length <= MOST, "a set holds more from the beginning than one message");
    elements.sort();
    Ok(elements.into_iter().map(|(_, _, whole)| whole).collect())
}

impl Form {
    /// Copies the attributes that this form takes, and refuses those that it does not know.
    fn copy(&self, attributes: &[u8], into: &mut Vec<u8>) -> Result<()> {
        for (kind, whole) in pieces(attributes)? {
            if self.taken.contains(&kind) {
                into.extend_from_slice(whole);
                into.resize(into.len().next_multiple_of(4), 0);
            } else if !self.left.contains(&kind) {
                bail!("attribute {kind} is not known");
            }
        }
        Ok(())
    }
}

/// The copies of a message as each of the things that it could be of, and the copies of those.
pub(crate) fn copies(body: &[u8]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let as_elements = |body: &[u8]| {
        let mut copy = in_table();
        append(&mut copy, ELEMENTS, true, &elements(&[body.to_vec()])?.concat());
        Ok(copy)
    };
    let twice = |way: &dyn Fn(&[u8]) -> Result<Vec<u8>>| {
        let copy = way(body).ok()?;
        let again = way(&copy).ok();
        Some((copy, again))
    };
    [
        twice(&|body| object(body, &TABLE_FORM, IN_TABLE).map(|table| table.body)),
        twice(&|body| object(body, &CHAIN_FORM, CHAIN_NAME).map(|chain| chain.body)),
        twice(&|body| set(body).map(|set| set.object.body)),
        twice(&|body| rule(body).map(|rule| rule.body)),
        twice(&as_elements),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests;
