//! Which tokens are computed together, and which of them are judged.

use engine::plan::Phase;

/// A prompt, of which the last tokens may be decoded one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    tokens: Vec<u32>,
    decoded: usize,
}

impl Run {
    /// One prefill of all tokens, which are all judged.
    #[must_use]
    pub const fn prefill(tokens: Vec<u32>) -> Self {
        Self { tokens, decoded: 0 }
    }

    /// A prefill of all tokens but the last `decoded`, which are then decoded one by one and judged. All of them are
    /// decoded where there are no more.
    #[must_use]
    pub fn decode(tokens: Vec<u32>, decoded: usize) -> Self {
        let decoded = decoded.min(tokens.len());
        Self { tokens, decoded }
    }

    /// All tokens.
    #[must_use]
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The plan that is judged.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self.decoded {
            0 => Phase::Prefill,
            _ => Phase::Decode,
        }
    }

    /// How many tokens are judged.
    #[must_use]
    pub fn judged(&self) -> usize {
        match self.decoded {
            0 => self.tokens.len(),
            decoded => decoded,
        }
    }

    /// The first token that is judged.
    #[must_use]
    pub fn first_judged(&self) -> usize {
        self.tokens.len() - self.judged()
    }

    /// The same for whoever looks at logits only: the plan and the tokens of each piece.
    pub(crate) fn plan(&self) -> Vec<(Phase, &[u32])> {
        self.pieces().into_iter().map(|(phase, tokens, _)| (phase, tokens)).collect()
    }

    /// What is computed together, in order: the plan, the tokens, and whether they are judged.
    pub(super) fn pieces(&self) -> Vec<(Phase, &[u32], bool)> {
        let (before, judged) = self.tokens.split_at(self.first_judged());
        let mut pieces = Vec::new();
        if !before.is_empty() {
            pieces.push((Phase::Prefill, before, false));
        }
        match self.decoded {
            0 => pieces.push((Phase::Prefill, judged, true)),
            _ => pieces.extend(judged.chunks(1).map(|token| (Phase::Decode, token, true))),
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_judged_is_the_whole_prefill_or_the_decoded_tail() {
        let run = Run::prefill(vec![1, 2, 3]);
        assert_eq!(run.pieces(), [(Phase::Prefill, &[1, 2, 3][..], true)]);
        assert_eq!((run.judged(), run.first_judged(), run.phase()), (3, 0, Phase::Prefill));
        let run = Run::decode(vec![1, 2, 3], 2);
        let pieces = [
            (Phase::Prefill, &[1][..], false),
            (Phase::Decode, &[2][..], true),
            (Phase::Decode, &[3][..], true),
        ];
        assert_eq!(run.pieces(), pieces);
        assert_eq!((run.judged(), run.first_judged(), run.phase()), (2, 1, Phase::Decode));
        assert_eq!(Run::decode(vec![1, 2], 9).pieces().len(), 2, "all decoded, from an empty cache");
    }
}
