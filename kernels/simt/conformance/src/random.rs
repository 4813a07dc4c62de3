//! Random bits that stay the same for ever: no library's stream, whose next version may differ.

/// The random bits of a place: of a form's `seed`, a thread and an operand. SplitMix64 (Steele, Lea and Flood, 2014)
/// of a counter, so that every value stands for itself.
#[must_use]
pub const fn bits(seed: u64, thread: u64, operand: u64) -> u64 {
    let counter =
        seed ^ thread.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ operand.wrapping_mul(0xd1b5_4a32_d192_ed03);
    mix(mix(counter).wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// The seed of a name: FNV-1a.
#[must_use]
pub fn seed(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recorded inputs depend on these.
    #[test]
    fn the_stream_is_what_it_was() {
        assert_eq!(seed("fma.rn.f32"), seed("fma.rn.f32"));
        assert_ne!(bits(1, 2, 3), bits(1, 3, 2));
        assert_eq!(seed(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(mix(1), 0x5692_161d_100b_05e5);
    }
}
