//! `auditdb events`: the records themselves, as they came.

use std::time::Duration;

use anyhow::Result;
use duckdb::{Connection, params_from_iter};
use tool::{Exit, OutputArgs, Stop};

use crate::cli::Events;
use crate::read::{Filter, Page, Reached, State, Wake, check_pattern, open};
use crate::store::Store;

/// The most memory that the sorting may use.
const MEMORY: &str = "2GiB";
/// How soon a follower looks again while another process has the database.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Prints records, and with `--follow` those that come.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Events, store: &Store, output: OutputArgs) -> Result<Exit> {
    let stop = Stop::listen()?;
    let filter = Filter::of(&args.filters);
    let page = Page::of(args.output, output);
    // Before the first look, so that nothing comes unseen between the two.
    let wake = if args.follow && store.directory().is_dir() { Some(Wake::on(store, &stop)?) } else { None };
    let reading = open(store, MEMORY)?;
    reading.state.warn();
    if let Some(pattern) = &args.filters.grep {
        check_pattern(&reading.connection, pattern)?;
    }
    let reached = Reached::of(&reading.connection)?;
    print(&reading.connection, &filter, &filter.select(args.limit, args.reverse), &page)?;
    let mut state = reading.state.clone();
    drop(reading);
    if let Some(wake) = wake {
        follow(store, &stop, wake, reached, &mut state, |connection, beyond| {
            let filter = filter.within(beyond);
            print(connection, &filter, &filter.select(None, false), &page)
        })?;
    }
    page.finish(&state)
}

/// Shows what comes in, until a signal ends it or nobody reads it.
fn follow(
    store: &Store,
    stop: &Stop,
    mut wake: Wake,
    mut reached: Reached,
    state: &mut State,
    show: impl Fn(&Connection, Filter) -> Result<()>,
) -> Result<()> {
    let mut seen = Vec::new();
    while !stop.asked() {
        let there = store.spool().segments()?;
        if there != seen || state.behind {
            seen = there;
            let reading = open(store, MEMORY)?;
            if reading.state != *state {
                reading.state.warn();
                *state = reading.state.clone();
            }
            if let Some(beyond) = reached.beyond(&reading.connection)? {
                show(&reading.connection, beyond)?;
                reached.go_on(&reading.connection)?;
            }
        }
        if !stop.asked() {
            wake.wait(state.behind.then_some(RETRY_INTERVAL))?;
        }
    }
    Ok(())
}

fn print(connection: &Connection, filter: &Filter, select: &str, page: &Page) -> Result<()> {
    page.print_all(&mut connection.prepare(select)?.query(params_from_iter(filter.parameters()))?)
}
