//! Ranges of addresses, read strictly: a range with host bits set is a slip, not a range.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::Invalid;
use crate::reader::invalid::quoted;

/// A range `ADDRESS/PREFIX`, or one address.
pub(crate) fn parse(text: &str) -> Result<IpNet, Invalid> {
    let refuse = |problem: &str| {
        Invalid::new(
            format!("{} {problem}", quoted(text)),
            "write a range such as 192.168.0.0/16 or 2001:db8::/32, or one address",
        )
    };
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| refuse("is no range of addresses"))?;
    let Some(prefix) = prefix else {
        return Ok(IpNet::from(address));
    };
    let digits = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let length = prefix.parse().ok().filter(|_| digits);
    let net = length.and_then(|length| IpNet::new(address, length).ok());
    let net = net.ok_or_else(|| refuse("has no prefix length of its family"))?;
    if net != net.trunc() {
        return Err(Invalid::new(
            format!("{} has bits set behind its prefix", quoted(text)),
            format!("write {} for the range, or {address} for the one address", net.trunc()),
        ));
    }
    Ok(net)
}
