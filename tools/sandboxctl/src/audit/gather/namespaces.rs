//! Asks the kernel in which namespaces the processes of containers are: one look at all of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engine::{Namespaces, ProcessNamespaces, Processes, is_missing};

use super::super::facts::Facts;
use super::super::strangers::{Composition, Host};
use super::Named;

/// How often one is looked at that shares a namespace with ours, or of which no process is seen. And the pause between.
/// Docker puts a process into a container's control group before its namespaces. Meanwhile it is still in the host's.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Completes the facts of strangers, and of ours and the host, whose namespaces they may be in.
pub(super) async fn look(
    docker: &engine::Engine,
    processes: &Processes,
    (containers, others): (&mut [Named], &mut [Named]),
    composition: &mut Composition,
) {
    stand(docker, containers, composition).await;
    for look in 1..=LOOKS {
        let processes = if look == 1 { processes.recent() } else { processes.look() };
        let strangers = containers.iter_mut().chain(others.iter_mut()).filter_map(Named::facts_mut);
        let mut again = false;
        for facts in strangers.filter(|one| !composition.has(&one.id) && one.running == Some(true)) {
            let spaces = of(&processes, &facts.id);
            let unseen = spaces.as_ref().is_ok_and(BTreeSet::is_empty);
            if unseen && has_ended(docker, &facts.id).await {
                facts.running = Some(false);
            }
            facts.spaces = Some(spaces);
            again |= composition.is_entered(facts) || (unseen && facts.running == Some(true));
        }
        if !again || look == LOOKS {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells the composition the namespaces of the host and of ours that run.
async fn stand(docker: &engine::Engine, containers: &[Named], composition: &mut Composition) {
    let host = [1, std::process::id().into()].into_iter().filter_map(engine::namespaces_of).collect();
    let ours = containers.iter().filter_map(Named::facts).filter(|one| composition.has(&one.id));
    let (mut known, mut untold) = (Vec::new(), None);
    for one in ours.filter(|one| one.running == Some(true)) {
        match own(one) {
            Ok(spaces) => known.push((one.name.clone(), spaces)),
            Err(_) if has_ended(docker, &one.id).await => {}
            Err(why) => untold = Some(why),
        }
    }
    composition.take_host(Host { spaces: host, ours: known }, untold);
}

/// The namespaces of the first process of one of ours.
fn own(one: &Facts) -> Result<Namespaces, String> {
    let spaces = one.pid.and_then(engine::namespaces_of);
    spaces.ok_or_else(|| format!("the namespaces of {} may not be looked at; run it as root", one.name))
}

/// Does the engine say that it runs no more? The kernel knows of an end first.
async fn has_ended(docker: &engine::Engine, id: &str) -> bool {
    match docker.container(id).await {
        Ok(told) => told.state.and_then(|state| state.running) == Some(false),
        Err(error) => is_missing(&error),
    }
}

/// The namespaces of all its processes, each once. One of which none is seen has none.
fn of(
    processes: &anyhow::Result<Arc<Vec<ProcessNamespaces>>>,
    id: &str,
) -> Result<BTreeSet<(&'static str, String)>, String> {
    let processes = processes.as_ref().map_err(|error| format!("{error:#}"))?;
    let own = processes.iter().filter(|process| process.group.contains(id));
    let spaces: Option<Vec<&Namespaces>> = own.map(|process| process.namespaces.as_ref()).collect();
    let spaces = spaces.ok_or("the namespaces of its processes may not be looked at; run it as root")?;
    Ok(spaces.into_iter().flatten().map(|(kind, link)| (*kind, link.clone())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Rules;
    use super::*;

    #[test]
    fn one_of_ours_whose_namespaces_cannot_be_read_is_told() {
        let ours = |pid: i64| {
            let told = json!({
                "Id": "1111111111110000", "Name": "/vault", "Config": {}, "HostConfig": {},
                "State": {"Running": true, "Pid": pid}
            });
            own(&Facts::of(serde_json::from_value(told).unwrap(), Rules::built_in()).unwrap())
        };
        assert_eq!(ours(std::process::id().into()).ok(), engine::namespaces_of(std::process::id().into()));
        for gone in [0, i64::from(i32::MAX)] {
            assert!(ours(gone).unwrap_err().contains("of vault"));
        }
    }
}
