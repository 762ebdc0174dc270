//! A name and its value that stand beside each other: `{"name": "DB_PASSWORD", "value": "…"}`, in either order. JSON,
//! YAML, TOML, Terraform and XML have such pairs. Brackets and columns tell what belongs together. No parser does: a
//! file may be half written, or another program's text. Pure.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::name;
use super::value;

/// So many lines, and bytes, may lie between the two.
const NEAR: (usize, usize) = (8, 2 << 10);
/// So many fields further on the other one is looked for.
const AHEAD: usize = 4;
/// The most findings of one text that a record has.
const MOST: usize = 64;
/// So much of a line is looked at before a field, in bytes,
const BEFORE: usize = 256;
/// and so much behind its sign, where it ends with its line.
const BEHIND: usize = 8 << 10;
/// So many digits are no number that counts something.
const NUMBER: usize = 6;
/// The longest name of a secret, in bytes: more is a sentence.
const NAME: usize = 64;

/// A field that holds a name or a value: how it is written, and what it holds, in quotes or without.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r#"(?im)(?:^|[\s{(\[,<])(?P<field>\\?["']?(?:(?P<name>name|key|variable|parameterkey|optionname)|value|parametervalue)"#,
        r#"\\?["']?)[ \t]*(?P<sign>=>|:=|[:=])[ \t]*"#,
        r#"(?:\\"(?P<escaped>[^"\\\n]*)\\"|"(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>[^'\n]*)'"#,
        r#"|(?:[|>][+-]?[ \t]*\r?\n[ \t]*)?(?P<bare>[^\s"'`\\,;{}\[\]()<>&*!|][^\s,;{}\[\]()<>]*))"#,
    ))
});

/// The same of elements, which hold what stands between them. These are two, for comments may lie between. One for both
/// would look to the text's end for each pair behind a comment that nobody closes.
static NAMED: LazyLock<Regex> = LazyLock::new(|| compiled(r"(?i)<(?:name|key)>\s*([^<>\s]+)\s*</(?:name|key)>"));
static HOLDS: LazyLock<Regex> = LazyLock::new(|| compiled(r"(?i)\A<(?:value|string)>([^<]*)</(?:value|string)>"));

#[expect(clippy::expect_used, reason = "it is part of the program, and a test reads it")]
fn compiled(text: &str) -> Regex {
    Regex::new(text).expect("a sound expression")
}

/// A name and its value, and where the value begins.
type Pair<'a> = (usize, &'a str, &'a str);

/// The line, from 1, of each value that is the secret which its name promises, with both; at most so many.
pub(super) fn telling(text: &str) -> Vec<Pair<'_>> {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let mut all = if has(&["value", "Value", "VALUE"]) { of_fields(text) } else { Vec::new() };
    if has(&["<key>", "<name>", "<Key>", "<Name>"]) {
        all.extend(of_elements(text));
    }
    all.retain(|(_, name, held)| name::keeps_secret(name, held) && !is_label(name, held));
    all.truncate(MOST);
    let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    all.into_iter().map(|(at, name, held)| (line(at), name, held)).collect()
}

fn of_fields(text: &str) -> Vec<Pair<'_>> {
    let fields: Vec<Field<'_>> = FIELD.captures_iter(text).filter_map(|found| Field::of(text, &found)).collect();
    let mut pairs = Vec::new();
    for (at, first) in fields.iter().enumerate() {
        pairs.extend(fields.iter().skip(at + 1).take(AHEAD).filter_map(|other| pair(text, *first, *other)));
    }
    pairs
}

fn of_elements(text: &str) -> impl Iterator<Item = Pair<'_>> {
    NAMED.captures_iter(text).filter_map(|found| {
        let behind = text.get(found.get(0)?.end()..)?;
        let at = text.len() - behind.len() + comments(behind);
        let held = HOLDS.captures(text.get(at..)?)?.get(1)?;
        Some((at + held.start(), found.get(1)?.as_str(), held.as_str().trim()))
    })
}

/// So many bytes of blanks and of whole comments does the text begin with. Of more than may lie between the two, none.
fn comments(text: &str) -> usize {
    let near = text.get(..text.floor_char_boundary(NEAR.1)).unwrap_or_default();
    let mut rest = near.trim_start();
    while let Some((_, behind)) = rest.strip_prefix("<!--").and_then(|comment| comment.split_once("-->")) {
        rest = behind.trim_start();
    }
    near.len() - rest.len()
}

/// One field, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Field<'a> {
    names: bool,
    held: &'a str,
    /// What it holds is in quotes; the field's own name is; what is between the two is a colon.
    literal: bool,
    quoted: bool,
    colon: bool,
    /// From its first letter to the last one of what it holds, in bytes from the beginning of the text.
    from: usize,
    to: usize,
    /// What stands before it on its line.
    before: &'a str,
}

impl<'a> Field<'a> {
    fn of(text: &'a str, found: &Captures<'a>) -> Option<Self> {
        let field = found.name("field")?;
        let line = text.get(text.floor_char_boundary(field.start().saturating_sub(BEFORE))..field.start())?;
        let before = line.rsplit('\n').next().unwrap_or(line);
        // What a comment says of a name is an example.
        if ["#", ";", "//", "*", "<!--"].iter().any(|mark| before.trim_start().starts_with(mark)) {
            return None;
        }
        let quotes = ["escaped", "double", "single"].iter().find_map(|kind| found.name(kind));
        let (held, begin) = match (quotes, found.name("bare")) {
            (Some(held), _) => (held.as_str(), held.start()),
            (None, Some(word)) if is_first(before) => (to_the_end(text.get(word.start()..)?), word.start()),
            (None, word) => (word?.as_str(), word?.start()),
        };
        let closing = quotes.map_or(0, |_| if found.name("escaped").is_some() { 2 } else { 1 });
        Some(Self {
            names: found.name("name").is_some(),
            held,
            literal: quotes.is_some(),
            quoted: field.as_str().starts_with(['"', '\'', '\\']),
            colon: found.name("sign").is_some_and(|sign| sign.as_str() == ":"),
            from: field.start(),
            to: begin + held.len() + closing,
            before,
        })
    }

    fn is_first(&self) -> bool {
        is_first(self.before)
    }
}

/// Is nothing before it on its line, but the dash of a list? Of a longer line nobody knows.
fn is_first(before: &str) -> bool {
    before.len() < BEFORE && before.trim_start_matches([' ', '\t', '-']).is_empty()
}

/// What is on a line of its own ends with it, or where a comment begins.
fn to_the_end(rest: &str) -> &str {
    let near = rest.get(..rest.floor_char_boundary(BEHIND)).unwrap_or_default();
    let line = near.lines().next().unwrap_or_default();
    line.split(" #").next().unwrap_or_default().trim_end().trim_end_matches([',', ';'])
}

/// Where the value begins, the name and the value, if these two belong together.
fn pair<'a>(text: &'a str, first: Field<'a>, second: Field<'a>) -> Option<(usize, &'a str, &'a str)> {
    let (name, held) = if first.names { (first, second) } else { (second, first) };
    let between = text.get(first.to..second.from)?;
    let far = between.len() > NEAR.1 || between.matches('\n').count() > NEAR.0;
    let sides = first.names != second.names && name.held.len() <= NAME && !far;
    (sides && are_level(between) && are_beside(between, &first, &second) && is_written(between, &name, &held))
        .then_some((held.from, name.held, held.held))
}

/// Does no bracket end or begin between them that the other side of is not there too?
fn are_level(between: &str) -> bool {
    let (mut depth, mut inside, mut last) = (0_i32, false, ' ');
    for letter in between.chars() {
        match letter {
            '"' if last != '\\' => inside = !inside,
            '\n' => inside = false,
            _ if inside => {}
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            // An element ends or begins.
            '<' | '>' => return false,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
        last = letter;
    }
    depth == 0
}

/// Brackets tell in JSON; else the column does, and on one line a bracket before both.
fn are_beside(between: &str, first: &Field<'_>, second: &Field<'_>) -> bool {
    let in_brackets = first.before.contains(['{', '(', '<']);
    match between.contains('\n') {
        _ if first.quoted && second.quoted => true,
        false => in_brackets,
        true if second.is_first() && first.is_first() => are_in_one_column(between, first, second),
        true => in_brackets && second.is_first(),
    }
}

/// Is no line between them further left, or a table's head? And does the second one begin no entry of its own?
fn are_in_one_column(between: &str, first: &Field<'_>, second: &Field<'_>) -> bool {
    let column = first.before.len();
    let within = |line: &str| {
        let rest = line.trim_start();
        rest.is_empty() || (line.len() - rest.len() >= column && !rest.starts_with('['))
    };
    // What stands before the second one is a part of its own line.
    let lines = between.split('\n').skip(1).take(between.matches('\n').count() - 1);
    second.before.len() == column && !second.before.contains('-') && { lines }.all(within)
}

/// Is the value written as one? Behind a name in quotes, what has none is a program's variable. YAML is another matter:
/// there each stands on a line of its own, and no comma ends it. A number of a few digits counts something.
fn is_written(between: &str, name: &Field<'_>, held: &Field<'_>) -> bool {
    let alone = name.is_first() && held.is_first() && !held.quoted && !between.trim_start().starts_with(',');
    let counts = held.held.len() < NUMBER && held.held.bytes().all(|byte| byte.is_ascii_digit());
    match held.literal {
        true => true,
        false if alone && (held.colon || !name.literal) => !counts,
        false => !name.literal && value::is_random(held.held),
    }
}

/// What a person reads on a form, and a kind of field: `Password`, `Your password:`, `string`. What is named as
/// variables are, `DB_PASSWORD`, is read by a program, and a weak secret is one too. What only says its name once more
/// is none.
fn is_label(name: &str, held: &str) -> bool {
    const KINDS: [&str; 8] = ["string", "text", "hidden", "password", "secret", "token", "number", "integer"];
    let core =
        |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let (of_name, of_held): (String, String) = (core(name), core(held));
    if of_name == of_held || name.contains(' ') {
        return true;
    }
    let is_variable = name.contains('_') && !name.contains(|letter: char| letter.is_lowercase());
    let (lower, first) = (held.to_lowercase(), held.chars().next());
    let capital = first.is_some_and(char::is_uppercase);
    let sentence = held.contains(' ') && (capital || held.ends_with(['.', '?', '!', ':', '…']));
    let word = capital && held.chars().skip(1).all(|letter| letter.is_lowercase());
    !is_variable && (KINDS.contains(&lower.as_str()) || sentence || word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, &str, &str)> {
        telling(text)
    }

    #[test]
    fn a_value_beside_the_name_of_a_secret_is_found_in_every_way_of_writing_both() {
        for text in [
            r#"{"name":"password","value":"x7!hunter"}"#,
            r#"{"value":"x7!hunter","name":"password"}"#,
            r#"{"key": "apiToken", "type": "string", "value": "x7!hunter"}"#,
            r#"[{"name":"a","value":"b"},{"name":"password","value":"x7!hunter"}]"#,
            r#"{"Name":"DB_PASSWORD","tags":[{"key":"a"}],"Value":"x7!hunter"}"#,
            r#"{"ParameterKey":"DbPassword","ParameterValue":"x7!hunter"}"#,
            r#"{\"name\":\"password\",\"value\":\"x7!hunter\"}"#,
            "{\n  \"name\": \"password\",\n  \"secure\": true,\n  \"value\": \"x7!hunter\"\n}",
            "{\"name\": \"password\",\n \"value\": \"x7!hunter\"}",
            "env:\n- name: DB_PASSWORD\n  value: x7!hunter",
            "env:\n  - name: \"DB_PASSWORD\"\n    value: x7!hunter # it",
            "env:\n  - value: 'x7!hunter'\n    name: DB_PASSWORD\n  - name: B\n    value: c",
            "- name: A\n  value: b\n\n- name: DB_PASSWORD\n  type: x\n  value: x7!hunter",
            "- name: DB_PASSWORD\n  value: |\n    x7!hunter",
            "env: [{name: A, value: b}, {name: DB_PASSWORD, value: x7!hunter}]",
            "[[env]]\nname = \"A\"\nvalue = \"b\"\n\n[[env]]\nname = \"DB_PASSWORD\"\nvalue = \"x7!hunter\"",
            "env = [{ name = \"DB_PASSWORD\", value = \"x7!hunter\" }]",
            "set {\n  name  = \"db.password\"\n  value = \"x7!hunter\"\n}",
            "name=DB_PASSWORD\nvalue=x7!hunter",
            "<add key=\"DbPassword\" value=\"x7!hunter\"/>",
            "<property>\n  <name>db.password</name>\n  <value>x7!hunter</value>\n</property>",
            "<dict><key>password</key><string>x7!hunter</string></dict>",
            "<name>DB_PASSWORD</name><!-- x --><value>x7!hunter</value>",
            "<name>DB_PASSWORD</name>\n<!-- <b> & -> -->\n\n<!---->\n<value>x7!hunter</value>",
            "OptionName: DB_PASSWORD\nValue: x7!hunter",
        ] {
            let told = found(text);
            assert!(matches!(told.as_slice(), [(_, _, "x7!hunter")]), "{text}: {told:?}");
        }
        assert_eq!(found("\n- name: DB_PASSWORD\n  value: x7!hunter\n"), [(3, "DB_PASSWORD", "x7!hunter")]);
        assert_eq!(found("- name: DB_PASSWORD\n  value: x7,y} z\n"), [(2, "DB_PASSWORD", "x7,y} z")]);
    }

    #[test]
    fn what_stands_near_by_chance_or_is_no_value_is_none() {
        for text in [
            r#"[{"name":"password"},{"value":"x7!hunter"}]"#,
            r#"{"name":"password","schema":{"value":"x7!hunter"}}"#,
            r#"{"a":{"name":"password"},"value":"x7!hunter"}"#,
            r#"{"name":"password","value":"Password"}"#,
            r#"{"key":"password","value":"Your password:"}"#,
            r#"{"name":"password","value":"string"}"#,
            r#"{"name":"password","value":"${DB_PASSWORD}"}"#,
            r#"{"name":"password","value":null}"#,
            r#"{"name":"PASSWORD","value":7}"#,
            r#"{"name":"users","value":"x7!hunter"}"#,
            "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db\n      key: password",
            "- name: DB_PASSWORD\n- value: x7!hunter",
            "- name: DB_PASSWORD\nother:\n  value: x7!hunter",
            "- name: DB_PASSWORD\n  from:\n    value: x7!hunter",
            "- name: DB_PASSWORD\n  value: /run/secrets/db",
            "- name: password\n  value: 8",
            "# - name: DB_PASSWORD\n#   value: x7!hunter",
            "key: secret\noperator: Equal\nvalue: \"true\"",
            "[a]\nname = \"DB_PASSWORD\"\n[b]\nvalue = \"x7!hunter\"",
            "set {\n  name  = \"db.password\"\n  value = var.db_password\n}",
            "const f = { name: 'password', value: password }",
            "f({\n  name: 'password',\n  value: password,\n})",
            "Field(name=\"password\", value=password1)",
            "<input name=\"password\"/><input value=\"x7!hunter\"/>",
            "<name>password</name><label>x</label><value>x7!hunter</value>",
            "<name>password</name><!-- x <value>x7!hunter</value>",
            "<name>password</name><!-- <value>x7!hunter</value> --><other/>",
            "the name: password\nvalue: none of it x7",
            "my-name: password\nmy-value: x7!hunter",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn a_hostile_text_costs_no_more_than_another_one() {
        let far = format!("name: a{}", "\t".repeat(BEFORE + 1));
        let pieces = [
            "\"name\":\"password\",",
            "name: a\n",
            "value:",
            "{\"value\":\"",
            "\"key\":{",
            "é\"name\":'",
            "<name>a</name><!--",
            "<name>a</name><!---->",
            "<name>a</name><!-- <name>b</name><value>c</value>",
            &far,
        ];
        let begin = std::time::Instant::now();
        for piece in pieces {
            // Nothing is looked for where no value is.
            let _ = found(&(piece.repeat((1 << 20) / piece.len()) + "value"));
        }
        assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
        let all = "{\"name\":\"password\",\"value\":\"x7\"}".repeat(20_000);
        assert_eq!(found(&all).len(), MOST);
    }
}
