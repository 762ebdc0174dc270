//! An address of the outside that a section names: https, a host, a plain path.

use crate::Invalid;
use crate::reader::invalid::quoted;
use crate::types::host;

/// Its host, canonical, and its path with the slash that begins it. `shape` shows how such an address is written.
pub(crate) fn parts<'u>(url: &'u str, shape: &str) -> Result<(String, &'u str), Invalid> {
    let refuse = |problem: &str, mend: &str| Invalid::new(format!("{} {problem}", quoted(url)), mend);
    let rest = url.strip_prefix("https://").ok_or_else(|| refuse("is not an https address", shape))?;
    let slash = rest.find('/').ok_or_else(|| refuse("has no path", shape))?;
    let (authority, path) = rest.split_at(slash);
    if authority.contains(':') {
        return Err(refuse("names a port", "remove it; the gate goes to 443"));
    }
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~+".contains(&byte));
    let mut segments = path.trim_start_matches('/').trim_end_matches('/').split('/');
    if !plain
        || path.starts_with("//")
        || segments.any(|segment| matches!(segment, "" | "." | ".."))
        || url.len() > 1024
    {
        return Err(refuse("has no plain path", shape));
    }
    Ok((host::canonical(authority)?, path))
}
