//! From characters to tokens (PTX ISA 9.0, sections 4.1 to 4.5). One token is made at a time, so a text needs no memory
//! for its tokens.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name: `add`, `%r1`, `$L__BB0_1`, `_`.
    Word,
    /// A modifier, a type or a directive; the text is without the dot: `.f32`, `.L1::no_allocate`.
    Dotted,
    /// A number, as written.
    Number,
    /// A string, without the quotes.
    Text,
    /// One character.
    Mark(u8),
    /// The end of the text.
    End,
    /// What is no token; the text says why.
    Bad,
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) line: u32,
}

/// Makes tokens of a text.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

const fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | b'%')
}

const fn continues_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

impl<'t> Lexer<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Token<'t> {
        if let Err(problem) = self.skip_space() {
            self.at = self.text.len();
            return Token { kind: Kind::Bad, text: problem, line: self.line };
        }
        let (start, line) = (self.at, self.line);
        if start >= self.text.len() {
            return Token { kind: Kind::End, text: "the end of the text", line };
        }
        let kind = match self.byte(0) {
            b'"' => return self.string(),
            b'.' if continues_word(self.byte(1)) => {
                self.at += 1;
                self.modifier();
                return Token { kind: Kind::Dotted, text: self.since(start + 1), line };
            }
            byte if begins_word(byte) => {
                self.at += 1;
                while continues_word(self.byte(0)) {
                    self.at += 1;
                }
                Kind::Word
            }
            byte if byte.is_ascii_digit() => {
                self.number();
                Kind::Number
            }
            byte if byte.is_ascii_graphic() => {
                self.at += 1;
                Kind::Mark(byte)
            }
            _ => {
                self.at = self.text.len();
                return Token { kind: Kind::Bad, text: "a character that PTX has no use for", line };
            }
        };
        Token { kind, text: self.since(start), line }
    }

    fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or("")
    }

    fn skip_space(&mut self) -> Result<(), &'static str> {
        loop {
            match self.byte(0) {
                b'\n' => {
                    self.line = self.line.saturating_add(1);
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'/' if self.byte(1) == b'/' => {
                    let rest = self.text.as_bytes().get(self.at..).unwrap_or(&[]);
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                b'/' if self.byte(1) == b'*' => {
                    let rest = self.text.get(self.at + 2..).unwrap_or("");
                    let length = rest.find("*/").ok_or("a comment that does not end: `*/` is missing")?;
                    let lines = rest.bytes().take(length).filter(|byte| *byte == b'\n').count();
                    self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
                    self.at += length + 4;
                }
                _ => return Ok(()),
            }
        }
    }

    /// `L1::no_allocate`: `::` stands inside.
    fn modifier(&mut self) {
        loop {
            if continues_word(self.byte(0)) {
                self.at += 1;
            } else if self.byte(0) == b':' && self.byte(1) == b':' && continues_word(self.byte(2)) {
                self.at += 2;
            } else {
                return;
            }
        }
    }

    fn number(&mut self) {
        let start = self.at;
        let marked = self.byte(0) == b'0' && self.byte(1).is_ascii_alphabetic();
        while continues_word(self.byte(0)) {
            let exponent = matches!(self.byte(0), b'e' | b'E') && !marked;
            self.at += 1;
            if exponent && matches!(self.byte(0), b'+' | b'-') && self.byte(1).is_ascii_digit() {
                self.at += 1;
            }
            let point = self.byte(0) == b'.' && self.byte(1).is_ascii_digit() && !marked;
            if point && !self.since(start).contains('.') {
                self.at += 1;
            }
        }
    }

    fn string(&mut self) -> Token<'t> {
        let (start, line) = (self.at + 1, self.line);
        let rest = self.text.as_bytes().get(start..).unwrap_or(&[]);
        let mut escaped = false;
        for (length, byte) in rest.iter().enumerate() {
            match byte {
                b'\n' => break,
                b'"' if !escaped => {
                    self.at = start + length + 1;
                    let text = self.text.get(start..start + length).unwrap_or("");
                    return Token { kind: Kind::Text, text, line };
                }
                _ => escaped = *byte == b'\\' && !escaped,
            }
        }
        self.at = self.text.len();
        Token { kind: Kind::Bad, text: "a string that does not end in its line", line }
    }
}
