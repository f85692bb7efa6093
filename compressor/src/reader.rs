//! Reading the proof file's fields from bytes that may be anything.

use ff::PrimeField;
use maci_nova_step_circuit::Fr;

use crate::ProofFileError;

/// The bytes not read yet.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// The number of bytes not read yet.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], ProofFileError> {
        if count > self.rest.len() {
            return Err(ProofFileError::Truncated);
        }
        let (head, tail) = self.rest.split_at(count);
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProofFileError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ProofFileError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ProofFileError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, ProofFileError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn u128(&mut self) -> Result<u128, ProofFileError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub(crate) fn i128(&mut self) -> Result<i128, ProofFileError> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    /// An element of Fr: 32 bytes, little endian, below r.
    pub(crate) fn element(&mut self) -> Result<Fr, ProofFileError> {
        let bytes: [u8; 32] = self.array()?;
        Option::from(Fr::from_repr(bytes.into())).ok_or(ProofFileError::Malformed(
            "a field element is not canonical",
        ))
    }
}
