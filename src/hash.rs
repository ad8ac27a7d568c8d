//! SHA-256, and digests as people read and compare them.

use sha2::{Digest, Sha256};

/// SHA-256 of bytes in memory, in lower-case hexadecimal.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hexadecimal(Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits, two a byte. The way every hash of this crate is written down: work that is taken up is
/// known by comparing such strings, so there must be one.
pub fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1 and the digest of nothing.
    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(sha256(b"").starts_with("e3b0c44298fc1c14"));
        assert_eq!(hexadecimal([0, 10, 255]), "000aff");
    }
}
