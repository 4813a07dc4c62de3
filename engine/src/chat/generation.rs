//! `{% generation %}` marks the assistant's own words for training masks; for a prompt it is a plain block.

/// Rewrites the tags to `{% with %}`, which has the same scope, keeps the whitespace control, and adds no line.
pub(super) fn without_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let inner = &tag[2..];
        let name = inner.trim_start_matches(['-', '+']).trim_start();
        let word_length = name.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(name.len());
        let (word, after) = name.split_at(word_length);
        let ends = after.trim_start().trim_start_matches(['-', '+']).starts_with("%}");
        let replacement = match word {
            "generation" if ends => Some("with"),
            "endgeneration" if ends => Some("endwith"),
            _ => None,
        };
        match replacement {
            Some(replacement) => {
                out.push_str(&tag[..tag.len() - name.len()]);
                out.push_str(replacement);
                rest = after;
            }
            None => {
                out.push_str("{%");
                rest = inner;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tags_change() {
        let cases = [
            ("a{% generation %}b{% endgeneration %}c", "a{% with %}b{% endwith %}c"),
            ("{%- generation -%}x{%+endgeneration+%}", "{%- with -%}x{%+endwith+%}"),
            ("{%\n generation\n%}", "{%\n with\n%}"),
            ("{% if generation %}{% endif %}", "{% if generation %}{% endif %}"),
            ("{% generation = 1 %}{% generations %}", "{% generation = 1 %}{% generations %}"),
            ("{{ '{%' }} generation {%", "{{ '{%' }} generation {%"),
            ("{%", "{%"),
            ("", ""),
        ];
        for (source, expected) in cases {
            assert_eq!(without_tags(source), expected);
        }
    }
}
