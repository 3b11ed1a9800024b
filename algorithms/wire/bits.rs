//! Bits, eight a byte from the lowest; those that pad the last byte are zero.

/// The bytes of so many bits.
pub(super) fn size(bits: usize) -> usize {
    bits.div_ceil(8)
}

pub(super) fn pack(bits: &[bool]) -> Vec<u8> {
    let byte = |eight: &[bool]| {
        eight.iter().enumerate().fold(0, |byte, (i, &bit)| byte | u8::from(bit) << i)
    };
    bits.chunks(8).map(byte).collect()
}

/// The `count` bits that `bytes` hold; nothing if bytes are missing or left over, or padding is set.
pub(super) fn unpack(bytes: &[u8], count: usize) -> Option<Vec<bool>> {
    let bit = |i: usize| bytes[i / 8] >> (i % 8) & 1 == 1;
    let whole = bytes.len() == size(count) && !(count..8 * bytes.len()).any(bit);
    whole.then(|| (0..count).map(bit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_and_anything_else_is_refused() {
        for count in 0..20 {
            let bits: Vec<bool> = (0..count).map(|i| i % 3 == 1).collect();
            let bytes = pack(&bits);
            assert_eq!(bytes.len(), size(count));
            assert_eq!(unpack(&bytes, count), Some(bits));
            assert_eq!(unpack(&[&bytes[..], &[0]].concat(), count), None, "a byte left over");
            if let Some((last, rest)) = bytes.split_last() {
                assert_eq!(unpack(rest, count), None, "a byte missing");
                for padding in (count % 8..8).filter(|_| count % 8 > 0) {
                    let padded = [rest, &[last | 1 << padding]].concat();
                    assert_eq!(unpack(&padded, count), None, "padding");
                }
            }
        }
        assert_eq!(pack(&[true, false, false, true, false, false, false, false, true]), [9, 1]);
    }
}
