# Who lives beside the moat, one function each: they come, all is asked, they go. Sourced by together.
# shellcheck shell=bash disable=SC2034,SC2016  # what the machine's own shell expands; what together uses

readonly NO_WAY_OUT='no-way-out: no table translates the sources of 172.30.1.0/24'
readonly UNKNOWN_TO_FIREWALLD="firewalld-refuses: firewalld's rules do not name br-cell"
readonly ASTRAY='answers-astray: what is for 172.30.1.0/24 goes to tailscale0, and its bridge is br-cell'
readonly REFUSED_BY_FIREWALLD='refused-elsewhere: udp to port 53 is refused by table inet firewalld, chain filter_FORWARD_POLICIES: {"reject":{"expr":"admin-prohibited","type":"icmpx"}}'

# In this order: from the second on, containers outlive their engine; the last leaves another engine's data behind.
readonly SITUATIONS=(nobody_else live_restore without_userland_proxy ufw firewalld nftables tailscale another_address second_bridge
  k3s_beside k3s_alone rootless firewalld_at_boot userns_remap)

nobody_else() { situation "nobody else" neighbour stands; }

# With live-restore, containers outlive their engine: so the neighbour stays while its owner changes all the rest.
live_restore() {
  engine_with '"live-restore": true'
  situation "live-restore, engine restarted" neighbour stands
}
# `engine_with SETTINGS`: Docker's daemon.json, and the engine anew by it.
engine_with() {
  inside "mkdir -p /etc/docker; echo '{$1}' >/etc/docker/daemon.json; systemctl reload docker" >&2
  engine_again
}
# systemd gives up on a unit that starts three times a minute.
engine_again() {
  inside 'systemctl reset-failed docker; systemctl restart docker' >&2
  within 30 active docker
}

without_userland_proxy() {
  engine_with '"live-restore": true, "userland-proxy": false'
  inside 'docker restart cell' >&2
  situation "userland-proxy off" neighbour stands
  engine_with '"live-restore": true'
  inside 'docker restart cell' >&2
}

ufw() {
  inside 'ufw --force enable' >&2
  situation "ufw enabled" neighbour stands
  inside 'ufw reload' >&2
  situation "ufw reloaded" neighbour stands
  inside 'ufw disable' >&2
}

firewalld() {
  inside 'systemctl start firewalld' >&2
  situation "firewalld on a running host" host lost "$UNKNOWN_TO_FIREWALLD" "$REFUSED_BY_FIREWALLD"
  engine_again
  situation "firewalld, then Docker again" neighbour stands
  inside 'firewall-cmd --reload' >&2
  situation "firewalld reloaded" neighbour stands
  inside 'systemctl stop firewalld' >&2
  engine_again
}

nftables() {
  inside 'systemctl restart nftables' >&2
  situation "nftables.service, which flushes all" host lost "$NO_WAY_OUT"
  engine_again
}

# `tailscale up --exit-node=…`: all goes by a table of its own. Without the LAN allowed, even answers to containers do.
tailscale() {
  inside 'ip route add default dev tailscale0 table 52; ip rule add priority 5270 lookup 52' >&2
  situation "Tailscale's exit node" router lost "$ASTRAY"
  inside 'for net in 192.168.77.0/24 172.17.0.0/16 172.30.1.0/24; do ip route add throw "$net" table 52; done' >&2
  situation "Tailscale's exit node, LAN allowed" neighbour stands
  PORT=$((PORT + 1))
  holds "Tailscale's exit node: the tailnet is refused to the cell, by the moat" refused_by_the_moat 100.64.0.1 "$PORT"
  holds "control: the neighbour reaches the tailnet" answered neighbour 100.64.0.1 "$PORT"
  inside 'ip rule del priority 5270; ip route flush table 52' >&2
}

# DHCP gives another prefix, a public one: what was the internet's is the LAN's now.
another_address() {
  PORT=$((PORT + 1))
  holds "an address that changes: before, the range is the internet's (control)" answered cell 5.6.7.10 "$PORT"
  ip -n "$LAB_NAME-lan" address add 5.6.7.10/24 dev lan0
  inside 'ip address add 5.6.7.2/24 dev lan0' >&2
  holds "an address that changes: the new LAN is refused within 2 s" within 2 refused_by_the_moat 5.6.7.10 "$((PORT + 1))"
  holds "control: the neighbour reaches the new LAN" answered neighbour 5.6.7.10 "$((PORT + 2))"
  PORT=$((PORT + 2))
  situation "an address that changes" neighbour stands
  inside 'ip address del 5.6.7.2/24 dev lan0' >&2
  ip -n "$LAB_NAME-lan" address del 5.6.7.10/24 dev lan0
  holds "an address that changes: the old one is the internet's again within 2 s" within 2 answered cell 5.6.7.10 "$((PORT + 1))"
  PORT=$((PORT + 1))
}

# k3s beside Docker: a bridge of its own, and the rules that kube-proxy writes. (k3s itself runs no container here.)
k3s_beside() {
  inside 'ip link add cni0 type bridge; ip address add 10.42.0.1/24 dev cni0; ip link set cni0 up
    iptables -N KUBE-FORWARD; iptables -I FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
    iptables -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
    iptables -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
    iptables -t nat -N KUBE-POSTROUTING; iptables -t nat -I POSTROUTING -j KUBE-POSTROUTING
    iptables -t nat -A KUBE-POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE' >&2
  situation "k3s beside Docker" neighbour stands
  holds "k3s beside Docker: its bridge is refused to the cell" eval 'not answered_by_a_page cell 10.42.0.1 && refused_by_the_moat 10.42.0.1 80'
  holds "control: the neighbour reaches k3s's bridge" answered_by_a_page neighbour 10.42.0.1
  inside 'ip link del cni0; iptables -D FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD; iptables -F KUBE-FORWARD
    iptables -X KUBE-FORWARD; iptables -t nat -D POSTROUTING -j KUBE-POSTROUTING; iptables -t nat -F KUBE-POSTROUTING; iptables -t nat -X KUBE-POSTROUTING' >&2
}

# k3s and no Docker: said in one sentence by whatever asks for an engine.
k3s_alone() {
  inside 'mkdir -p /run/k3s/containerd; touch /run/k3s/containerd/containerd.sock' >&2
  holds "k3s and no Docker: sandboxctl says that it is not supported" \
    inside "DOCKER_HOST=unix:///run/nowhere.sock sandboxctl audit $OURS 2>&1 | grep -q 'k3s runs here, and is no Docker engine: what it runs is not supported'"
  holds "k3s and no Docker: up says so before it makes anything" \
    inside "DOCKER_HOST=unix:///run/nowhere.sock scripts/up --inside-lab --dry-run 2>&1 | grep -q 'k3s runs here'"
  inside 'rm -r /run/k3s' >&2
}

# An ordinary user's Docker: what it makes lies where no rule of this host is.
rootless() {
  inside 'useradd --create-home --uid 1000 u; mkdir -p /run/user/1000; chown u: /run/user/1000
    systemd-run --quiet --unit=rootless --uid=u --setenv=XDG_RUNTIME_DIR=/run/user/1000 --setenv=HOME=/home/u \
      --setenv=PATH=/usr/bin:/usr/sbin /usr/share/docker.io/contrib/dockerd-rootless.sh' >&2 || true
  holds "rootless: that Docker answers (control)" within 30 inside 'docker -H unix:///run/user/1000/docker.sock version'
  holds "rootless: verify says that it is not supported" \
    inside "DOCKER_HOST=unix:///run/user/1000/docker.sock netguard verify $OURS --format jsonl | jq -e -s 'any(.[]; .rule.id == \"docker-rootless\" and .event.outcome == \"failure\" and (.cellblock.mend | startswith(\"it is not supported\")))'"
  holds "rootless: up says so before it makes anything" \
    inside "DOCKER_HOST=unix:///run/user/1000/docker.sock scripts/up --inside-lab --dry-run 2>&1 | grep -q 'is rootless: .* not supported'"
  inside 'systemctl stop rootless; loginctl terminate-user u; userdel --remove u' >&2 || true
  situation "rootless, beside the system's Docker" neighbour stands
}

# A firewall that was there first: at a boot it starts before Docker, which gives it its bridges.
firewalld_at_boot() {
  inside 'systemctl enable firewalld' >&2
  run machine stop
  boot
  within 30 inside 'docker exec cell true && docker exec neighbour true' || die "the containers are not back after a boot"
  neighbour=$(started)
  situation "a boot with firewalld" neighbour stands
  inside 'systemctl disable --now firewalld' >&2
  engine_again
}

# Docker then has a root of its own for data, so all begins anew in it: the neighbour as well, by its owner's choice.
userns_remap() {
  engine_with '"live-restore": false'
  engine_with '"userns-remap": "default"'
  settle_in
  cell
  situation "userns-remap" neighbour stands
}

second_bridge() {
  inside 'docker network create --opt com.docker.network.bridge.name=br-second second
    docker run -d --name second --network second "$(docker images -q | head -n 1)" sleep infinity' >&2
  situation "a second bridge of a stranger's" second stands
  inside 'docker rm -f second; docker network rm second' >&2
}
