//! A weakness for each control of a container: what of a sound one must change for the control to fail.

use serde_json::{Value, json};

use super::{host, merge};

/// The id of a control, and a change (RFC 7396) that it must not let pass.
pub(super) type Weakness = (&'static str, Value);

/// Every change that a control must not let pass.
pub(super) fn all() -> Vec<Weakness> {
    [confinement(), isolation(), bounds(), exposure(), grants()].concat()
}

fn bind(source: &str, more: &Value) -> Value {
    let mut mount =
        json!({"Type": "bind", "Source": source, "Destination": "/x", "RW": false, "Propagation": "rprivate"});
    merge(&mut mount, more);
    json!({ "Mounts": [mount] })
}

/// What a process may ask of the kernel.
fn confinement() -> Vec<Weakness> {
    vec![
        ("cis-docker-5.5", host(json!({"Privileged": true}))),
        ("cis-docker-5.4", host(json!({"CapDrop": []}))),
        ("cis-docker-5.4", host(json!({"CapAdd": ["CAP_NET_ADMIN"]}))),
        ("cis-docker-5.4", host(json!({"CapAdd": ["DAC_OVERRIDE"]}))),
        ("cis-docker-5.4", host(json!({"Privileged": true}))),
        ("cis-docker-5.26", host(json!({"SecurityOpt": []}))),
        ("cis-docker-5.26", host(json!({"SecurityOpt": ["no-new-privileges:false"]}))),
        ("cis-docker-5.26", host(json!({"SecurityOpt": ["no-new-privileges", "no-new-privileges=false"]}))),
        ("cis-docker-5.22", host(json!({"SecurityOpt": ["seccomp=unconfined"]}))),
        ("cis-docker-5.22", host(json!({"SecurityOpt": ["seccomp:unconfined"]}))),
        ("cis-docker-5.22", host(json!({"Privileged": true}))),
        ("cis-docker-5.22", host(json!({"SecurityOpt": ["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}"]}))),
        ("cis-docker-5.22", host(json!({"SecurityOpt": ["seccomp={\"defaultAction\":\"SCMP_ACT_LOG\"}"]}))),
        (
            "cis-docker-5.22",
            host(
                json!({"SecurityOpt": ["seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\",\"unshare\"],\"action\":\"SCMP_ACT_ALLOW\"}]}"]}),
            ),
        ),
        ("cis-docker-5.2", json!({"AppArmorProfile": "unconfined"})),
        ("cis-docker-5.13", host(json!({"ReadonlyRootfs": false}))),
        ("cis-docker-4.1", json!({"Config": {"User": ""}})),
        ("cis-docker-4.1", json!({"Config": {"User": "0:1000"}})),
        ("cis-docker-4.1", json!({"Config": {"User": "1000:0"}})),
        ("cis-docker-4.1", json!({"Config": {"User": "node"}})),
        ("cis-docker-4.1", json!({"Config": {"User": "000"}})),
        ("cis-docker-5.18", host(json!({"Devices": [{"PathOnHost": "/dev/kvm"}]}))),
        ("cis-docker-5.18", host(json!({"DeviceCgroupRules": ["a *:* rwm"]}))),
        ("cis-docker-5.18", host(json!({"DeviceRequests": [{"Driver": "nvidia"}]}))),
        ("cellblock-masked-paths", host(json!({"MaskedPaths": [], "ReadonlyPaths": []}))),
        ("cellblock-sysctls", host(json!({"Sysctls": {"net.ipv4.ip_forward": "1"}}))),
    ]
}

/// Namespaces shared with the host or with another container.
fn isolation() -> Vec<Weakness> {
    vec![
        ("cis-docker-5.10", host(json!({"NetworkMode": "host"}))),
        ("cis-docker-5.16", host(json!({"PidMode": "host"}))),
        ("cis-docker-5.16", host(json!({"PidMode": "container:aaaa"}))),
        ("cis-docker-5.17", host(json!({"IpcMode": "host"}))),
        ("cis-docker-5.17", host(json!({"IpcMode": "shareable"}))),
        ("cis-docker-5.21", host(json!({"UTSMode": "host"}))),
        ("cis-docker-5.31", host(json!({"UsernsMode": "host"}))),
        ("cellblock-cgroup-namespace", host(json!({"CgroupnsMode": "host"}))),
        ("cis-docker-5.30", host(json!({"NetworkMode": "bridge"}))),
        ("cis-docker-5.30", host(json!({"NetworkMode": "default"}))),
        ("cis-docker-5.30", json!({"NetworkSettings": {"Networks": {"bridge": {}}}})),
        ("cellblock-networks", json!({"NetworkSettings": {"Networks": {"cellblock-cell": {}}}})),
        ("cellblock-networks", host(json!({"NetworkMode": "container:aaaa"}))),
        ("cellblock-dns", host(json!({"Dns": []}))),
        ("cellblock-dns", host(json!({"Dns": ["127.0.0.1"]}))),
    ]
}

/// What then has no bound.
fn bounds() -> Vec<Weakness> {
    vec![
        ("cis-docker-5.11", host(json!({"Memory": 0}))),
        ("cis-docker-5.12", host(json!({"NanoCpus": 0}))),
        ("cis-docker-5.29", host(json!({"PidsLimit": -1}))),
        ("cis-docker-5.29", host(json!({"PidsLimit": null}))),
        ("cellblock-oom", host(json!({"OomKillDisable": true}))),
        ("cellblock-log-bound", host(json!({"LogConfig": {"Config": {"max-size": null}}}))),
        ("cellblock-log-bound", host(json!({"LogConfig": {"Config": {"max-size": "-1"}}}))),
        ("cellblock-log-bound", host(json!({"LogConfig": {"Type": "syslog"}}))),
        ("cellblock-log-bound", host(json!({"LogConfig": {"Type": "none", "Config": {}}}))),
        ("cis-docker-5.11", host(json!({"Memory": 5_i64 << 30, "MemorySwap": 5_i64 << 30}))),
        ("cis-docker-5.29", host(json!({"PidsLimit": 4097}))),
        ("cellblock-tmpfs-bound", host(json!({"Tmpfs": {"/tmp": "noexec"}}))),
        ("cellblock-tmpfs-bound", host(json!({"Tmpfs": {"/tmp": "size=1m,suid"}}))),
        ("cellblock-tmpfs-bound", host(json!({"Mounts": [{"Type": "tmpfs", "Target": "/x"}]}))),
        ("cellblock-restart", host(json!({"RestartPolicy": {"Name": "always"}}))),
        ("cellblock-restart", host(json!({"RestartPolicy": {"Name": "unless-stopped"}}))),
        ("cellblock-restart", host(json!({"RestartPolicy": {"Name": "on-failure"}}))),
        ("cellblock-core-dumps", host(json!({"Ulimits": []}))),
        ("cis-docker-5.11", host(json!({"MemorySwap": 2097152}))),
        ("cis-docker-5.11", host(json!({"MemorySwap": -1}))),
        ("cis-docker-5.11", host(json!({"Memory": 1_i64 << 40, "MemorySwap": 1_i64 << 40}))),
        ("cis-docker-5.12", host(json!({"NanoCpus": 200_000_000_000_i64}))),
        ("cis-docker-5.29", host(json!({"PidsLimit": 4_194_304}))),
        ("cellblock-oom", host(json!({"OomScoreAdj": -1000}))),
        ("cellblock-log-bound", host(json!({"LogConfig": {"Config": {"max-size": "1000g"}}}))),
        ("cellblock-log-bound", host(json!({"LogConfig": {"Config": {"max-size": "500m", "max-file": "9"}}}))),
        ("cellblock-tmpfs-bound", host(json!({"Tmpfs": {"/tmp": "size=100g"}}))),
        ("cellblock-tmpfs-bound", host(json!({"Tmpfs": {"/tmp": "size=0"}}))),
        ("cellblock-tmpfs-bound", host(json!({"Tmpfs": {"/tmp": "size=1m,exec"}}))),
        ("cellblock-tmpfs-bound", host(json!({"ShmSize": 10_i64 << 30}))),
        ("cellblock-tmpfs-bound", host(json!({"Tmpfs": {"/tmp": "size=1m,size=100g"}}))),
        (
            "cellblock-tmpfs-bound",
            host(
                json!({"Mounts": [{"Type": "tmpfs", "Target": "/x", "TmpfsOptions": {"SizeBytes": 1024, "Options": [["exec"]]}}]}),
            ),
        ),
        ("cellblock-log-bound", host(json!({"LogConfig": {"Type": "local", "Config": {"max-size": "1g"}}}))),
        (
            "cellblock-log-bound",
            host(json!({"LogConfig": {"Type": "local", "Config": {"max-size": null, "max-file": "1000"}}})),
        ),
    ]
}

/// What is beyond what it needs.
fn grants() -> Vec<Weakness> {
    let limit = |name: &str, hard: i64| json!({"Ulimits": [{"Name": name, "Soft": 1, "Hard": hard}]});
    let port = json!({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "81"}]});
    vec![
        ("cis-docker-5.8", host(json!({ "PortBindings": port }))),
        ("cis-docker-5.19", host(limit("nofile", 1_048_576))),
        ("cis-docker-5.19", host(limit("nproc", -1))),
        ("cis-docker-5.25", host(json!({"CgroupParent": "/"}))),
        ("cis-docker-5.25", host(json!({"CgroupParent": "/sbx-odd"}))),
        ("cellblock-groups", host(json!({"GroupAdd": ["0"]}))),
        ("cellblock-host-names", host(json!({"ExtraHosts": ["host.docker.internal:host-gateway"]}))),
        ("cellblock-host-names", host(json!({"Links": ["/db:/app/db"]}))),
        ("cis-docker-5.15", host(json!({"RestartPolicy": {"Name": "always"}}))),
        ("cis-docker-5.15", host(json!({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 50}}))),
        ("cis-docker-5.15", host(json!({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 0}}))),
        ("cis-docker-4.6", json!({"Config": {"Healthcheck": null}})),
        ("cis-docker-5.28", json!({"Image": "sha256:0"})),
        ("cis-docker-5.9", json!({"Config": {"ExposedPorts": {"22/tcp": {}}}})),
        ("cellblock-engine-address", json!({"Config": {"Env": ["DOCKER_HOST=tcp://10.0.0.5:2375"]}})),
    ]
}

/// What is within reach, and whether it is well.
fn exposure() -> Vec<Weakness> {
    vec![
        ("cis-docker-5.32", bind("/var/run/docker.sock", &json!({}))),
        ("cis-docker-5.32", bind("/run", &json!({}))),
        ("cis-docker-5.32", bind("/", &json!({}))),
        ("cis-docker-5.32", bind("/srv/x/containerd.sock", &json!({}))),
        ("cis-docker-5.6", bind("/etc/ssl", &json!({}))),
        ("cis-docker-5.6", bind("/", &json!({}))),
        ("cis-docker-5.6", bind("/var", &json!({}))),
        ("cellblock-mounts", bind("/srv/data", &json!({}))),
        ("cis-docker-5.20", bind("/srv/data", &json!({"Propagation": "rshared"}))),
        (
            "cis-docker-5.14",
            json!({"NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}]}}}),
        ),
        ("cis-docker-5.14", host(json!({"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}}))),
        ("cis-docker-5.14", host(json!({"PublishAllPorts": true}))),
        ("cellblock-ports", host(json!({"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]}}))),
        ("cellblock-env-secret", json!({"Config": {"Env": ["DB_PASSWORD=hunter2"]}})),
        ("cellblock-env-secret", json!({"Args": ["--key=npm_0123456789abcdefghij"]})),
        ("cellblock-running", json!({"State": {"Running": false}})),
        ("cis-docker-5.27", json!({"Config": {"Healthcheck": null}})),
        ("cis-docker-5.27", json!({"Config": {"Healthcheck": {"Test": ["NONE"]}}})),
        ("cis-docker-5.27", json!({"State": {"Health": {"Status": "unhealthy"}}})),
    ]
}
