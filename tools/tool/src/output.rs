//! `--format`, the same for every tool.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// `text` on a terminal, `jsonl` otherwise.
    #[default]
    Auto,
    /// One JSON object a line.
    Jsonl,
    /// One line for a person, coloured on a terminal.
    Text,
}

/// The options of every tool that prints records.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// How records are printed: text on a terminal and jsonl elsewhere, unless said
    #[arg(long, value_enum, default_value_t, global = true)]
    pub format: Format,
}

impl OutputArgs {
    /// `Auto` settled: is it text?
    #[must_use]
    pub fn is_text(self) -> bool {
        match self.format {
            Format::Auto => std::io::stdout().is_terminal(),
            Format::Jsonl => false,
            Format::Text => true,
        }
    }

    /// May the text be coloured? Only on a terminal, and not under `NO_COLOR` (no-color.org).
    #[must_use]
    pub fn is_coloured(self) -> bool {
        self.is_text()
            && std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }
}
