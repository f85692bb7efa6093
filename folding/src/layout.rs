//! Encodings of fixed size for the proving library's objects.
//!
//! The library's own encoding is a sequence of 32-byte elements (field elements, compressed
//! points) and counters of 8 bytes, with a length of 8 bytes before each vector. All of these
//! lengths follow from the circuit's size, so they are left out of our files and put back when
//! reading: bytes of another size are refused before anything is decoded, no length that a file
//! states is ever believed, and a vector of another length cannot even be expressed. (Lengths that
//! nobody checked before zipping vectors are where verifiers of such systems have been broken.)

/// Bytes of a field element or a compressed point.
const ELEMENT_BYTES: usize = 32;
/// Bytes of a counter, and of a vector's length in the library's encoding.
const COUNTER_BYTES: usize = 8;

/// A part of an encoded object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// So many elements of 32 bytes.
    Elements(usize),
    /// A counter of 8 bytes, kept.
    Counter,
    /// A vector's length, left out.
    Length(usize),
}

/// The order and sizes of an object's parts.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    parts: Vec<Part>,
}

/// Bytes that do not have the layout asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The number of bytes is not the layout's.
    #[error("{found} bytes where {expected} belong")]
    Size {
        /// Bytes that the layout takes.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The library encoded a vector of another length than the circuit's size implies.
    #[error("a vector of another length than the circuit's size implies")]
    Length,
}

impl Layout {
    /// Appends `count` elements.
    pub fn elements(mut self, count: usize) -> Self {
        self.parts.push(Part::Elements(count));
        self
    }

    /// Appends a counter.
    pub fn counter(mut self) -> Self {
        self.parts.push(Part::Counter);
        self
    }

    /// Appends a vector of `count` elements.
    pub fn vector(self, count: usize) -> Self {
        self.vector_of(count, |layout| layout.elements(1))
    }

    /// Appends a vector of `count` items, each as `item` appends it.
    pub fn vector_of(mut self, count: usize, item: impl Fn(Self) -> Self) -> Self {
        self.parts.push(Part::Length(count));
        let one = item(Layout::default()).parts;
        if let [Part::Elements(each)] = one[..] {
            return self.elements(each * count);
        }
        for _ in 0..count {
            self.parts.extend_from_slice(&one);
        }
        self
    }

    /// Bytes without lengths.
    pub fn packed_size(&self) -> usize {
        let size = |part: &Part| match part {
            Part::Elements(count) => count * ELEMENT_BYTES,
            Part::Counter => COUNTER_BYTES,
            Part::Length(_) => 0,
        };
        self.parts.iter().map(size).sum()
    }

    /// Bytes with lengths.
    fn library_size(&self) -> usize {
        let lengths = |part: &&Part| matches!(part, Part::Length(_));
        self.packed_size() + self.parts.iter().filter(lengths).count() * COUNTER_BYTES
    }

    /// Takes the lengths out of the library's encoding, having compared each.
    ///
    /// # Errors
    /// [`LayoutError::Size`], [`LayoutError::Length`].
    pub fn pack(&self, library: &[u8]) -> Result<Vec<u8>, LayoutError> {
        check_size(self.library_size(), library)?;
        let mut packed = Vec::with_capacity(self.packed_size());
        let mut rest = library;
        for part in &self.parts {
            let (head, tail) = rest.split_at(match part {
                Part::Elements(count) => count * ELEMENT_BYTES,
                Part::Counter | Part::Length(_) => COUNTER_BYTES,
            });
            match part {
                Part::Length(count) if head != (*count as u64).to_le_bytes() => {
                    return Err(LayoutError::Length)
                }
                Part::Length(_) => {}
                Part::Elements(_) | Part::Counter => packed.extend_from_slice(head),
            }
            rest = tail;
        }
        Ok(packed)
    }

    /// Puts the lengths back: the inverse of [`Layout::pack`].
    ///
    /// # Errors
    /// [`LayoutError::Size`].
    pub fn unpack(&self, packed: &[u8]) -> Result<Vec<u8>, LayoutError> {
        check_size(self.packed_size(), packed)?;
        let mut library = Vec::with_capacity(self.library_size());
        let mut rest = packed;
        for part in &self.parts {
            let kept = match part {
                Part::Elements(count) => count * ELEMENT_BYTES,
                Part::Counter => COUNTER_BYTES,
                Part::Length(count) => {
                    library.extend_from_slice(&(*count as u64).to_le_bytes());
                    0
                }
            };
            let (head, tail) = rest.split_at(kept);
            library.extend_from_slice(head);
            rest = tail;
        }
        Ok(library)
    }
}

fn check_size(expected: usize, bytes: &[u8]) -> Result<(), LayoutError> {
    if bytes.len() == expected {
        return Ok(());
    }
    Err(LayoutError::Size {
        expected,
        found: bytes.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested() -> Layout {
        Layout::default()
            .elements(2)
            .vector(3)
            .counter()
            .vector_of(2, |layout| layout.vector(1))
    }

    fn library_bytes(layout: &Layout) -> Vec<u8> {
        let packed: Vec<u8> = (0..layout.packed_size()).map(|i| i as u8).collect();
        layout.unpack(&packed).expect("right size")
    }

    #[test]
    fn packing_inverts_unpacking() {
        let layout = nested();
        assert_eq!(layout.packed_size(), 2 * 32 + 3 * 32 + 8 + 2 * 32);
        assert_eq!(layout.library_size(), layout.packed_size() + 4 * 8);
        let library = library_bytes(&layout);
        assert_eq!(library[64..72], 3u64.to_le_bytes());
        let packed = layout.pack(&library).expect("own encoding");
        assert!(packed.iter().enumerate().all(|(i, byte)| *byte == i as u8));
    }

    #[test]
    fn other_sizes_and_lengths_are_refused() {
        let layout = nested();
        let mut library = library_bytes(&layout);
        library[64] = 4;
        assert_eq!(layout.pack(&library), Err(LayoutError::Length));
        let short = vec![0; layout.packed_size() - 1];
        let error = LayoutError::Size {
            expected: short.len() + 1,
            found: short.len(),
        };
        assert_eq!(layout.unpack(&short), Err(error));
        assert!(layout.pack(&[]).is_err());
    }
}
