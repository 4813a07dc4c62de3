//! From characters, which the parser counts, to bytes.

use crate::span::Span;

/// Turns the parser's character counts into bytes.
pub(super) struct Offsets<'t> {
    text: &'t str,
    /// The byte at every `STRIDE` characters. Empty where characters are bytes.
    checkpoints: Vec<u32>,
}

const STRIDE: usize = 64;

impl<'t> Offsets<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let checkpoints = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().step_by(STRIDE).map(|(byte, _)| byte as u32).collect()
        };
        Offsets { text, checkpoints }
    }

    pub(super) fn byte(&self, character: usize) -> u32 {
        if self.checkpoints.is_empty() {
            return character.min(self.text.len()) as u32;
        }
        let Some(start) = self.checkpoints.get(character / STRIDE) else { return self.text.len() as u32 };
        let rest = self.text.get(*start as usize..).unwrap_or("");
        let within = rest.char_indices().nth(character % STRIDE).map_or(rest.len(), |(byte, _)| byte);
        start + within as u32
    }

    /// Whether this span reaches the end of a text whose last line has no break.
    pub(super) fn cuts_last_line(&self, span: Span) -> bool {
        span.end as usize >= self.text.len() && !self.text.ends_with('\n')
    }
}
