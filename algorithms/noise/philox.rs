//! Philox-4x32-10 (Salmon et al., SC'11): a block of four random words from a counter and a key.

/// Blocks computed side by side.
pub(super) const LANES: usize = 16;

const ROUNDS: usize = 10;

/// The words of blocks `LANES * group ..` of one tensor, lane by lane: `[word][lane]`.
#[inline(always)]
pub(super) fn words_of_lanes(seed: u64, tensor: u64, group: u64) -> [[u32; LANES]; 4] {
    let first = group * LANES as u64;
    let blocks: [u64; LANES] = std::array::from_fn(|lane| first + lane as u64);
    let mut words = [
        blocks.map(|block| block as u32),
        blocks.map(|block| (block >> 32) as u32),
        [tensor as u32; LANES],
        [(tensor >> 32) as u32; LANES],
    ];
    let mut key = [seed as u32, (seed >> 32) as u32];
    for _ in 0..ROUNDS {
        words = round_of_lanes(words, key);
        key = bump(key);
    }
    words
}

/// The words of one block of one tensor, computed alone.
pub(super) fn words_of_block(seed: u64, tensor: u64, block: u64) -> [u32; 4] {
    philox(seed, [block as u32, (block >> 32) as u32, tensor as u32, (tensor >> 32) as u32])
}

/// [`round`] of every lane, written so that the compiler turns each line into vector instructions.
#[inline(always)]
fn round_of_lanes(c: [[u32; LANES]; 4], key: [u32; 2]) -> [[u32; LANES]; 4] {
    let mut next = [[0_u32; LANES]; 4];
    for lane in 0..LANES {
        let first = 0xD251_1F53_u64 * u64::from(c[0][lane]);
        let second = 0xCD9E_8D57_u64 * u64::from(c[2][lane]);
        next[0][lane] = (second >> 32) as u32 ^ c[1][lane] ^ key[0];
        next[1][lane] = second as u32;
        next[2][lane] = (first >> 32) as u32 ^ c[3][lane] ^ key[1];
        next[3][lane] = first as u32;
    }
    next
}

/// Philox-4x32-10 of a counter under a key.
fn philox(seed: u64, counter: [u32; 4]) -> [u32; 4] {
    let mut key = [seed as u32, (seed >> 32) as u32];
    let mut words = counter;
    for _ in 0..ROUNDS {
        words = round(words, key);
        key = bump(key);
    }
    words
}

#[inline(always)]
fn round(c: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let first = 0xD251_1F53_u64 * u64::from(c[0]);
    let second = 0xCD9E_8D57_u64 * u64::from(c[2]);
    [
        (second >> 32) as u32 ^ c[1] ^ key[0],
        second as u32,
        (first >> 32) as u32 ^ c[3] ^ key[1],
        first as u32,
    ]
}

#[inline(always)]
fn bump(key: [u32; 2]) -> [u32; 2] {
    [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_vectors() {
        // Random123's known-answer tests for philox4x32-10.
        assert_eq!(philox(0, [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox(u64::MAX, [u32::MAX; 4]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
    }
}
