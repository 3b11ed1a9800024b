//! A paired test that assumes no law.

/// More pairs than this are not enumerated: 2^20 sums take milliseconds, 2^30 do not.
const MOST: usize = 20;

/// Below this share of the largest possible sum two sums are equal: they are sums of the same terms in another order.
const TIE: f64 = 1e-12;

/// The exact two-sided p-value of Fisher's randomization test of paired differences (R. A. Fisher, "The Design of
/// Experiments", 1935, section 21): the share of the 2^n ways to choose the differences' signs whose sum is at least as far
/// from zero as the one observed.
///
/// It holds at any n for any law: where the two things compared are alike, each seed's difference is as likely to have the
/// other sign. Its price is coarseness: it is never below 2 / 2^n, 0.25 of three pairs, 0.031 of six. Nothing from no
/// pair, and from more than 20, where Student's t hardly needs the normal law any more.
pub fn sign_flip(differences: &[f64]) -> Option<f64> {
    let n = differences.len();
    if n == 0 || n > MOST || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let observed = differences.iter().sum::<f64>().abs();
    let slack = TIE * differences.iter().map(|d| d.abs()).sum::<f64>();
    let flipped = |signs: u32| {
        let signed = |(i, d): (usize, &f64)| if signs >> i & 1 == 0 { *d } else { -d };
        differences.iter().enumerate().map(signed).sum::<f64>()
    };
    let all = 1_u32 << n;
    let as_far = (0..all).filter(|&signs| flipped(signs).abs() >= observed - slack).count();
    Some(as_far as f64 / f64::from(all))
}

#[cfg(test)]
mod tests {
    use super::sign_flip;

    /// By hand, of 1, 2 and 4: 7 and -7 are as far as 7; of 1, 2 and -4, of sum -1: all eight.
    #[test]
    fn signs_are_counted_as_by_hand() {
        assert_eq!(sign_flip(&[1.0, 2.0, 4.0]), Some(0.25));
        assert_eq!(sign_flip(&[1.0, 2.0, -4.0]), Some(1.0));
        assert_eq!(sign_flip(&[0.3; 6]), Some(2.0 / 64.0));
        // Of 1, 2, 3 and 4 with one sign against: sums of at least 8 are 10 and 8, and their opposites.
        assert_eq!(sign_flip(&[-1.0, 2.0, 3.0, 4.0]), Some(4.0 / 16.0));
    }

    #[test]
    fn what_it_cannot_judge_it_does_not() {
        assert_eq!(sign_flip(&[]), None);
        assert_eq!(sign_flip(&[1.0; 21]), None);
        assert_eq!(sign_flip(&[1.0, f64::NAN]), None);
        assert_eq!(sign_flip(&[0.0, 0.0]), Some(1.0));
    }
}
