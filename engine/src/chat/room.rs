//! Room for templates that nest deeply.
//!
//! The template engine limits how deep brackets and blocks nest, but not how many operators, filters or `elif` follow
//! each other, and it walks such a chain by recursion; so it does with values that hold values. On the stack of a usual
//! thread a long chain ends the process, so both reading and rendering get a stack that the longest source fits on.

use std::io;

/// The largest template that is read. Those that models ship stay well below it.
pub(super) const SOURCE_LIMIT: usize = 64 << 10;

/// Bytes of stack: a chain grows by one link a byte at most. They are reserved, and used only by what nests.
const STACK: usize = 1 << 30;

/// Does `work` where it has room.
pub(super) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::chat::{ChatError, ChatTemplate, Conversation};

    fn render(source: &str) -> Result<String, ChatError> {
        ChatTemplate::from_source(Path::new("t"), source)?.render(&Conversation::new([("user", "hi")]))
    }

    /// `opening`, so many of `link` that the source is as long as it may be, and `closing`.
    fn chain(opening: &str, link: &str, closing: &str) -> String {
        let links = (SOURCE_LIMIT - opening.len() - closing.len()) / link.len();
        format!("{opening}{}{closing}", link.repeat(links))
    }

    #[test]
    fn chains_of_any_length_end_in_a_text_or_an_error() {
        assert_eq!(render(&chain("{{ ", "-", "1 }}")).unwrap().trim_start_matches('-'), "1");
        assert_eq!(render(&chain("{{ 'a'", "|e", " }}")).unwrap(), "a");
        assert_eq!(render(&chain("{% if a %}", "{% elif a %}", "{% else %}b{% endif %}")).unwrap(), "b");
        for (opening, link, closing) in [
            ("{{ ", "not ", "1 }}"),
            ("{{ 1", "+1", " }}"),
            ("{{ 1", "~1", " }}"),
            ("{{ 1", " or 1", " }}"),
            ("{{ 1", " if 1 else 1", " }}"),
            ("{{ 1", " is none", " }}"),
        ] {
            assert!(render(&chain(opening, link, closing)).is_ok(), "{link}");
        }
        for (opening, link, closing) in [
            ("{{ a", ".a", " }}"),
            ("{{ a", "[0]", " }}"),
            ("{{ a", "()", " }}"),
            ("{{ ", "[", " }}"),
            ("", "{% if a %}", ""),
        ] {
            assert!(render(&chain(opening, link, closing)).is_err(), "{link}");
        }
    }

    #[test]
    fn values_that_hold_values_are_dropped() {
        let nest =
            "{% set n = namespace(x=[]) %}{% for i in range(90000) %}{% set n.x = [n.x] %}{% endfor %}";
        assert_eq!(render(&format!("{nest}done")).unwrap(), "done");
    }

    #[test]
    fn a_template_beyond_the_limit_is_refused() {
        let error = render(&"x".repeat(SOURCE_LIMIT + 1)).unwrap_err();
        assert!(matches!(error, ChatError::TooLarge { bytes, .. } if bytes == SOURCE_LIMIT + 1), "{error}");
    }
}
