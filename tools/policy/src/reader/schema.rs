//! Every key of the policy, once: what is not here is refused as unknown. What is here is in the man page: a test
//! compares the two. An error can show how the key is written.

/// One key: its name, and a value as one would write it.
pub(crate) struct Key {
    pub name: &'static str,
    pub example: &'static str,
}

/// The keys of one table; `*` in its path stands for any name.
pub(crate) struct Table {
    pub path: &'static str,
    pub keys: &'static [Key],
}

const fn key(name: &'static str, example: &'static str) -> Key {
    Key { name, example }
}

pub(crate) const TOP: Table = Table {
    path: "",
    keys: &[
        key("cell", "{ network = \"open\" }"),
        key("networks", "{ cell = { bridge = \"br-cell\", subnets = [\"172.30.1.0/24\", \"fd6c:6c62:1::/64\"] } }"),
        key("moat", "{ deny = [\"special-purpose\", \"on-link\"] }"),
        key("proxy", "{ resolvers = [\"9.9.9.9\"] }"),
        key("egress", "[{ host = \"github.com\", clients = [\"monitor\"] }]"),
        key("repo", "[{ url = \"https://github.com/openclaw/openclaw\" }]"),
        key("warden", "{ rescan = \"15m\" }"),
        key("vault", "{ listen = \"127.0.0.1:8443\" }"),
        key("audit", "{ retain = \"90d\" }"),
        key("ceiling", "{ memory = \"4GiB\" }"),
        key("classify", "{ url = \"https://api.anthropic.com/v1/messages\", model = \"…\" }"),
        key("waiver", "[{ control = \"cis-docker-5.12\", container = \"cell\", until = 2027-01-31, reason = \"…\" }]"),
    ],
};

pub(crate) const CELL: Table = Table {
    path: "cell",
    keys: &[
        key("container", "\"cell\""),
        key("network", "\"open\""),
        key("dns", "[\"9.9.9.9\", \"149.112.112.112\"]"),
        key("memory", "\"2GiB\""),
        key("cpus", "2.0"),
        key("pids", "512"),
        key("timezone", "\"UTC\""),
        key("share", "{ path = \"sandbox_data\", size = \"4GiB\" }"),
    ],
};

pub(crate) const SHARE: Table =
    Table { path: "cell.share", keys: &[key("path", "\"sandbox_data\""), key("size", "\"4GiB\"")] };

pub(crate) const NETWORK: Table = Table {
    path: "networks.*",
    keys: &[
        key("bridge", "\"br-cell\""),
        key("subnets", "[\"172.30.1.0/24\", \"fd6c:6c62:1::/64\"]"),
        key("class", "\"sealed\""),
    ],
};

pub(crate) const MOAT: Table = Table {
    path: "moat",
    keys: &[
        key("deny", "[\"special-purpose\", \"on-link\"]"),
        key("refuse", "\"drop\""),
        key("allow", "[\"cell 192.168.1.53:53/udp\"]"),
    ],
};

pub(crate) const PROXY: Table = Table {
    path: "proxy",
    keys: &[key("resolvers", "[\"9.9.9.9\"]"), key("rate", "\"10r/s\""), key("burst", "20"), key("body", "\"1GiB\"")],
};

pub(crate) const EGRESS: Table = Table {
    path: "egress",
    keys: &[
        key("host", "\"github.com\""),
        key("clients", "[\"monitor\"]"),
        key("methods", "[\"GET\", \"POST\"]"),
        key("paths", "[\"/openclaw/\"]"),
        key("tls", "\"verify\""),
        key("credential", "\"github-token\""),
        key("header", "\"authorization\""),
        key("authorization", "\"replace\""),
        key("rate", "\"10r/s\""),
        key("burst", "20"),
        key("body", "\"1GiB\""),
    ],
};

pub(crate) const REPO: Table = Table {
    path: "repo",
    keys: &[
        key("url", "\"https://github.com/openclaw/openclaw\""),
        key("moving", "[\"refs/heads/*\"]"),
        key("pins", "{ \"v1.2.3\" = \"…\" } with 40 or 64 hex digits"),
        key("mirror", "\"commits\" or \"none\""),
    ],
};

pub(crate) const WARDEN: Table = Table {
    path: "warden",
    keys: &[
        key("jail", "{ path = \"jail\", size = \"1GiB\" }"),
        key("clamd", "\"/run/clamav/clamd.sock\""),
        key("defer", "[\"*.tmp\"]"),
        key("max_defer", "\"30s\""),
        key("max_size", "\"100MiB\""),
        key("on_unscanned", "\"report\""),
        key("rescan", "\"15m\""),
    ],
};

pub(crate) const JAIL: Table = Table { path: "warden.jail", keys: &[key("path", "\"jail\""), key("size", "\"1GiB\"")] };

pub(crate) const VAULT: Table = Table {
    path: "vault",
    keys: &[
        key("listen", "\"127.0.0.1:8443\""),
        key("upstream", "\"127.0.0.1:18789\""),
        key("pins", "[\"sha256:…\"] with 64 hex digits"),
        key("origins", "[\"https://box.example.ts.net\"]"),
    ],
};

pub(crate) const AUDIT: Table = Table {
    path: "audit",
    keys: &[
        key("directory", "\"audit\""),
        key("retain", "\"90d\""),
        key("retain_by", "{ \"egress-proxy\" = \"30d\" }"),
        key("spool", "\"2GiB\""),
        key("database", "\"2GiB\""),
        key("checkpoint", "\"15m\""),
        key("anchors", "[{ file = \"/mnt/usb/cellblock.anchors\" }]"),
    ],
};

pub(crate) const CEILING: Table = Table {
    path: "ceiling",
    keys: &[
        key("memory", "\"4GiB\""),
        key("cpus", "4.0"),
        key("pids", "4096"),
        key("logs", "\"1GiB\""),
        key("files", "65536"),
    ],
};

pub(crate) const CLASSIFY: Table = Table {
    path: "classify",
    keys: &[key("url", "\"https://api.anthropic.com/v1/messages\""), key("model", "\"claude-opus-5\"")],
};

pub(crate) const ANCHOR: Table = Table {
    path: "audit.anchors",
    keys: &[key("file", "\"/mnt/usb/cellblock.anchors\""), key("command", "[\"/usr/local/bin/anchor\"]")],
};

pub(crate) const WAIVER: Table = Table {
    path: "waiver",
    keys: &[
        key("control", "\"cis-docker-5.12\""),
        key("container", "\"cell\""),
        key("until", "2027-01-31"),
        key("reason", "\"why, in a sentence\""),
    ],
};

/// All tables but the top one.
pub(crate) const TABLES: [&Table; 15] = [
    &CELL, &SHARE, &NETWORK, &MOAT, &PROXY, &EGRESS, &REPO, &WARDEN, &JAIL, &VAULT, &AUDIT, &ANCHOR, &CEILING,
    &CLASSIFY, &WAIVER,
];

impl Table {
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// `name = example`, to be put into an error.
    pub(crate) fn line(&self, name: &str) -> String {
        let example = self.keys.iter().find(|key| key.name == name).map_or("…", |key| key.example);
        format!("{name} = {example}")
    }

    /// The known key that is nearest to an unknown one, if any is near enough to be meant.
    pub(crate) fn nearest(&self, unknown: &str) -> Option<&'static str> {
        nearest(unknown, self.keys.iter().map(|key| key.name))
    }
}

/// The candidate nearest to a word, if any is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.replace('-', "_")), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Every key of the policy, dotted, as in `cell.share.size` or `networks.*.bridge`.
pub fn keys() -> impl Iterator<Item = String> {
    let sections = TOP.keys.iter().map(|key| key.name.to_owned());
    let keys = TABLES.iter().flat_map(|table| table.keys.iter().map(|key| format!("{}.{}", table.path, key.name)));
    sections.chain(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_key_that_was_meant() {
        assert_eq!(CELL.nearest("memroy"), Some("memory"));
        assert_eq!(WARDEN.nearest("max-size"), Some("max_size"));
        assert_eq!(TOP.nearest("repos"), Some("repo"));
        assert_eq!(CELL.nearest("CPUs"), Some("cpus"));
    }

    #[test]
    fn a_word_that_resembles_nothing_finds_no_key() {
        assert_eq!(CELL.nearest("privileged"), None);
        assert_eq!(CELL.nearest(&"m".repeat(100_000)), None);
    }
}
