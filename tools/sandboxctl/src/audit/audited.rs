//! Which containers an audit is about: those of the composition, and every stranger that got near them.

use std::collections::BTreeSet;

use engine::models::ContainerSummary;

/// The names of all containers that Compose made of ours or that are on a guarded network. One that lives in the
/// network namespace of one of these counts too: no list of a network's members shows it.
pub(crate) fn names(all: &[ContainerSummary], guarded: &BTreeSet<String>) -> BTreeSet<String> {
    let near: Vec<&ContainerSummary> = all.iter().filter(|one| is_ours(one) || is_on(one, guarded)).collect();
    let ids: BTreeSet<&str> = near.iter().filter_map(|one| one.id.as_deref()).collect();
    let guests = all.iter().filter(|one| host_of(one).is_some_and(|host| ids.contains(host)));
    near.into_iter().chain(guests).filter_map(name).collect()
}

fn is_ours(one: &ContainerSummary) -> bool {
    let project = one.labels.as_ref().and_then(|labels| labels.get("com.docker.compose.project"));
    project.is_some_and(|project| project == "cellblock")
}

fn is_on(one: &ContainerSummary, guarded: &BTreeSet<String>) -> bool {
    let networks = one.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    networks.into_iter().flat_map(|networks| networks.keys()).any(|name| guarded.contains(name))
}

fn host_of(one: &ContainerSummary) -> Option<&str> {
    one.host_config.as_ref()?.network_mode.as_deref()?.strip_prefix("container:")
}

/// The container's own name, without Docker's slash.
pub(crate) fn name(one: &ContainerSummary) -> Option<String> {
    // Links of old would add names with a second slash; the container's own has one.
    let own = one.names.iter().flatten().find(|name| name.rfind('/') == Some(0))?;
    Some(own.trim_start_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_on_our_networks_and_in_our_namespaces_are_audited_and_others_left_alone() {
        let all: Vec<ContainerSummary> = serde_json::from_value(serde_json::json!([
            {"Id": "1", "Names": ["/vault"], "Labels": {"com.docker.compose.project": "cellblock"}, "HostConfig": {"NetworkMode": "x"}},
            {"Id": "2", "Names": ["/parasite"], "HostConfig": {"NetworkMode": "container:1"}},
            {"Id": "3", "Names": ["/old/alias", "/guest"], "NetworkSettings": {"Networks": {"cellblock-cell": {}}}},
            {"Id": "4", "Names": ["/other"], "NetworkSettings": {"Networks": {"bridge": {}}}, "HostConfig": {"NetworkMode": "bridge"}},
            {"Id": "5", "Names": ["/others-guest"], "HostConfig": {"NetworkMode": "container:4"}}
        ]))
        .unwrap();
        let names = names(&all, &["cellblock-cell".to_owned()].into());
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["guest", "parasite", "vault"]);
    }
}
