//! Walks over tokens, with one token of look-ahead.

use super::DecodeError;
use super::lexer::{Kind, Lexer, Token};
use super::number::Number;

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    lexer: Lexer<'t>,
    now: Token<'t>,
    ahead: Token<'t>,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut lexer = Lexer::new(text);
        let (now, ahead) = (lexer.next(), lexer.next());
        Self { lexer, now, ahead }
    }

    /// The token that comes next.
    pub(super) const fn peek(&self) -> Token<'t> {
        self.now
    }

    /// The token after that.
    pub(super) const fn peek_second(&self) -> Token<'t> {
        self.ahead
    }

    /// Takes a token.
    pub(super) fn next(&mut self) -> Token<'t> {
        let token = self.now;
        self.now = self.ahead;
        self.ahead = self.lexer.next();
        token
    }

    /// Takes a character if it comes next.
    pub(super) fn accept(&mut self, mark: u8) -> bool {
        let found = self.now.kind == Kind::Mark(mark);
        if found {
            self.next();
        }
        found
    }

    /// Takes a modifier or directive if it comes next.
    pub(super) fn accept_dotted(&mut self, text: &str) -> bool {
        let found = self.now.kind == Kind::Dotted && self.now.text == text;
        if found {
            self.next();
        }
        found
    }

    /// Takes a character.
    ///
    /// # Errors
    /// Something else comes next.
    pub(super) fn expect(&mut self, mark: u8) -> Result<(), DecodeError> {
        if self.accept(mark) { Ok(()) } else { Err(self.unexpected(&format!("`{}`", char::from(mark)))) }
    }

    /// Takes a name.
    ///
    /// # Errors
    /// Something else comes next.
    pub(super) fn word(&mut self, what: &str) -> Result<Token<'t>, DecodeError> {
        if self.now.kind == Kind::Word { Ok(self.next()) } else { Err(self.unexpected(what)) }
    }

    /// Takes a modifier, a type or a directive.
    ///
    /// # Errors
    /// Something else comes next.
    pub(super) fn dotted(&mut self, what: &str) -> Result<Token<'t>, DecodeError> {
        if self.now.kind == Kind::Dotted { Ok(self.next()) } else { Err(self.unexpected(what)) }
    }

    /// Takes a number, with its sign.
    ///
    /// # Errors
    /// Something else comes next, or a number that is none.
    pub(super) fn number(&mut self, what: &str) -> Result<Number, DecodeError> {
        let negative = self.accept(b'-');
        if self.now.kind != Kind::Number {
            return Err(self.unexpected(what));
        }
        let token = self.next();
        Number::parse(token.text, negative).map_err(|problem| DecodeError { line: token.line, problem })
    }

    /// Takes a whole number that is not negative and fits into 32 bits.
    ///
    /// # Errors
    /// Something else comes next.
    pub(super) fn count(&mut self, what: &str) -> Result<u32, DecodeError> {
        let line = self.now.line;
        let found = self.number(what)?;
        found.index().and_then(|value| u32::try_from(value).ok()).ok_or_else(|| DecodeError {
            line,
            problem: format!("expected {what}, found a number that is negative, broken or past 32 bits"),
        })
    }

    /// The error for a token that does not belong here.
    pub(super) fn unexpected(&self, expected: &str) -> DecodeError {
        let token = self.now;
        let found = match token.kind {
            Kind::Bad | Kind::End => token.text.to_owned(),
            Kind::Dotted => format!("`.{}`", shorten(token.text)),
            Kind::Text => format!("the string \"{}\"", shorten(token.text)),
            Kind::Word | Kind::Number | Kind::Mark(_) => format!("`{}`", shorten(token.text)),
        };
        DecodeError { line: token.line, problem: format!("expected {expected}, found {found}") }
    }
}

/// As much of a text as belongs into a message.
pub(super) fn shorten(text: &str) -> &str {
    match text.char_indices().nth(80) {
        Some((end, _)) => text.get(..end).unwrap_or(""),
        None => text,
    }
}
