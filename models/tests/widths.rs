//! For unit tests of kernels, in any crate: the same operation at each vector width that this machine has.

use pulp::{NullaryFnOnce, Simd};

/// A vector width.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Width {
    /// What every processor of this architecture has.
    Least,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// AVX-512.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
}

impl Width {
    /// Those that this machine has.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Least];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(pulp::x86::V3::try_new().map(Self::Avx2));
            all.extend(pulp::x86::V4::try_new().map(Self::Avx512));
        }
        all
    }

    /// Performs an operation as it is compiled for this width.
    pub(crate) fn run(self, operation: impl NullaryFnOnce<Output = ()>) {
        match self {
            Self::Least => operation.call(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => Simd::vectorize(avx2, Plain(operation)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(avx512) => Simd::vectorize(avx512, Plain(operation)),
        }
    }
}

/// An operation that leaves vectors to the compiler.
struct Plain<O>(O);

impl<O: NullaryFnOnce> pulp::WithSimd for Plain<O> {
    type Output = O::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> O::Output {
        self.0.call()
    }
}

/// Holds that an operation on a copy of `start` leaves the same bits at every width.
///
/// # Panics
/// If it does not.
pub(crate) fn assert_same_bits(start: &[f32], perform: impl Fn(Width, &mut [f32])) {
    let bits = |width| {
        let mut values = start.to_vec();
        perform(width, &mut values);
        values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    let expected = bits(Width::Least);
    for width in Width::all() {
        assert!(bits(width) == expected, "other bits with {width:?}");
    }
}
