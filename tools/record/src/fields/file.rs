//! `file.*`: the file that a record is about.

use std::path::Path;

use super::field_set;

field_set! {
    /// `file.hash.*`
    Hash {
        /// SHA-256 of the content, 64 hex digits in lower case.
        sha256: String,
    }
}

field_set! {
    /// `file.*`. A path that is no UTF-8 is lossy here, and exact in `cellblock.path_base64`.
    File {
        /// The whole path, as its container or host calls it.
        path: String,
        /// The file's length in bytes.
        size: u64,
        /// The inode's number, as text (ECS: keyword).
        inode: String,
        /// The device that holds it, `major:minor`.
        device: String,
        /// `file`, `dir`, `symlink`, `fifo`, `socket`, `device`.
        #[serde(rename = "type")]
        kind: String,
        /// Permission bits in octal, four digits.
        mode: String,
        /// The owner's numeric id, as text.
        uid: String,
        /// Where a link or a rename leads.
        target_path: String,
        /// What the content hashes to.
        hash: Hash,
    }
}

impl File {
    /// A file known by its path alone.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: Some(path.to_string_lossy().into_owned()), ..Self::default() }
    }
}
