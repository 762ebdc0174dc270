//! `[[waiver]]`: a known deviation, justified and dated, never silent.

use jiff::civil::Date;

/// One accepted deviation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The control's id, such as `cis-docker-5.12`.
    pub control: String,
    /// The container it is accepted for.
    pub container: String,
    /// The last day it holds (UTC).
    pub until: Date,
    /// Why; never empty.
    pub reason: String,
}

impl Waiver {
    /// Whether it still holds on this day.
    pub fn holds_on(&self, day: Date) -> bool {
        day <= self.until
    }
}
