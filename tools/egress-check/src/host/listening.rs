//! `/proc/net/tcp` and `tcp6`: the ports that the host listens on. A probe of a port where somebody
//! answers says more than one of a port where nobody does.

/// The state "listening" in the table, `TCP_LISTEN` of the kernel's `tcp_states.h`.
const LISTEN: &str = "0A";

/// Ports that are listened on at an address that is no loopback.
pub(super) fn tcp(table: &str) -> Vec<u16> {
    let listening = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (address, port) = words.get(1)?.split_once(':')?;
        (*words.get(3)? == LISTEN && !is_loopback(address)).then(|| u16::from_str_radix(port, 16).ok())?
    });
    listening.collect()
}

/// Addresses are words of 32 bits in the machine's own order, in hex.
fn is_loopback(address: &str) -> bool {
    match address.len() {
        8 => address.ends_with("7F") || address.starts_with("7F") && cfg!(target_endian = "big"),
        _ => matches!(address, "00000000000000000000000001000000" | "00000000000000000000000000000001"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n\
        0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1\n\
        1: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1\n\
        2: 024DA8C0:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1\n\
        3: 024DA8C0:D431 0A4DA8C0:01BB 01 00000000:00000000 00:00000000 00000000 0 0 1\n";

    #[test]
    fn only_listeners_beyond_loopback_count() {
        assert_eq!(tcp(TABLE), [22, 443]);
        assert_eq!(tcp("garbage\n: : :\n0: zz:yy a 0A\n"), Vec::<u16>::new());
    }
}
