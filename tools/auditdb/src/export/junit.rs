//! `JUnit`'s XML: a test case for each verdict. A failure is a `failure`; what could not be evaluated is an `error`,
//! which no build server takes for a pass.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result, ensure};
use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};

use super::Report;
use super::item::Item;

/// The form counts its cases at its head, so all must be held; more than this are no report that anybody reads.
const MOST: usize = 200_000;

/// The cases, a suite for each tool.
pub(super) struct Junit<'o> {
    out: &'o mut dyn Write,
    suites: BTreeMap<String, TestSuite>,
    count: usize,
}

impl<'o> Junit<'o> {
    /// A report that has no test case yet.
    pub(super) fn begin(out: &'o mut dyn Write) -> Self {
        Self { out, suites: BTreeMap::new(), count: 0 }
    }
}

impl Report for Junit<'_> {
    fn add(&mut self, item: &Item) -> Result<()> {
        let Some(verdict) = item.verdict() else { return Ok(()) };
        self.count += 1;
        ensure!(
            self.count <= MOST,
            "more than {MOST} verdicts are no report for a build server; --since and --tool narrow it"
        );
        let suite = self.suites.entry(item.provider.clone()).or_insert_with(|| TestSuite::new(item.provider.as_str()));
        suite.add_test_case(case(item, verdict));
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let mut report = Xml::new("cellblock");
        report.add_test_suites(std::mem::take(&mut self.suites).into_values());
        report.serialize(&mut *self.out).context("the report could not be written")
    }
}

fn case(item: &Item, verdict: &str) -> TestCase {
    let mut status = match verdict {
        "success" => TestCaseStatus::success(),
        "failure" => TestCaseStatus::non_success(NonSuccessKind::Failure),
        _ => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if verdict != "success" {
        status.set_message(item.said()).set_type(format!("severity {}", item.severity));
    }
    let parts = [Some(item.rule.as_str()), item.container.as_deref(), Some(item.subject.as_str())];
    let name = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{}.{}", item.provider, item.action));
    case
}
