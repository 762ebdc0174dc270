//! The summary: one row for each container and for the engine, one for all networks.

use comfy_table::{CellAlignment, Table, presets};
use record::{Outcome, Record, escape};

use super::super::waivers;

/// How the controls of one target ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    name: String,
    passed: usize,
    failed: usize,
    unknown: usize,
    waived: usize,
}

/// A table as wide as it must be, in the order of the records.
pub(super) fn by_target(records: &[Record]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["TARGET", "OK", "FAILED", "UNKNOWN", "WAIVED"]);
    for row in rows(records) {
        let number = |count: usize| if count == 0 { "-".to_owned() } else { count.to_string() };
        table.add_row([
            escape(&row.name),
            number(row.passed),
            number(row.failed),
            number(row.unknown),
            number(row.waived),
        ]);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    let lines = table.lines().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end()));
    lines.collect()
}

fn rows(records: &[Record]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for record in records {
        let name = target(record);
        let at = rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            rows.push(Row { name, ..Row::default() });
            rows.len() - 1
        });
        let Some(row) = rows.get_mut(at) else { continue };
        *match record.event.outcome {
            Some(Outcome::Success) if waivers::is_waived(record) => &mut row.waived,
            Some(Outcome::Success) => &mut row.passed,
            Some(Outcome::Failure) => &mut row.failed,
            _ => &mut row.unknown,
        } += 1;
    }
    rows
}

fn target(record: &Record) -> String {
    match waivers::place(record) {
        _ if record.network.is_some() => "networks".to_owned(),
        Some((_, name)) => name.to_owned(),
        None => "other".to_owned(),
    }
}
