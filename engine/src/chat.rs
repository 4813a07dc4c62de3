//! Conversations to prompts: a model's own chat template, rendered as transformers renders it.
//!
//! Two differences are known. The `%` operator on strings is an error that names its line; the `format` filter
//! says the same. A float below 1e-4 or from 1e16 that is printed as it is, without `tojson`, has no exponent.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

use kernels::seam::{Point, Seam};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::from_args;
use minijinja::{AutoEscape, Environment, ErrorKind, State};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde_json::{Map, Value};

mod clock;
mod error;
mod generation;
mod python_json;
mod room;

pub use error::ChatError;
use error::{FUEL, OUTPUT_LIMIT};
use room::{SOURCE_LIMIT, with_room};

/// The file that holds a template by itself; it wins over the one in the configuration.
pub const TEMPLATE_FILE: &str = "chat_template.jinja";

/// The file that holds the special tokens, and often the template.
pub const CONFIG_FILE: &str = "tokenizer_config.json";

/// The template of a list that is used when none is asked for.
const DEFAULT: &str = "default";

/// The template of a list that is used when there are tools.
const TOOL_USE: &str = "tool_use";

/// The special tokens that a template can name.
const SPECIAL_TOKENS: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// A conversation to render.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// Messages as the template expects them, usually `{"role": .., "content": ..}`.
    pub messages: Vec<Value>,
    /// Tools that the model may call, as the template expects them.
    pub tools: Option<Vec<Value>>,
    /// Whether the assistant's next turn is opened.
    pub add_generation_prompt: bool,
    /// Whatever else the template knows, such as `enable_thinking`.
    pub variables: Map<String, Value>,
}

impl Conversation {
    /// Messages by role and content, with the assistant's next turn opened.
    pub fn new<'text>(messages: impl IntoIterator<Item = (&'text str, &'text str)>) -> Self {
        let message = |(role, content)| serde_json::json!({"role": role, "content": content});
        let messages = messages.into_iter().map(message).collect();
        Self { messages, add_generation_prompt: true, ..Self::default() }
    }

    /// The same with tools.
    #[must_use]
    pub fn with_tools(mut self, tools: Vec<Value>) -> Self {
        self.tools = Some(tools);
        self
    }
}

/// Where a mutant can rewrite the source of a chat template.
#[derive(Debug)]
pub struct TemplatePoint;

impl Point for TemplatePoint {
    const NAME: &'static str = "template";
    type Value<'a> = String;
}

/// A model's chat template, with the special tokens that it can name.
///
/// A template is a program of a stranger: it has no access to anything but the conversation and the time, and its
/// size, steps, recursion, and output are bounded. The size of its intermediate values is not.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    file: PathBuf,
    environment: Environment<'static>,
    special_tokens: BTreeMap<String, String>,
    now: Option<SystemTime>,
}

impl ChatTemplate {
    /// Reads the template and the special tokens of a model folder.
    pub fn open(dir: &Path) -> Result<Self, ChatError> {
        Self::open_with(dir, &Seam::empty())
    }

    /// The same, with rewrites in force.
    pub fn open_with(dir: &Path, seam: &Seam) -> Result<Self, ChatError> {
        let config_path = dir.join(CONFIG_FILE);
        let config: Map<String, Value> = match read(&config_path)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| ChatError::Config {
                path: config_path.clone(),
                message: error.to_string(),
            })?,
            None => Map::new(),
        };
        let template_path = dir.join(TEMPLATE_FILE);
        let mut template = if let Some(mut source) = read(&template_path)? {
            seam.apply::<TemplatePoint>(&mut source);
            Self::from_source(&template_path, &source)?
        } else {
            let mut sources = sources(&config_path, config.get("chat_template"))?;
            sources.values_mut().for_each(|source| seam.apply::<TemplatePoint>(source));
            if sources.is_empty() {
                return Err(ChatError::Missing { dir: dir.to_owned() });
            }
            Self::from_sources(&config_path, sources)?
        };
        for name in SPECIAL_TOKENS {
            // A token is its text, or an object that describes it.
            let token = config.get(name).map(|token| token.get("content").unwrap_or(token));
            if let Some(text) = token.and_then(Value::as_str) {
                template.special_tokens.insert(name.to_owned(), text.to_owned());
            }
        }
        Ok(template)
    }

    /// A template by itself; `file` is what errors name.
    pub fn from_source(file: &Path, source: &str) -> Result<Self, ChatError> {
        Self::from_sources(file, BTreeMap::from([(DEFAULT.to_owned(), source.to_owned())]))
    }

    /// The same special tokens with another template, which substitutes all templates that there were.
    pub fn with_source(&self, file: &Path, source: &str) -> Result<Self, ChatError> {
        let Self { special_tokens, now, .. } = self.clone();
        Ok(Self { special_tokens, now, ..Self::from_source(file, source)? })
    }

    /// The same template with a special token set, such as `bos_token`.
    #[must_use]
    pub fn with_special_token(mut self, name: &str, token: &str) -> Self {
        self.special_tokens.insert(name.to_owned(), token.to_owned());
        self
    }

    /// The same template at a fixed time, so that a template that tells the date renders the same tomorrow.
    #[must_use]
    pub fn at(mut self, now: SystemTime) -> Self {
        self.now = Some(now);
        self
    }

    /// The file that the template was read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The special tokens that the template can name.
    pub fn special_tokens(&self) -> &BTreeMap<String, String> {
        &self.special_tokens
    }

    fn from_sources(file: &Path, sources: BTreeMap<String, String>) -> Result<Self, ChatError> {
        if let Some(source) = sources.values().find(|source| source.len() > SOURCE_LIMIT) {
            return Err(ChatError::TooLarge { file: file.to_owned(), bytes: source.len() });
        }
        let read = || {
            let mut environment = environment();
            for (name, source) in sources {
                environment.add_template_owned(name, generation::without_tags(&source)).map_err(|error| {
                    ChatError::Syntax {
                        file: file.to_owned(),
                        line: error.line().unwrap_or(0),
                        message: describe(&error),
                    }
                })?;
            }
            Ok(environment)
        };
        let environment = with_room(read).map_err(|source| ChatError::no_room(file, source))??;
        Ok(Self { file: file.to_owned(), environment, special_tokens: BTreeMap::new(), now: None })
    }

    /// The prompt of a conversation. It has all its special tokens: encode it with
    /// [`Tokenizer::encode_rendered`](crate::tokenizer::Tokenizer::encode_rendered).
    pub fn render(&self, conversation: &Conversation) -> Result<String, ChatError> {
        with_room(|| self.render_here(conversation))
            .map_err(|source| ChatError::no_room(&self.file, source))?
    }

    fn render_here(&self, conversation: &Conversation) -> Result<String, ChatError> {
        let tools = conversation.tools.as_ref();
        let mut environment = self.environment.clone();
        let now = self.now;
        environment.add_function("strftime_now", move |format: &str| {
            clock::strftime(format, now.unwrap_or_else(SystemTime::now))
                .map_err(|message| minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        let with_tools = tools.and_then(|_| environment.get_template(TOOL_USE).ok());
        let template = match with_tools {
            Some(template) => template,
            None => environment.get_template(DEFAULT).map_err(|error| self.failure(&error))?,
        };
        let mut output = Bounded(Vec::new());
        template
            .render_captured_to(self.context(conversation), &mut output)
            .map_err(|error| self.failure(&error))?;
        String::from_utf8(output.0).map_err(|error| ChatError::Render {
            file: self.file.clone(),
            line: 0,
            message: error.to_string(),
        })
    }

    /// What the template can name. As in transformers, a variable wins over a special token, what is not given
    /// is none, and a special token that the model lacks is undefined.
    fn context(&self, conversation: &Conversation) -> minijinja::Value {
        let Conversation { messages, tools, add_generation_prompt, variables } = conversation;
        let mut context: BTreeMap<&str, minijinja::Value> =
            self.special_tokens.iter().map(|(name, token)| (name.as_str(), token.into())).collect();
        context.extend(variables.iter().map(|(name, value)| (name.as_str(), convert(value))));
        context.insert("messages", messages.iter().map(convert).collect());
        let none = minijinja::Value::from(());
        context.insert(
            "tools",
            tools.as_ref().map_or(none.clone(), |tools| tools.iter().map(convert).collect()),
        );
        context.insert("documents", none);
        context.insert("add_generation_prompt", (*add_generation_prompt).into());
        minijinja::Value::from_pairs(context)
    }

    fn failure(&self, error: &minijinja::Error) -> ChatError {
        let (file, line) = (self.file.clone(), error.line().unwrap_or(0));
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(Raised(message)) = inner.downcast_ref() {
                return ChatError::Raised { file, line, message: message.replace(['\n', '\r'], " ") };
            }
            match inner.downcast_ref::<minijinja::Error>().map(minijinja::Error::kind) {
                Some(ErrorKind::OutOfFuel) => return ChatError::OutOfFuel { file },
                Some(ErrorKind::WriteFailure) => return ChatError::TooLong { file },
                _ => cause = inner.source(),
            }
        }
        ChatError::Render { file, line, message: describe(error) }
    }
}

/// Parses a template that comes from no file.
impl FromStr for ChatTemplate {
    type Err = ChatError;

    fn from_str(source: &str) -> Result<Self, ChatError> {
        Self::from_source(Path::new("the given template"), source)
    }
}

/// The environment that transformers sets up: blocks leave no blank lines, values have their Python methods,
/// nothing is escaped, and nothing outside can be included.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // The only errors are of delimiters, which stay as they are.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(method);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("tojson", python_json::tojson);
    environment.add_function("raise_exception", |message: String| -> Result<(), minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, "raise_exception")
            .with_source(Raised(message)))
    });
    environment
}

/// The methods of Python's values: those that `minijinja-contrib` knows, and two of `str` that it does not.
fn method(
    state: &mut State<'_, '_>,
    value: &minijinja::Value,
    name: &str,
    arguments: &[minijinja::Value],
) -> Result<minijinja::Value, minijinja::Error> {
    let strip: for<'text> fn(&'text str, &str) -> Option<&'text str> = match name {
        "removeprefix" => |text, affix| text.strip_prefix(affix),
        "removesuffix" => |text, affix| text.strip_suffix(affix),
        _ => return unknown_method_callback(state, value, name, arguments),
    };
    let Some(text) = value.as_str() else { return Err(ErrorKind::UnknownMethod.into()) };
    let (affix,): (&str,) = from_args(arguments)?;
    Ok(strip(text, affix).unwrap_or(text).into())
}

/// What a template passed to `raise_exception`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

/// A writer that gives up.
struct Bounded(Vec<u8>);

impl io::Write for &mut Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The content of a file, or nothing if there is none.
fn read(path: &Path) -> Result<Option<String>, ChatError> {
    match crate::file::read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ChatError::Read { path: path.to_owned(), source }),
    }
}

/// The templates of a configuration by name: one that has no name, or a list.
fn sources(path: &Path, value: Option<&Value>) -> Result<BTreeMap<String, String>, ChatError> {
    let wrong = |message: &str| ChatError::Config { path: path.to_owned(), message: message.to_owned() };
    match value {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::String(source)) => Ok(BTreeMap::from([(DEFAULT.to_owned(), source.clone())])),
        Some(Value::Array(entries)) => {
            let mut sources = BTreeMap::new();
            for entry in entries {
                let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
                let (Some(name), Some(template)) = (text("name"), text("template")) else {
                    return Err(wrong("every entry of chat_template needs the strings name and template"));
                };
                if sources.insert(name, template).is_some() {
                    return Err(wrong("two entries of chat_template have the same name"));
                }
            }
            if sources.contains_key(DEFAULT) {
                return Ok(sources);
            }
            let names = sources.keys().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            Err(ChatError::NoDefault { path: path.to_owned(), names })
        }
        Some(_) => Err(wrong("chat_template has to be a string, or a list of named templates")),
    }
}

/// JSON as template values: maps keep their order.
fn convert(value: &Value) -> minijinja::Value {
    match value {
        Value::Null => ().into(),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => value.into(),
            (_, Some(value), _) => value.into(),
            (.., value) => value.unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(convert).collect(),
        Value::Object(pairs) => {
            minijinja::Value::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), convert(value))))
        }
    }
}

/// The message without the position, in one line, with its causes.
fn describe(error: &minijinja::Error) -> String {
    let mut message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let mut cause = error.source();
    while let Some(inner) = cause {
        message.push_str(&format!("; {inner}"));
        cause = inner.source();
    }
    message.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;
    use crate::formats::safetensors::SafetensorsFile;
    use crate::tokenizer::Tokenizer;

    fn hello() -> Conversation {
        Conversation::new([("user", "hi")])
    }

    fn render(source: &str) -> Result<String, ChatError> {
        source.parse::<ChatTemplate>()?.render(&hello())
    }

    fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    #[test]
    fn the_zoo_renders_the_prompts_of_the_oracle() {
        for model in ["qwen2-tiny", "llama-tiny"] {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo").join(model);
            let (template, tokenizer) = (ChatTemplate::open(&dir).unwrap(), Tokenizer::open(&dir).unwrap());
            let goldens = SafetensorsFile::open(&dir.join("goldens.safetensors")).unwrap();
            let tools = vec![
                json!({"name": "get_weather", "parameters": {"city": "string"}}),
                json!({"name": "add", "parameters": {"a": "integer", "b": "integer"}}),
            ];
            let weather = Conversation::new([
                ("system", "You are a helpful assistant."),
                ("user", "What is the weather in Oslo?"),
            ]);
            let prompts = [
                ("chat", Conversation::new([("user", "What is 2+2?")])),
                ("tool", weather.with_tools(tools)),
            ];
            for (golden, conversation) in prompts {
                let text = template.render(&conversation).unwrap();
                let ids = tokenizer.encode_rendered(&text).unwrap();
                let expected = goldens.tensor(&format!("{golden}.input_ids")).unwrap().integers().unwrap();
                assert_eq!(
                    ids.into_iter().map(i64::from).collect::<Vec<_>>(),
                    expected,
                    "{model} {golden}: {text}"
                );
            }
            assert_eq!(template.special_tokens()["eos_token"], "<|im_end|>");
            // A token that is null is not there at all.
            assert!(!template.special_tokens().contains_key("bos_token"));
        }
    }

    #[test]
    fn templates_render_as_jinja_renders_them() {
        let file: Value = serde_json::from_str(include_str!("chat/jinja_vectors.json")).unwrap();
        let context = &file["context"];
        let conversation = Conversation {
            messages: context["messages"].as_array().unwrap().clone(),
            add_generation_prompt: true,
            ..Conversation::default()
        };
        let vectors = file["vectors"].as_array().unwrap();
        assert!(vectors.len() >= 20);
        let mut wrong = Vec::new();
        for vector in vectors {
            let template: ChatTemplate = vector["template"].as_str().unwrap().parse().unwrap();
            let found = template.with_special_token("bos_token", "<s>").render(&conversation);
            match (vector["rendered"].as_str(), found) {
                (Some(expected), Ok(found)) if expected == found => {}
                (None, Err(_)) if vector["refused"] == true => {}
                (_, found) => wrong.push(format!("{vector}\n    found {found:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn errors_name_file_and_line() {
        let error = ChatTemplate::from_source(Path::new("x.jinja"), "a\n{% if %}\n{% endif %}").unwrap_err();
        assert!(matches!(error, ChatError::Syntax { line: 2, .. }), "{error}");
        assert!(error.to_string().starts_with("x.jinja, template line 2: syntax error: "), "{error}");
        let error = render("\n\n{{ messages[0].nope.deeper }}").unwrap_err();
        assert!(matches!(error, ChatError::Render { line: 3, .. }), "{error}");
        let error = render("\n{{ raise_exception('roles must\nalternate') }}").unwrap_err();
        assert!(matches!(error, ChatError::Raised { line: 2, .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "the given template, template line 2: the template refuses this conversation: roles must alternate; \
             change the conversation, or prompt without --chat"
        );
        let error =
            render("{% macro f() %}\n{{ raise_exception('no') }}{% endmacro %}{{ f() }}").unwrap_err();
        assert!(matches!(error, ChatError::Raised { .. }), "{error}");
    }

    #[test]
    fn hostile_templates_are_stopped() {
        let many = "{% for a in range(99999) %}";
        let endless = format!("{many}{many}{}{}", "{% endfor %}", "{% endfor %}");
        assert!(matches!(render(&endless), Err(ChatError::OutOfFuel { .. })));
        let error = render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").unwrap_err();
        assert!(matches!(error, ChatError::Render { .. }), "{error}");
        let loud = format!("{{% set x = 'x' * 100000 %}}{many}{{{{ x }}}}{}", "{% endfor %}");
        assert!(matches!(render(&loud), Err(ChatError::TooLong { .. })));
        let deep = format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(matches!(render(&deep), Err(ChatError::Syntax { .. })));
        let outside = render("{% include '/etc/passwd' %}").unwrap_err();
        assert!(matches!(outside, ChatError::Render { .. }), "{outside}");
    }

    #[test]
    fn variables_and_time_reach_the_template() {
        let template: ChatTemplate =
            "{{ strftime_now('%d %b %Y') }} {{ enable_thinking }} {{ bos_token }} {{ n }}".parse().unwrap();
        let mut conversation = hello();
        conversation.variables =
            json!({"enable_thinking": false, "bos_token": "over", "n": {"b": 1, "a": [1.5, null]}})
                .as_object()
                .unwrap()
                .clone();
        let template =
            template.with_special_token("bos_token", "<s>").at(UNIX_EPOCH + Duration::from_secs(951_782_400));
        assert_eq!(
            template.render(&conversation).unwrap(),
            "29 Feb 2000 False over {'b': 1, 'a': [1.5, None]}"
        );
        assert!(matches!(render("{{ strftime_now('%Q') }}"), Err(ChatError::Render { .. })));
    }

    #[test]
    fn a_template_file_wins_over_the_configuration() {
        let config = json!({"chat_template": "config", "eos_token": {"content": "</s>", "lstrip": false}});
        let both =
            folder(&[(CONFIG_FILE, config.to_string()), (TEMPLATE_FILE, "file {{ eos_token }}".into())]);
        let template = ChatTemplate::open(both.path()).unwrap();
        assert_eq!(template.render(&hello()).unwrap(), "file </s>");
        assert!(template.file().ends_with(TEMPLATE_FILE));
        let substitute = template.with_source(Path::new("other"), "other {{ eos_token }}").unwrap();
        assert_eq!(substitute.render(&hello()).unwrap(), "other </s>");
    }

    #[test]
    fn lists_have_a_default_and_one_for_tools() {
        let list = json!({"chat_template": [
            {"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]});
        let folder_with = |config: Value| folder(&[(CONFIG_FILE, config.to_string())]);
        let template = ChatTemplate::open(folder_with(list).path()).unwrap();
        assert_eq!(template.render(&hello()).unwrap(), "plain");
        assert_eq!(template.render(&hello().with_tools(vec![])).unwrap(), "tools");
        let nameless = folder_with(json!({"chat_template": [{"name": "rag", "template": "x"}]}));
        let error = ChatTemplate::open(nameless.path()).unwrap_err();
        assert!(error.to_string().contains("no entry named \"default\", only \"rag\";"), "{error}");
        for wrong in
            [json!(3), json!([3]), json!([{"name": "a"}]), json!([{"name": "default", "template": 1}])]
        {
            let error = ChatTemplate::open(folder_with(json!({"chat_template": wrong})).path()).unwrap_err();
            assert!(matches!(error, ChatError::Config { .. }), "{error}");
        }
        let same = json!({"name": "default", "template": "x"});
        let error =
            ChatTemplate::open(folder_with(json!({"chat_template": [same, same]})).path()).unwrap_err();
        assert!(error.to_string().contains("the same name"), "{error}");
    }

    #[test]
    fn missing_and_broken_files_say_what_to_do() {
        for files in [
            vec![],
            vec![(CONFIG_FILE, "{}".to_owned())],
            vec![(CONFIG_FILE, r#"{"chat_template":null}"#.into())],
        ] {
            let error = ChatTemplate::open(folder(&files).path()).unwrap_err();
            assert!(matches!(error, ChatError::Missing { .. }), "{error}");
            assert!(error.to_string().ends_with("add one, or prompt without --chat"), "{error}");
        }
        for broken in ["", "[]", "{\"chat_template\":"] {
            let error = ChatTemplate::open(folder(&[(CONFIG_FILE, broken.into())]).path()).unwrap_err();
            assert!(matches!(error, ChatError::Config { .. }), "{error}");
        }
        let binary = folder(&[]);
        std::fs::write(binary.path().join(TEMPLATE_FILE), [0xff]).unwrap();
        assert!(matches!(ChatTemplate::open(binary.path()), Err(ChatError::Read { .. })));
    }
}
