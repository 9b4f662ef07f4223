//! What an entry is found by: a version and up to 32 bytes of id, compared whole.

use core::fmt;

/// The longest id, in bytes.
pub const ID_BYTES_MAX: usize = 32;

/// A version and an id of 0 to 32 bytes.
///
/// Two keys are equal when version, length and bytes are: one id under two versions is two keys,
/// and an id that is another's prefix, or ends in zeros, is a key of its own. The length takes part
/// in the hash.
///
/// `Debug` prints version and length, never the bytes: an id can be all that it takes to resume.
///
/// # Examples
///
/// ```
/// use session_core::Key;
///
/// let key = Key::new(0x0304, b"an id").expect("at most 32 bytes");
/// assert_eq!(key.id(), b"an id");
/// assert!(Key::new(0, &[0; 33]).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Key {
    /// Invariant: the bytes past the id's are zero.
    id: [u8; ID_BYTES_MAX],
    /// The version, and in the last eight bits how many bytes the id has.
    shape: u32,
}

impl Key {
    /// The key of version 0 and no id.
    pub const EMPTY: Key = Key { id: [0; ID_BYTES_MAX], shape: 0 };

    /// Makes a key, or returns `None` when `id` is longer than [`ID_BYTES_MAX`] bytes.
    #[inline]
    pub fn new(version: u16, id: &[u8]) -> Option<Key> {
        // Ids mostly have all the bytes there can be, and so many are copied without a call.
        let padded = match id.try_into() {
            Ok(whole) => whole,
            Err(_) => {
                let mut padded = [0; ID_BYTES_MAX];
                padded.get_mut(..id.len())?.copy_from_slice(id);
                padded
            }
        };
        Some(Key { id: padded, shape: shape_of(version, id.len() as u8) })
    }

    /// Returns the key of the same id under another version.
    #[inline]
    #[must_use]
    pub fn with_version(self, version: u16) -> Key {
        Key { shape: shape_of(version, self.id_bytes()), ..self }
    }

    /// Returns the version.
    #[inline]
    pub fn version(&self) -> u16 {
        (self.shape >> 8) as u16
    }

    /// Returns the id, without padding.
    #[inline]
    pub fn id(&self) -> &[u8] {
        &self.id[..usize::from(self.id_bytes())]
    }

    #[inline]
    fn id_bytes(&self) -> u8 {
        self.shape as u8
    }

    /// Version and length as one number, for the hash.
    #[inline]
    pub(crate) fn shape(&self) -> u32 {
        self.shape
    }

    /// The id with its padding: always 32 bytes, so that hashing has no branch on the length.
    #[inline]
    pub(crate) fn padded_id(&self) -> &[u8; ID_BYTES_MAX] {
        &self.id
    }

    /// The same as two numbers, in this machine's byte order.
    #[inline]
    pub(crate) fn halves(&self) -> [u128; 2] {
        let half = |from: usize| {
            let bytes = self.id[from..from + ID_BYTES_MAX / 2].try_into();
            u128::from_ne_bytes(bytes.expect("half of 32 bytes"))
        };
        [half(0), half(ID_BYTES_MAX / 2)]
    }
}

#[inline]
fn shape_of(version: u16, id_bytes: u8) -> u32 {
    u32::from(version) << 8 | u32::from(id_bytes)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("version", &format_args!("{:#06x}", self.version()))
            .field("id_bytes", &self.id_bytes())
            .finish_non_exhaustive()
    }
}
