//! How a fault is told.

use crate::sample::{DESIGN, SMALLEST, parse, refuses};

fn error_of(text: &str) -> String {
    parse(text).expect_err("must be refused").to_string()
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_known_one() {
    let lines = [
        "policy.toml:5:1: cell.memroy: unknown key \"memroy\"; did you mean 'memory'?",
        " 5 | memroy    = \"2GiB\"",
        "   | ^^^^^^",
    ];
    let text = DESIGN.replace("memory    = ", "memroy    = ");
    assert_eq!(error_of(&text), lines.join("\n"));
}

#[test]
fn an_unknown_key_is_refused_in_every_table() {
    let tables = [
        ("[cell]", "cell.x"),
        ("[moat]", "moat.x"),
        ("[proxy]", "proxy.x"),
        ("[[egress]]", "egress[1].x"),
        ("[[repo]]", "repo[1].x"),
        ("[warden]", "warden.x"),
        ("[vault]", "vault.x"),
        ("[audit]", "audit.x"),
        ("[[waiver]]                         #", "waiver[1].x"),
    ];
    for (head, key) in tables {
        let to = if head.ends_with('#') { "[[waiver]]\nx = 1\n#".to_owned() } else { format!("{head}\nx = 1") };
        refuses(head, &to, key, "unknown key \"x\"");
    }
    refuses("size = \"4GiB\"", "size = \"4GiB\", x = 1", "cell.share.x", "the keys here are path, size");
    refuses("size = \"1GiB\"", "size = \"1GiB\", x = 1", "warden.jail.x", "unknown key");
    refuses("\"br-cell\",   ", "\"br-cell\", x = 1,", "networks.cell.x", "the keys here are bridge, subnets, class");
    refuses("[cell]", "[[repos]]\nx = 1\n[cell]", "repos", "did you mean 'repo'?");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_text() {
    let text = DESIGN
        .replace("\"open\"", "\"opne\"")
        .replace("\"30s\"", "30")
        .replace("512", "0")
        .replace("\"GET\"", "\"get\"");
    let error = parse(&text).expect_err("four faults");
    let keys: Vec<&str> = error.faults().iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["cell.network", "cell.pids", "egress[1].methods[1]", "warden.max_defer"]);
    let lines: Vec<usize> = error.faults().iter().map(|fault| fault.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn more_than_twenty_faults_are_counted() {
    let text = SMALLEST
        .replace("[cell]\n", &format!("[cell]\n{}", (0..5000).map(|n| format!("x{n} = 1\n")).collect::<String>()));
    let error = parse(&text).expect_err("many faults");
    assert_eq!(error.faults().len(), 20);
    assert_eq!(error.faults()[0].line, 3);
    assert!(error.to_string().ends_with("and 4980 more"), "{error}");
}

#[test]
fn a_syntax_error_is_told_with_its_place() {
    let error = parse("[cell]\nnetwork = \"open\n").expect_err("no closing quote");
    assert_eq!((error.faults()[0].line, error.faults()[0].key.as_str()), (2, ""));
    let twice = error_of(&DESIGN.replace("pids      = 512", "pids = 512\npids = 513"));
    assert!(twice.starts_with("policy.toml:8:1: duplicate key"), "{twice}");
}

#[test]
fn a_column_counts_characters() {
    let error = parse(&DESIGN.replace("{ path = \"sandbox_data\", size = \"4GiB\" }", "{ path = \"дата\", size = 0 }"))
        .expect_err("0");
    assert_eq!((error.faults()[0].line, error.faults()[0].column), (9, 37));
}

#[test]
fn control_characters_of_the_file_never_reach_the_terminal() {
    for text in [
        "[cell]\nnetwork = \"\u{1b}[31mopen\"\n",
        "[cell]\nnetwork = \"\\u001b[31mopen\"\n",
        "[cell]\n\"\\u001b]0;x\\u0007\" = 1\n",
        "[networks]\n\"\\u001b[2J\" = 1\n",
        "[cell]\nnetwork = '\u{202e}nepo'\n",
        "\u{1b}[31m",
    ] {
        let error = error_of(text);
        assert!(!error.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{error:?}");
    }
}

#[test]
fn a_key_stays_hidden_also_when_its_line_has_another_fault() {
    let inline = "egress = [{ host = \"10.0.0.1\", clients = [\"cell\"], credential = \"sk-ANT-0123456789\", x = 1 }]";
    let error = parse(&format!("{inline}\n{SMALLEST}")).expect_err("three faults");
    assert_eq!(error.faults().len(), 3, "{error}");
    assert!(!error.to_string().contains("0123456789") && error.to_string().contains("credential = ****"), "{error}");
}

#[test]
fn a_missing_section_says_what_to_add() {
    let error = error_of("");
    assert!(error.contains("add cell = ") && error.contains("add networks = "), "{error}");
}

#[test]
fn one_table_where_a_list_of_tables_belongs_is_told_as_such() {
    refuses("[[repo]]", "[repo]", "repo", "write [[repo]], with two brackets");
}
