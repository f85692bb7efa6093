//! BLAKE-512, the SHA-3 finalist (not BLAKE2), from which MACI derives secret scalars and signature
//! nonces.
//!
//! Written here because no maintained crate has it. Inputs are at most 78 bytes in this crate, but
//! any length works.
//!
//! Source: Aumasson, Henzen, Meier, Phan, "SHA-3 proposal BLAKE", version 1.3, section 2.2.

use zeroize::Zeroize;

const BLOCK: usize = 128;
const ROUNDS: usize = 16;

const INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The first digits of pi.
const CONSTANTS: [u64; 16] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6c,
    0xc0ac_29b7_c97c_50dd,
    0x3f84_d5b5_b547_0917,
    0x9216_d5d9_8979_fb1b,
    0xd131_0ba6_98df_b5ac,
    0x2ffd_72db_d01a_dfb7,
    0xb8e1_afed_6a26_7e96,
    0xba7c_9045_f12c_7f99,
    0x24a1_9947_b391_6cf7,
    0x0801_f2e2_858e_fc16,
    0x6369_20d8_7157_4e69,
];

const PERMUTATIONS: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// The words that each of a round's eight mixing steps works on: columns, then diagonals.
const STEPS: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

/// The 64-byte digest of a message below 2^61 bytes, with salt 0.
pub(crate) fn blake512(message: &[u8]) -> [u8; 64] {
    let bits = 8 * message.len() as u128;
    let mut chain = INITIAL;
    let full = message.chunks_exact(BLOCK);
    let rest = full.remainder();
    let mut counter = 0u128;
    for block in full {
        counter += 8 * BLOCK as u128;
        compress(&mut chain, block, counter);
    }
    // Padding: a 1 bit, zeros, a 1 bit, the length in bits over 16 bytes.
    let mut tail = [0u8; 2 * BLOCK];
    let length = if rest.len() + 17 <= BLOCK {
        BLOCK
    } else {
        2 * BLOCK
    };
    tail[..rest.len()].copy_from_slice(rest);
    tail[rest.len()] |= 0x80;
    tail[length - 17] |= 1;
    tail[length - 16..length].copy_from_slice(&bits.to_be_bytes());
    // The counter of a block counts message bits only, and is 0 if the block has none.
    let first = if rest.is_empty() { 0 } else { bits };
    compress(&mut chain, &tail[..BLOCK], first);
    if length > BLOCK {
        compress(&mut chain, &tail[BLOCK..], 0);
    }
    tail.zeroize();
    let mut digest = [0u8; 64];
    for (bytes, word) in digest.chunks_exact_mut(8).zip(chain) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    chain.zeroize();
    digest
}

fn compress(chain: &mut [u64; 8], block: &[u8], counter: u128) {
    let mut words = [0u64; 16];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(8)) {
        *word = bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    }
    let mut v = [0u64; 16];
    v[..8].copy_from_slice(chain);
    v[8..].copy_from_slice(&CONSTANTS[..8]);
    let (low, high) = (counter as u64, (counter >> 64) as u64);
    for (index, half) in [(12, low), (13, low), (14, high), (15, high)] {
        v[index] ^= half;
    }
    for round in 0..ROUNDS {
        let order = &PERMUTATIONS[round % PERMUTATIONS.len()];
        for (i, [a, b, c, d]) in STEPS.into_iter().enumerate() {
            let (p, q) = (order[2 * i], order[2 * i + 1]);
            v[a] = v[a]
                .wrapping_add(v[b])
                .wrapping_add(words[p] ^ CONSTANTS[q]);
            v[d] = (v[d] ^ v[a]).rotate_right(32);
            v[c] = v[c].wrapping_add(v[d]);
            v[b] = (v[b] ^ v[c]).rotate_right(25);
            v[a] = v[a]
                .wrapping_add(v[b])
                .wrapping_add(words[q] ^ CONSTANTS[p]);
            v[d] = (v[d] ^ v[a]).rotate_right(16);
            v[c] = v[c].wrapping_add(v[d]);
            v[b] = (v[b] ^ v[c]).rotate_right(11);
        }
    }
    for i in 0..8 {
        chain[i] ^= v[i] ^ v[i + 8];
    }
    words.zeroize();
    v.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The two test vectors of the submission.
    #[test]
    fn published_vectors() {
        assert_eq!(
            hex(&blake512(&[0])),
            "97961587f6d970faba6d2478045de6d1fabd09b61ae50932054d52bc29d31be4\
             ff9102b9f69e2bbdb83be13d4b9c06091e5fa0b48bd081b634058be0ec49beb3"
        );
        assert_eq!(
            hex(&blake512(&[0; 144])),
            "313717d608e9cf758dcb1eb0f0c3cf9fc150b2d500fb33f51c52afc99d358a2f\
             1374b8a38bba7974e7f6ef79cab16f22ce1e649d6e01ad9589c213045d545dde"
        );
    }

    /// The digest of the digests of 0 to 300 bytes 0, 1, 2, …, as crate blake-hash 0.4.1 computes
    /// it: every length of the padding.
    #[test]
    fn every_length() {
        let message: Vec<u8> = (0..300).map(|i: u32| i as u8).collect();
        let digests: Vec<u8> = (0..=300)
            .flat_map(|length| blake512(&message[..length]))
            .collect();
        assert_eq!(
            hex(&blake512(&digests)),
            "0be2e0c42574c28d3f1ca94acc862814b49d4f06ad21a4568bd772417145c65f\
             a7a35fedc04c4a871d999488d9c933c1a069186b4892caf82746df73b52f66db"
        );
    }
}
