//! Numbers of the kernel's netlink interfaces, under the names that its headers give them. Those of `nf_tables` stand
//! beside the messages that are made of them (`backend/nft/transaction/kinds.rs`).

/// `linux/netlink.h`: types and flags of every message.
pub(crate) const NLMSG_ERROR: u16 = 2;
pub(crate) const NLMSG_DONE: u16 = 3;
pub(crate) const NLM_F_REQUEST: u16 = 0x1;
pub(crate) const NLM_F_ACK: u16 = 0x4;
/// The dump was overtaken by a change, and must be made again.
pub(crate) const NLM_F_DUMP_INTR: u16 = 0x10;
pub(crate) const NLM_F_DUMP: u16 = 0x300;
/// Fail where it is already there.
pub(crate) const NLM_F_EXCL: u16 = 0x200;
/// Make it where it is not there.
pub(crate) const NLM_F_CREATE: u16 = 0x400;
/// Put it last.
pub(crate) const NLM_F_APPEND: u16 = 0x800;
/// Flags in the type of an attribute: its value is attributes again, or in network order.
pub(crate) const NLA_F_NESTED: u16 = 0x8000;
pub(crate) const NLA_TYPE_MASK: u16 = 0x3fff;

/// `linux/socket.h`
pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 10;

/// `linux/rtnetlink.h`: messages, and groups of those that hear of changes, as bits.
pub(crate) const RTM_NEWLINK: u16 = 16;
pub(crate) const RTM_GETLINK: u16 = 18;
pub(crate) const RTM_NEWADDR: u16 = 20;
pub(crate) const RTM_GETADDR: u16 = 22;
pub(crate) const RTM_NEWROUTE: u16 = 24;
pub(crate) const RTM_GETROUTE: u16 = 26;
pub(crate) const RTM_NEWSTATS: u16 = 92;
pub(crate) const RTM_GETSTATS: u16 = 94;
pub(crate) const RTMGRP_LINK: u32 = 0x1;
pub(crate) const RTMGRP_IPV4_IFADDR: u32 = 0x10;
pub(crate) const RTMGRP_IPV4_ROUTE: u32 = 0x40;
pub(crate) const RTMGRP_IPV6_IFADDR: u32 = 0x100;
pub(crate) const RTMGRP_IPV6_ROUTE: u32 = 0x400;
/// Type of a route that leads to other machines.
pub(crate) const RTN_UNICAST: u8 = 1;
pub(crate) const RTA_DST: u16 = 1;
pub(crate) const RTA_OIF: u16 = 4;
pub(crate) const RTA_GATEWAY: u16 = 5;
pub(crate) const RTA_MULTIPATH: u16 = 9;
pub(crate) const RTA_VIA: u16 = 18;

/// `linux/if_addr.h`
pub(crate) const IFA_ADDRESS: u16 = 1;
pub(crate) const IFA_LOCAL: u16 = 2;

/// `linux/if_link.h`: of an interface, of what made it, of a bridge, and of a port of one.
pub(crate) const IFLA_IFNAME: u16 = 3;
/// The other end of a veth, which may be in another namespace (`IFLA_LINK_NETNSID`), or what a VLAN stands on.
pub(crate) const IFLA_LINK: u16 = 5;
pub(crate) const IFLA_MASTER: u16 = 10;
pub(crate) const IFLA_LINKINFO: u16 = 18;
/// Begins with `rx_packets`.
pub(crate) const IFLA_STATS64: u16 = 23;
pub(crate) const IFLA_LINK_NETNSID: u16 = 37;
/// Of `RTM_NEWSTATS`, begins with `rx_packets` too; asked for by the bit of its number less one.
pub(crate) const IFLA_STATS_LINK_64: u16 = 1;
pub(crate) const IFLA_INFO_KIND: u16 = 1;
pub(crate) const IFLA_INFO_DATA: u16 = 2;
pub(crate) const IFLA_INFO_SLAVE_DATA: u16 = 5;
pub(crate) const IFLA_BR_NF_CALL_IPTABLES: u16 = 36;
pub(crate) const IFLA_BR_NF_CALL_IP6TABLES: u16 = 37;
pub(crate) const IFLA_BRPORT_ISOLATED: u16 = 33;

/// `linux/netfilter.h`: families of rules.
pub(crate) const NFPROTO_INET: u8 = 1;
pub(crate) const NFPROTO_IPV4: u8 = 2;
pub(crate) const NFPROTO_IPV6: u8 = 10;

/// `linux/netfilter/nfnetlink.h`: subsystems, as the upper byte of a message's type; batches; the group of changes of
/// rules, as a bit.
pub(crate) const NFNL_SUBSYS_CTNETLINK: u16 = 1 << 8;
pub(crate) const NFNL_SUBSYS_NFTABLES: u16 = 10 << 8;
pub(crate) const NFNL_MSG_BATCH_BEGIN: u16 = 16;
pub(crate) const NFNL_MSG_BATCH_END: u16 = 17;
pub(crate) const NFNL_BATCH_GENID: u16 = 1;
pub(crate) const NFNLGRP_NFTABLES: u32 = 1 << 6;

/// `linux/netfilter/nf_tables.h`: what a watch hears of beside the rest.
pub(crate) const NFT_MSG_DELTABLE: u16 = NFNL_SUBSYS_NFTABLES | 2;

/// `linux/netfilter/nfnetlink_conntrack.h`: messages, and attributes of a connection, of one direction of it, of its
/// addresses and of its protocol.
pub(crate) const IPCTNL_MSG_CT_GET: u16 = NFNL_SUBSYS_CTNETLINK | 1;
pub(crate) const IPCTNL_MSG_CT_DELETE: u16 = NFNL_SUBSYS_CTNETLINK | 2;
pub(crate) const CTA_TUPLE_ORIG: u16 = 1;
pub(crate) const CTA_TUPLE_REPLY: u16 = 2;
pub(crate) const CTA_ID: u16 = 12;
pub(crate) const CTA_ZONE: u16 = 18;
pub(crate) const CTA_TUPLE_IP: u16 = 1;
pub(crate) const CTA_TUPLE_PROTO: u16 = 2;
pub(crate) const CTA_IP_V4_SRC: u16 = 1;
pub(crate) const CTA_IP_V4_DST: u16 = 2;
pub(crate) const CTA_IP_V6_SRC: u16 = 3;
pub(crate) const CTA_IP_V6_DST: u16 = 4;
pub(crate) const CTA_PROTO_NUM: u16 = 1;
pub(crate) const CTA_PROTO_DST_PORT: u16 = 3;
