//! What the targets share.

pub mod node;
pub mod scratch;

/// One input takes less than this, whatever it claims: an allocation that would go above it ends
/// the process, which is a finding. (The EVM and the parameters of the smallest shape fit.)
const MOST_BYTES: usize = 1 << 30;

#[global_allocator]
static BOUNDED: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, MOST_BYTES);

/// Splits an input at the first `separator`; without one all is in the first part.
pub fn halves<'a>(data: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    let place = data
        .windows(separator.len())
        .position(|window| window == separator);
    match place {
        Some(place) => (&data[..place], &data[place + separator.len()..]),
        None => (data, &[]),
    }
}
