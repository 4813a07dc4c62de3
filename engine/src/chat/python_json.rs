//! `tojson` as chat templates mean it: Python's `json.dumps(value, ensure_ascii=False)`, with its separators,
//! number spelling, and indentation, and without the HTML escapes of Jinja's own filter.

use std::fmt::Write as _;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Error, ErrorKind, Value};

/// How deep lists and maps may be nested.
const DEPTH_LIMIT: usize = 100;

/// The filter, with the parameters and defaults that transformers gives it.
pub(super) fn tojson(value: &Value, positional: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    if positional.len() > 4 {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let argument = |position: usize, name: &str| match positional.get(position) {
        Some(value) => Ok(value.clone()),
        None => kwargs.get::<Option<Value>>(name).map(Option::unwrap_or_default),
    };
    let ensure_ascii = argument(0, "ensure_ascii")?.is_true();
    let indent = indentation(&argument(1, "indent")?)?;
    let (item, key) = separator_pair(&argument(2, "separators")?, indent.is_some())?;
    let sort_keys = argument(3, "sort_keys")?.is_true();
    kwargs.assert_all_used()?;
    let mut writer = Writer { out: String::new(), ensure_ascii, indent, item, key, sort_keys };
    writer.value(value, 0)?;
    Ok(writer.out)
}

fn indentation(value: &Value) -> Result<Option<String>, Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(None),
        ValueKind::String => Ok(Some(value.to_string())),
        // In Python a truth value is a number, and a negative count of spaces is none.
        ValueKind::Bool => Ok(Some(" ".repeat(usize::from(value.is_true())))),
        ValueKind::Number if value.is_integer() => {
            let count = value.as_i64().map(|count| usize::try_from(count).unwrap_or(0));
            match count.filter(|count| *count <= DEPTH_LIMIT) {
                Some(count) => Ok(Some(" ".repeat(count))),
                None => Err(refusal(format!("tojson: indent is over {DEPTH_LIMIT}"))),
            }
        }
        kind => Err(refusal(format!("tojson: indent is a {kind}, but has to be a number or a string"))),
    }
}

fn separator_pair(value: &Value, indented: bool) -> Result<(String, String), Error> {
    if value.is_none() || value.is_undefined() {
        return Ok((if indented { "," } else { ", " }.to_owned(), ": ".to_owned()));
    }
    let parts: Vec<Value> = value.try_iter()?.take(3).collect();
    match parts.as_slice() {
        [item, key] if item.as_str().is_some() && key.as_str().is_some() => {
            Ok((item.to_string(), key.to_string()))
        }
        _ => Err(refusal("tojson: separators have to be two strings".to_owned())),
    }
}

fn refusal(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

struct Writer {
    out: String,
    ensure_ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sort_keys: bool,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > DEPTH_LIMIT {
            return Err(refusal(format!("tojson: the value is nested over {DEPTH_LIMIT} deep")));
        }
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.out.push_str(&number(value)?),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                self.collection('[', ']', value.try_iter()?, depth, |writer, item| {
                    writer.value(&item, depth + 1)
                })?;
            }
            ValueKind::Map => {
                let mut pairs = Vec::new();
                for key in value.try_iter()? {
                    pairs.push((key_text(&key)?, value.get_item(&key)?));
                }
                if self.sort_keys {
                    pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
                }
                self.collection('{', '}', pairs.into_iter(), depth, |writer, (key, item)| {
                    writer.string(&key);
                    let separator = writer.key.clone();
                    writer.out.push_str(&separator);
                    writer.value(&item, depth + 1)
                })?;
            }
            kind => return Err(refusal(format!("tojson: a value that is {kind} is not JSON serializable"))),
        }
        Ok(())
    }

    fn collection<T>(
        &mut self,
        open: char,
        close: char,
        items: impl Iterator<Item = T>,
        depth: usize,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push(open);
        let mut empty = true;
        for item in items {
            if !empty {
                let separator = self.item.clone();
                self.out.push_str(&separator);
            }
            empty = false;
            self.new_line(depth + 1);
            write(self, item)?;
        }
        if !empty {
            self.new_line(depth);
        }
        self.out.push(close);
        Ok(())
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = &self.indent {
            self.out.push('\n');
            (0..depth).for_each(|_| self.out.push_str(indent));
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '\0'..' ' => self.escape(character),
                '\u{7f}'.. if self.ensure_ascii => self.escape(character),
                _ => self.out.push(character),
            }
        }
        self.out.push('"');
    }

    fn escape(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(self.out, "\\u{unit:04x}");
        }
    }
}

/// Python's `json` turns these keys into strings, and refuses all others.
fn key_text(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.to_string()),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => number(key),
        kind => Err(refusal(format!("tojson: a {kind} cannot be a key"))),
    }
}

fn number(value: &Value) -> Result<String, Error> {
    if value.is_integer() {
        return Ok(value.to_string());
    }
    let number = f64::try_from(value.clone())?;
    if number.is_nan() {
        return Ok("NaN".to_owned());
    }
    if number.is_infinite() {
        return Ok(if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned());
    }
    // Both spell the shortest digits that read back, and switch to exponents at the same two places, but Python
    // writes the exponent with a sign and at least two digits.
    let text = format!("{number:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            Ok(format!("{digits}e{sign}{exponent:0>2}"))
        }
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use minijinja::Environment;

    use super::*;

    fn render(expression: &str, value: Value) -> Result<String, Error> {
        let mut environment = Environment::new();
        environment.add_filter("tojson", tojson);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.render_str(&format!("{{{{ {expression} }}}}"), Value::from_pairs([("v", value)]))
    }

    /// Every expected text is what `json.dumps` of CPython 3 writes for the same value.
    #[test]
    fn values_are_spelled_as_python_does() {
        let nested = || {
            Value::from_pairs([
                ("b", Value::from(vec![Value::from(1), Value::from(())])),
                ("a", Value::from_pairs([("x", Value::from(true))])),
                ("e", Value::from(Vec::<Value>::new())),
                ("d", Value::from_pairs(Vec::<(&str, Value)>::new())),
            ])
        };
        let text = || Value::from("<a href='x'>&\"\\/\u{7f}\u{1}\n\r\t\u{8}\u{c} é 🚀</a>");
        let cases = [
            ("v|tojson", nested(), r#"{"b": [1, null], "a": {"x": true}, "e": [], "d": {}}"#),
            (
                "v|tojson(indent=2)",
                nested(),
                "{\n  \"b\": [\n    1,\n    null\n  ],\n  \"a\": {\n    \"x\": true\n  },\n  \"e\": [],\n  \"d\": {}\n}",
            ),
            (
                "v|tojson(indent='\t')",
                Value::from_pairs([("k", Value::from(vec![1]))]),
                "{\n\t\"k\": [\n\t\t1\n\t]\n}",
            ),
            ("v|tojson(indent=0)", Value::from(vec![1, 2]), "[\n1,\n2\n]"),
            ("v|tojson(indent=-3)", Value::from(vec![1, 2]), "[\n1,\n2\n]"),
            ("v|tojson(indent=true)", Value::from(vec![1]), "[\n 1\n]"),
            ("v|tojson(indent=none)", Value::from(vec![1, 2]), "[1, 2]"),
            ("v|tojson(sort_keys=true)", nested(), r#"{"a": {"x": true}, "b": [1, null], "d": {}, "e": []}"#),
            ("v|tojson(separators=(',', ':'))", nested(), r#"{"b":[1,null],"a":{"x":true},"e":[],"d":{}}"#),
            ("v|tojson(separators=none)", Value::from(vec![1, 2]), "[1, 2]"),
            ("v|tojson", text(), "\"<a href='x'>&\\\"\\\\/\u{7f}\\u0001\\n\\r\\t\\b\\f é 🚀</a>\""),
            (
                "v|tojson(ensure_ascii=true)",
                text(),
                r#""<a href='x'>&\"\\/\u007f\u0001\n\r\t\b\f \u00e9 \ud83d\ude80</a>""#,
            ),
            ("v|tojson(true)", Value::from("é"), r#""\u00e9""#),
            ("v|tojson(false, 1)", Value::from(vec![1]), "[\n 1\n]"),
            (
                "{1: 2, true: 3, none: 4, 1.5: 5}|tojson",
                Value::UNDEFINED,
                "{\"1\": 2, \"true\": 3, \"null\": 4, \"1.5\": 5}",
            ),
        ];
        for (expression, value, expected) in cases {
            // Jinja has no negative or true keys of the same value as others here, so all entries stay apart.
            assert_eq!(render(expression, value).unwrap(), expected, "{expression}");
        }
    }

    #[test]
    fn numbers_are_spelled_as_python_does() {
        let cases = [
            (Value::from(1.0), "1.0"),
            (Value::from(-0.0), "-0.0"),
            (Value::from(0.1), "0.1"),
            (Value::from(1e15), "1000000000000000.0"),
            (Value::from(1e16), "1e+16"),
            (Value::from(1.5e300), "1.5e+300"),
            (Value::from(0.0001), "0.0001"),
            (Value::from(0.00005), "5e-05"),
            (Value::from(0.00001), "1e-05"),
            (Value::from(1.25e-7), "1.25e-07"),
            (Value::from(f64::NAN), "NaN"),
            (Value::from(f64::NEG_INFINITY), "-Infinity"),
            (Value::from(u64::MAX), "18446744073709551615"),
            (Value::from(i64::MIN), "-9223372036854775808"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(&value).unwrap(), expected);
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for expression in [
            "missing|tojson",
            "[missing]|tojson",
            "{'a': missing}|tojson",
            "v|tojson(indent=[])",
            "v|tojson(indent=1000000)",
            "v|tojson(separators=',')",
            "v|tojson(unknown=1)",
            "range|tojson",
        ] {
            assert!(render(expression, Value::from(1)).is_err(), "{expression}");
        }
        let deep = (0..DEPTH_LIMIT + 1).fold(Value::from(1), |inner, _| Value::from(vec![inner]));
        let error = render("v|tojson", deep).unwrap_err();
        assert!(error.to_string().contains("nested over"), "{error}");
    }
}
