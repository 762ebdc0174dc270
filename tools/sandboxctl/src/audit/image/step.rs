//! What is wrong with one step of an image's, in words that repeat nothing of it. Pure.

/// Words of a step, without what the builder puts before and behind.
fn has_all(step: &str, words: &[&str]) -> bool {
    words
        .iter()
        .all(|word| step.split(|letter: char| letter.is_whitespace() || ";&|".contains(letter)).any(|it| it == *word))
}

/// Layers are kept: a list that was taken long ago stands in for a new one. (yum and dnf install with that word.)
pub(super) fn lone_update(step: &str) -> Option<&'static str> {
    const MANAGERS: [&str; 3] = ["apt-get", "apt", "apk"];
    const USES: [&str; 5] = ["install", "add", "upgrade", "dist-upgrade", "full-upgrade"];
    let updates = MANAGERS.iter().any(|manager| has_all(step, &[manager, "update"]));
    (updates && !USES.iter().any(|word| has_all(step, &[word]))).then_some("an update alone")
}

/// ADD unpacks archives and asks addresses. The one that lays the root file system is how every image begins.
pub(super) fn added(step: &str) -> Option<&'static str> {
    let plain = step.trim_start_matches("/bin/sh -c #(nop)").trim_start();
    let words: Vec<&str> = plain.trim_end_matches("# buildkit").split_whitespace().collect();
    let is_root = matches!(words.last(), Some(&"/"));
    (words.first() == Some(&"ADD") && !is_root).then_some("ADD")
}

/// Options that switch a check off, each with the word for it.
const UNVERIFIED: [(&str, &str); 12] = [
    ("--allow-unauthenticated", "packages without signatures"),
    ("--no-gpg-checks", "packages without signatures"),
    ("--nogpgcheck", "packages without signatures"),
    ("--allow-untrusted", "packages without signatures"),
    ("[trusted=yes]", "packages without signatures"),
    ("AllowInsecureRepositories", "packages without signatures"),
    ("--no-check-certificate", "a server that nobody verified"),
    ("--trusted-host", "a server that nobody verified"),
    ("strict-ssl=false", "a server that nobody verified"),
    ("strict-ssl false", "a server that nobody verified"),
    ("NODE_TLS_REJECT_UNAUTHORIZED=0", "a server that nobody verified"),
    ("GIT_SSL_NO_VERIFY", "a server that nobody verified"),
];

/// Nobody's signature, digest or certificate stands behind what it brings.
pub(super) fn unverified(step: &str) -> Option<&'static str> {
    let named = UNVERIFIED.iter().find(|(option, _)| step.contains(option)).map(|(_, word)| *word);
    let insecure = has_all(step, &["curl", "-k"]) || has_all(step, &["curl", "--insecure"]);
    let server = || insecure.then_some("a server that nobody verified");
    named.or_else(server).or_else(|| is_piped(step).then_some("a script run unseen"))
}

/// `curl … | sh`: who answers there decides what the image is.
fn is_piped(step: &str) -> bool {
    let commands = step.split('|').map(str::trim);
    let fetches = |command: &str| has_all(command, &["curl"]) || has_all(command, &["wget"]);
    let runs = |command: &str| {
        let program = command.trim_start_matches("sudo ").split_whitespace().next().unwrap_or_default();
        matches!(program.rsplit('/').next(), Some("sh" | "bash" | "dash" | "ash" | "python3" | "python" | "perl"))
    };
    let commands: Vec<&str> = commands.collect();
    commands.windows(2).any(|pair| matches!(pair, [before, after] if fetches(before) && runs(after)))
}
