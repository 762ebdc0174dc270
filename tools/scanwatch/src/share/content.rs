//! What a file holds, read from its descriptor in chunks. The offset stays where it is: the descriptor that went to
//! clamd shares it.

use std::os::fd::BorrowedFd;

use rustix::io::{Errno, pread};
use sha2::{Digest, Sha256};

/// Bytes read at a time.
const CHUNK: usize = 128 * 1024;

/// Hands the first `size` bytes over, chunk by chunk, and says how many there were: fewer where the file is shorter.
///
/// # Errors
/// If the file cannot be read, or what `take` says.
pub(crate) fn read_chunks<E: From<Errno>>(
    file: BorrowedFd<'_>,
    size: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<u64, E> {
    let mut chunk = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK)).max(1)];
    let mut at = 0;
    while at < size {
        let wanted = chunk.len().min(usize::try_from(size - at).unwrap_or(CHUNK));
        let read = pread(file, chunk.get_mut(..wanted).unwrap_or_default(), at)?;
        if read == 0 {
            break;
        }
        take(chunk.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
    Ok(at)
}

/// SHA-256 of the first `size` bytes of a file (fewer where it is shorter), in hex.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn sha256(file: BorrowedFd<'_>, size: u64) -> Result<String, Errno> {
    let mut hash = Sha256::new();
    read_chunks(file, size, |bytes| {
        hash.update(bytes);
        Ok::<_, Errno>(())
    })?;
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};
    use std::os::fd::AsFd;

    use super::*;

    fn file_of(bytes: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// FIPS 180-2, appendices B.1 and B.3.
    #[test]
    fn a_content_has_the_hash_of_the_standard_up_to_the_size_and_the_offset_stays() {
        let mut file = file_of(b"abcd");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(file.as_fd(), 3).unwrap(), abc);
        assert_eq!(file.stream_position().unwrap(), 4);
        let million = file_of(&[b'a'; 1_000_000]);
        let of_million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(sha256(million.as_fd(), u64::MAX).unwrap(), of_million);
    }

    #[test]
    fn no_byte_behind_the_size_is_handed_over_and_a_refusal_ends_it() {
        let file = file_of(&[7; CHUNK + 10]);
        let read = |size, most: usize| {
            let mut lengths = Vec::new();
            let end = read_chunks(file.as_fd(), size, |bytes| {
                lengths.push(bytes.len());
                if lengths.len() < most { Ok(()) } else { Err(Errno::FBIG) }
            });
            (end, lengths)
        };
        assert_eq!(read(CHUNK as u64 + 3, 9), (Ok(CHUNK as u64 + 3), vec![CHUNK, 3]));
        assert_eq!(read(u64::MAX, 9), (Ok(CHUNK as u64 + 10), vec![CHUNK, 10]));
        assert_eq!(read(u64::MAX, 1), (Err(Errno::FBIG), vec![CHUNK]));
    }
}
