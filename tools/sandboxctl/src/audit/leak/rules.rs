//! Rules that know a credential by its form, in the format of gitleaks' configuration: a built-in set, and a person's
//! own file. A record has the rule's id, and never what the rule found.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};

use anyhow::{Context, bail, ensure};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::mark::Marks;

/// The formats that services document.
static BUILT_IN: LazyLock<Rules> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "it is part of the program, and a test reads it")]
    Rules::parse(include_str!("rules.toml")).expect("the built-in rules are sound")
});

/// The largest file of rules that is read, in bytes; gitleaks' own has some 100,000.
const MOST: u64 = 4 << 20;
/// The most that one regular expression may take when it is compiled, in bytes.
const COMPILED: usize = 10 << 20;

/// Rules, in the order in which they are tried, and what marks the secrets that they know.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    all: Vec<Rule>,
    /// Where the key of marks is; without it nothing is marked.
    keys: Option<PathBuf>,
    /// Made when the first secret is found, and `None` where it can't be made.
    marks: OnceLock<Option<Marks>>,
}

#[derive(Debug, Clone)]
struct Rule {
    id: String,
    regex: Expression,
    /// Which of the regular expression's groups is the secret.
    group: usize,
    /// The least entropy of the secret, in bits a character.
    entropy: f64,
    /// One of these, in lower case, must be in the text; without any, the regular expression alone decides.
    keywords: Vec<String>,
    allowed: Vec<Regex>,
    stop_words: Vec<String>,
}

/// A regular expression that is compiled when it is first needed. Most rules' words are in no text of an audit. To
/// compile all of them takes longer than to ask about ten containers.
#[derive(Debug, Clone)]
struct Expression {
    text: String,
    built: OnceLock<Option<Regex>>,
}

impl Expression {
    fn of(text: String) -> Self {
        Self { text, built: OnceLock::new() }
    }

    /// `None` where the pattern does not compile. Who reads a person's file says so; a test covers the built-in ones.
    fn get(&self) -> Option<&Regex> {
        self.built.get_or_init(|| compiled(&self.text).ok()).as_ref()
    }
}

fn compiled(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(COMPILED).build()
}

/// The part of gitleaks' format that is about texts. What is about files and commits says nothing here.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    rules: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    id: String,
    regex: Option<String>,
    #[serde(default)]
    secret_group: usize,
    #[serde(default)]
    entropy: f64,
    #[serde(default)]
    keywords: Vec<String>,
    allowlist: Option<Allowed>,
    #[serde(default)]
    allowlists: Vec<Allowed>,
}

#[derive(Deserialize)]
struct Allowed {
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    stopwords: Vec<String>,
}

impl Rules {
    /// The rules that are compiled in (`rules.toml`).
    pub(crate) fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// The built-in ones, and behind them those of a file.
    ///
    /// # Errors
    /// If the file cannot be read, is no such file, or has no rule.
    pub(crate) fn with(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut all = Self::built_in().clone();
        if let Some(path) = file {
            let read = || {
                ensure!(fs::metadata(path)?.len() <= MOST, "it is larger than {MOST} bytes");
                let rules = Self::parse(&fs::read_to_string(path)?)?;
                rules.all.iter().try_for_each(Rule::check)?;
                anyhow::Ok(rules)
            };
            all.all.extend(read().with_context(|| format!("--rules {}", path.display()))?.all);
        }
        Ok(all)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let file: File = toml::from_str(text)?;
        let of_texts = file.rules.into_iter().filter(|rule| rule.regex.is_some());
        let rules = of_texts.map(Rule::read).collect::<anyhow::Result<Vec<_>>>()?;
        if rules.is_empty() {
            bail!("it has no [[rules]] with a regex; the form is that of gitleaks' configuration");
        }
        Ok(Self { all: rules, keys: None, marks: OnceLock::new() })
    }

    /// The same, with marks for what they know: their key is in this folder, and is made there with the first secret.
    pub(crate) fn marking(self, keys: PathBuf) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// A secret's mark, where there is a key to make it with.
    pub(super) fn mark(&self, secret: &str) -> Option<String> {
        let keys = self.keys.as_ref()?;
        let make = || {
            let marks = Marks::within(keys);
            marks.inspect_err(|why| eprintln!("sandboxctl: secrets are told without marks: {why:#}")).ok()
        };
        self.marks.get_or_init(make).as_ref().map(|marks| marks.of_secret(secret))
    }

    /// The id of the first rule that knows a credential in the text.
    pub(crate) fn known(&self, text: &str) -> Option<&str> {
        self.find(text).map(|(id, _)| id)
    }

    /// Finds the rule that knows a text, and the part that it knows.
    pub(super) fn find<'a>(&self, text: &'a str) -> Option<(&str, &'a str)> {
        let lower = text.to_ascii_lowercase();
        self.all.iter().find_map(|rule| Some((rule.id.as_str(), rule.found(text, &lower)?)))
    }
}

impl Rule {
    fn read(written: Written) -> anyhow::Result<Self> {
        let compile = |text: &str| compiled(text).with_context(|| format!("rule {}", written.id));
        let lists = || written.allowlist.iter().chain(&written.allowlists);
        Ok(Self {
            regex: Expression::of(written.regex.unwrap_or_default()),
            group: written.secret_group,
            entropy: written.entropy,
            keywords: written.keywords.iter().map(|word| word.to_ascii_lowercase()).collect(),
            allowed: lists().flat_map(|list| &list.regexes).map(|text| compile(text)).collect::<anyhow::Result<_>>()?,
            stop_words: lists().flat_map(|list| &list.stopwords).map(|word| word.to_ascii_lowercase()).collect(),
            id: written.id,
        })
    }

    /// Is its expression sound?
    fn check(&self) -> anyhow::Result<()> {
        compiled(&self.regex.text).map(drop).with_context(|| format!("rule {}", self.id))
    }

    fn found<'a>(&self, text: &'a str, lower: &str) -> Option<&'a str> {
        let may = self.keywords.is_empty() || self.keywords.iter().any(|word| lower.contains(word.as_str()));
        if !may {
            return None;
        }
        let mut secrets = self.regex.get()?.captures_iter(text).map(|found| {
            // Without a number, gitleaks takes the first group that there is.
            let group = if self.group > 0 { found.get(self.group) } else { found.get(1) };
            group.or_else(|| found.get(0)).map_or("", |part| part.as_str())
        });
        secrets.find(|secret| self.takes(secret))
    }

    fn takes(&self, secret: &str) -> bool {
        let small = secret.to_ascii_lowercase();
        super::value::entropy(secret) >= self.entropy
            && !super::value::is_placeholder(secret)
            && !self.allowed.iter().any(|allowed| allowed.is_match(secret))
            && !self.stop_words.iter().any(|word| small.contains(word.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_are_read_and_each_has_an_id_of_its_own() {
        let rules = Rules::parse(include_str!("rules.toml")).unwrap();
        rules.all.iter().try_for_each(Rule::check).unwrap();
        let ids: std::collections::BTreeSet<&str> = rules.all.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.len(), rules.all.len());
        assert!(ids.len() >= 24);
    }

    #[test]
    fn a_file_of_gitleaks_form_adds_its_rules_and_what_is_none_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.toml");
        let write = |text: &str| fs::write(&path, text).unwrap();
        write(
            "title = \"mine\"\n[[rules]]\nid = \"house\"\nregex = '''house-([0-9a-f]{8})'''\nsecretGroup = 1\nentropy = 2\nkeywords = [\"HOUSE-\"]\n[[rules.allowlists]]\nstopwords = [\"cafe\"]\n[[rules]]\nid = \"files\"\npath = '''\\.pem$'''\n",
        );
        let rules = Rules::with(Some(&path)).unwrap();
        assert_eq!(rules.known("X=house-0a1b2c3d"), Some("house"));
        assert_eq!(rules.known("X=house-00000000"), None, "its entropy is too low");
        assert_eq!(rules.known("X=house-cafe1b2c"), None, "it is allowed");
        assert_eq!(Rules::built_in().known("X=house-0a1b2c3d"), None);
        for (text, why) in
            [("[[rules]]\nid = \"x\"\nregex = '''('''", "rule x"), ("a = 1", "no [[rules]]"), ("[[", "rules.toml")]
        {
            write(text);
            let error = format!("{:#}", Rules::with(Some(&path)).unwrap_err());
            assert!(error.contains(why) && error.contains("rules.toml"), "{error}");
        }
    }
}
