//! `container.*`: the container that a record is about.

use super::field_set;

field_set! {
    /// `container.image.*`
    Image {
        /// The image's name with its tag.
        name: String,
    }
}

field_set! {
    /// `container.*`
    Container {
        /// Docker's 64 hex digits.
        id: String,
        /// The container's name, without a slash.
        name: String,
        /// What it was made from.
        image: Image,
    }
}

impl Container {
    /// A container known by its name alone.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }
}
