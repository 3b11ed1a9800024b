//! Philox-4x32-10 (Salmon et al., SC'11): a block of four random words from a counter and a key.

/// Blocks computed side by side.
pub(super) const LANES: usize = 16;

const ROUNDS: usize = 10;

const LOWER: u64 = 0xffff_ffff;

const HALF: usize = LANES / 2;

/// The words of blocks `LANES * group ..` of one tensor, lane by lane: `[word][lane]`.
#[inline(always)]
pub(super) fn words_of_lanes(seed: u64, tensor: u64, group: u64) -> [[u32; LANES]; 4] {
    let first = group * LANES as u64;
    let low = words_of_half(seed, tensor, first);
    let high = words_of_half(seed, tensor, first + HALF as u64);
    let mut words = [[0; LANES]; 4];
    for word in 0..4 {
        for lane in 0..HALF {
            words[word][lane] = low[word][lane] as u32;
            words[word][HALF + lane] = high[word][lane] as u32;
        }
    }
    words
}

/// Blocks `first ..`, as many as fit into the widest of vectors. A word is the lower half of 64 bits, where the product of
/// 32 bits by 32 finds it and leaves it; what is in the upper half does not matter. Loops over lanes, and no closures: the
/// compiler turns each line into one or two instructions of the vector width that it is compiled for.
#[inline(always)]
fn words_of_half(seed: u64, tensor: u64, first: u64) -> [[u64; HALF]; 4] {
    let [mut lower, mut upper] = [[0; HALF]; 2];
    for (lane, (lower, upper)) in lower.iter_mut().zip(&mut upper).enumerate() {
        *lower = first + lane as u64;
        *upper = *lower >> 32;
    }
    let mut c = [lower, upper, [tensor; HALF], [tensor >> 32; HALF]];
    let mut key = [seed as u32, (seed >> 32) as u32];
    for _ in 0..ROUNDS {
        let (even, odd) = (u64::from(key[0]), u64::from(key[1]));
        let mut next = [[0; HALF]; 4];
        for lane in 0..HALF {
            let first = 0xD251_1F53 * (c[0][lane] & LOWER);
            let second = 0xCD9E_8D57 * (c[2][lane] & LOWER);
            next[0][lane] = (second >> 32) ^ c[1][lane] ^ even;
            next[1][lane] = second;
            next[2][lane] = (first >> 32) ^ c[3][lane] ^ odd;
            next[3][lane] = first;
        }
        c = next;
        key = bump(key);
    }
    c
}

/// The words of one block of one tensor, computed alone.
pub(super) fn words_of_block(seed: u64, tensor: u64, block: u64) -> [u32; 4] {
    philox(seed, [block as u32, (block >> 32) as u32, tensor as u32, (tensor >> 32) as u32])
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
