//! What the gate and the moat refused most.

use anyhow::Result;
use duckdb::Connection;

use super::layer::Layer;
use super::span::Span;

/// Actions of the gate and of the moat that say so, for SQL.
pub(super) const REFUSED: &str = "('request-denied', 'connection-denied', 'flow-denied')";
/// The moat's name in the record.
const MOAT: &str = "netguard";
/// The most destinations that are named.
const MOST: usize = 20;

/// A destination that somebody was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) who: String,
    /// A name, or an address with port and protocol.
    pub(super) target: String,
    pub(super) by: String,
    pub(super) times: u64,
    pub(super) last: i64,
    pub(super) why: Option<String>,
}

impl Refusal {
    /// The layer that refused: the moat, or else the gate.
    pub(super) fn layer(&self) -> Layer {
        if self.by == MOAT { Layer::Moat } else { Layer::Gate }
    }
}

/// The most frequent ones, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refusals {
    pub(super) targets: u64,
    pub(super) times: u64,
    pub(super) top: Vec<Refusal>,
}

/// The gate says the name that was asked for in its sentence, `GET NAME/PATH: 403` or `TLS to NAME: denied`; the moat
/// has an address. Lines themselves are not read: there may be very many.
const TARGET: &str = r"CASE WHEN provider = 'netguard' THEN coalesce(destination_ip, '?') ELSE
    coalesce(destination_domain, nullif(rtrim(regexp_extract(message, '^(?:TLS to |\S+ )([^\s/]+)', 1), ':'), ''), destination_ip, '?') END";

/// Asks the database.
///
/// # Errors
/// What the database says.
pub(super) fn refusals(connection: &Connection, span: Span) -> Result<Refusals> {
    let since = span.since;
    let sql = format!(
        "SELECT coalesce(container, network, source_ip, provider, '?') AS who, {TARGET} AS target, destination_port, transport,
                coalesce(provider, '?') AS refuser, count(*) AS times, max(epoch_us(time)), any_value(reason),
                count(*) OVER (), (sum(count(*)) OVER ())::UBIGINT
         FROM records
         WHERE action IN {REFUSED} AND time >= make_timestamp({since}::BIGINT)
         GROUP BY who, target, destination_port, transport, refuser ORDER BY times DESC, target, who LIMIT {MOST}"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut found = Refusals::default();
    while let Some(row) = rows.next()? {
        let (port, transport): (Option<u16>, Option<String>) = (row.get(2)?, row.get(3)?);
        let (target, by): (String, String) = (row.get(1)?, row.get(4)?);
        let target = if by == MOAT { with_port(&target, port, transport.as_deref()) } else { target };
        (found.targets, found.times) = (row.get(8)?, row.get(9)?);
        found.top.push(Refusal {
            who: row.get(0)?,
            target,
            by,
            times: row.get(5)?,
            last: row.get(6)?,
            why: row.get(7)?,
        });
    }
    Ok(found)
}

fn with_port(address: &str, port: Option<u16>, transport: Option<&str>) -> String {
    let transport = transport.map(|transport| format!("/{transport}")).unwrap_or_default();
    match port {
        None => format!("{address}{transport}"),
        Some(port) if address.contains(':') => format!("[{address}]:{port}{transport}"),
        Some(port) => format!("{address}:{port}{transport}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_netguard_explain_reads_it() {
        assert_eq!(with_port("192.0.2.1", Some(445), Some("tcp")), "192.0.2.1:445/tcp");
        assert_eq!(with_port("fd00::1", Some(53), Some("udp")), "[fd00::1]:53/udp");
        assert_eq!(with_port("192.0.2.1", None, Some("icmp")), "192.0.2.1/icmp");
    }
}
