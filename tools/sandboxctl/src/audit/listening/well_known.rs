//! Programs, ports and network devices by which a container is reached past the vault.

/// Programs that serve SSH.
pub(super) const SSH: [&str; 5] = ["sshd", "sshd-session", "dropbear", "tinysshd", "sftp-server"];
/// SSH's own port (RFC 4253 section 4.1).
pub(super) const SSH_PORT: u16 = 22;

/// Programs that make a container a node of another network, or give it a public name.
pub(super) const TUNNELS: [&str; 20] = [
    "tailscaled",
    "headscale",
    "netbird",
    "nebula",
    "zerotier-one",
    "wireguard-go",
    "boringtun",
    "boringtun-cli",
    "openvpn",
    "charon",
    "pluto",
    "openconnect",
    "ocserv",
    "tincd",
    "n2n",
    "cloudflared",
    "ngrok",
    "frpc",
    "chisel",
    "bore",
];
/// UDP ports of tunnels: IKE, `OpenVPN`, `ZeroTier`, Tailscale, `WireGuard`.
pub(super) const TUNNEL_PORTS: [u16; 6] = [500, 1194, 4500, 9993, 41_641, 51_820];
/// How network devices of tunnels begin; what follows is a number.
pub(super) const TUNNEL_DEVICES: [&str; 8] = ["tailscale", "wg", "tun", "tap", "utun", "zt", "ppp", "ipsec"];

/// TCP ports by which others control a machine: rexec and its kin, telnet, Docker, RDP, VNC, `WinRM`, kubelet.
pub(super) const CONTROL_PORTS: [u16; 14] =
    [23, 512, 513, 514, 2375, 2376, 3389, 5900, 5901, 5902, 5985, 5986, 10_250, 10_255];
