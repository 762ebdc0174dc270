//! `[classify]`: a model's label for what the monitor saw. Off without the section.

use crate::Invalid;
use crate::reader::invalid::quoted;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::types::https;

/// The path of the one wire format that is spoken (Anthropic's Messages).
const MESSAGES: &str = "/v1/messages";

/// Which model the monitor asks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classify {
    /// Its address: `https://HOST/…/v1/messages`. Some `[[egress]]` with a credential lists the monitor for it.
    pub url: String,
    /// The host of the address, canonical.
    pub host: String,
    /// The path of the address.
    pub path: String,
    /// What the provider calls the model.
    pub model: String,
}

pub(crate) fn read(section: &Section<'_>) -> Option<Classify> {
    let url = section.required("url", |value| value.accept(parts(value.text()?)));
    let model = section.required("model", model);
    let ((url, host, path), model) = (url?, model?);
    Some(Classify { url, host, path, model })
}

/// Address, host and path.
fn parts(url: &str) -> Result<(String, String, String), Invalid> {
    const SHAPE: &str = "write it as https://HOST/v1/messages, such as \"https://api.anthropic.com/v1/messages\"";
    let (host, path) = https::parts(url, SHAPE)?;
    if !path.ends_with(MESSAGES) || path.contains('+') || path.contains("/.") {
        return Err(Invalid::new(format!("{} is no address of a Messages API", quoted(url)), SHAPE));
    }
    Ok((url.to_owned(), host, path.to_owned()))
}

/// A name that stands in a request and in the record.
fn model(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:/@".contains(&byte));
    if plain && (1..=100).contains(&text.len()) {
        return Some(text.to_owned());
    }
    value.refuse(format!("{} is no name of a model", quoted(text)), "write up to 100 of letters, digits and -._:/@")
}
