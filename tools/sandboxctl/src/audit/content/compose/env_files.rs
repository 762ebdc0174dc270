//! The files that services of a Compose file take variables from: `env_file: a`, or the lines below it, `- a` and
//! `- path: a`. Pure.

/// One entry of `env_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EnvFile {
    pub(super) name: String,
    /// Does Compose want it to be there (`required`)?
    pub(super) needed: bool,
}

/// Reads every entry of `env_file` in a Compose file, each once.
pub(super) fn in_text(compose: &str) -> Vec<EnvFile> {
    let mut found: Vec<EnvFile> = Vec::new();
    let mut depth = None;
    for line in compose.lines() {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        if let Some(behind) = line.strip_prefix("env_file:") {
            depth = plain(behind).is_empty().then_some(indent);
            let list = behind.trim().strip_prefix('[').and_then(|list| list.split(']').next());
            match list {
                Some(list) => found.extend(list.split(',').filter_map(one)),
                None => found.extend(one(behind)),
            }
        } else if depth.is_some_and(|depth| indent >= depth && line.starts_with('-') || indent > depth) {
            let item = line.trim_start_matches('-').trim();
            match (item.strip_prefix("required:"), found.last_mut()) {
                (Some(word), Some(last)) => last.needed = plain(word) != "false",
                _ => found.extend(one(item.strip_prefix("path:").unwrap_or(item)).filter(|it| !it.name.contains(": "))),
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            depth = None;
        }
    }
    found.sort_by(|one, other| (&one.name, other.needed).cmp(&(&other.name, one.needed)));
    found.dedup_by(|one, other| one.name == other.name);
    found
}

fn one(text: &str) -> Option<EnvFile> {
    let name = plain(text);
    (!name.is_empty()).then(|| EnvFile { name: name.to_owned(), needed: true })
}

/// A value without its quotes, and without the comment behind it.
fn plain(text: &str) -> &str {
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote)?.split(quote).next();
    if text.starts_with('#') {
        return "";
    }
    let bare = || text.split_once(" #").map_or(text, |(before, _)| before).trim();
    quoted('"').or_else(|| quoted('\'')).unwrap_or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        in_text(text).into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn the_files_that_variables_come_from_are_found_in_each_spelling() {
        assert_eq!(all("services:\n  a:\n    env_file: .env.a\n    image: x"), [".env.a"]);
        assert_eq!(all("    env_file: [\"a.env\", b.env]"), ["a.env", "b.env"]);
        assert_eq!(
            all("    env_file:\n      - a.env\n      - ./b.env\n    ports:\n      - 80:80"),
            ["./b.env", "a.env"]
        );
        assert_eq!(all("    env_file:\n    - path: a.env\n      required: false\n    image: x"), ["a.env"]);
        assert_eq!(all("    environment:\n      - A=b"), [""; 0]);
    }

    #[test]
    fn a_comment_is_no_part_of_a_name() {
        assert_eq!(all("    env_file: a.env # note"), ["a.env"]);
        assert_eq!(all("    env_file: \"a #1.env\" # note"), ["a #1.env"]);
        assert_eq!(all("    env_file: # note\n      - a.env # b\n      # c\n      - 'd.env' # e"), ["a.env", "d.env"]);
    }

    #[test]
    fn what_one_service_needs_is_needed() {
        let text = "a:\n  env_file:\n    - path: x\n      required: false # note\nb:\n  env_file: x\n";
        assert_eq!(in_text(text), [EnvFile { name: "x".to_owned(), needed: true }]);
        assert!(!in_text("a:\n  env_file:\n    - path: x\n      required: false\n")[0].needed);
    }
}
