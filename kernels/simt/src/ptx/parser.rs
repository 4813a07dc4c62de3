//! A module: directives, variables, functions (PTX ISA 9.0, sections 5.4, 11.1 to 11.6).

use std::collections::{BTreeMap, HashMap};

use super::cursor::{Cursor, shorten};
use super::function::{Body, Outside, pragma};
use super::instruction::Prototype;
use super::lexer::{Kind, Token};
use super::names::MAX_REGISTERS;
use super::variable::{MAX_INITIAL, variables};
use super::{DecodeError, Function, Module, Space, Variable, VariableId, debug};

/// Bytes of a text. Those of compilers have a few millions at most.
const MAX_TEXT: usize = 16 << 20;

fn error<T>(line: u32, problem: String) -> Result<T, DecodeError> {
    Err(DecodeError { line, problem })
}

/// Reads a module.
pub(super) fn module(text: &str) -> Result<Module, DecodeError> {
    if text.len() > MAX_TEXT {
        return error(1, format!("{} bytes of text; up to {MAX_TEXT} are taken", text.len()));
    }
    let mut parser = Parser::new(text)?;
    while parser.cursor.peek().kind != Kind::End {
        parser.item()?;
    }
    parser.finish()
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    module: Module,
    names: HashMap<&'t str, VariableId>,
    prototypes: HashMap<&'t str, Prototype>,
    /// Where each function is in the module.
    functions: HashMap<&'t str, usize>,
    registers_left: usize,
    initial_left: u64,
}

/// What stands before an item: `.visible`, `.extern`.
#[derive(Clone, Copy, Default)]
struct Linking {
    external: bool,
}

impl<'t> Parser<'t> {
    /// Reads `.version`, `.target` and `.address_size`.
    fn new(text: &'t str) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(text);
        let version = version(&mut cursor)?;
        let target = target(&mut cursor)?;
        if cursor.accept_dotted("address_size") {
            let line = cursor.peek().line;
            let size = cursor.count("an address size")?;
            if size != 64 {
                return error(line, format!("addresses of {size} bits; only 64 are known"));
            }
        } else {
            return Err(cursor.unexpected("`.address_size 64`"));
        }
        let (files, variables, functions) = (BTreeMap::new(), Vec::new(), Vec::new());
        Ok(Self {
            cursor,
            module: Module { version, target, files, variables, functions },
            names: HashMap::new(),
            prototypes: HashMap::new(),
            functions: HashMap::new(),
            registers_left: MAX_REGISTERS,
            initial_left: MAX_INITIAL,
        })
    }

    fn item(&mut self) -> Result<(), DecodeError> {
        if self.cursor.accept(b';') {
            return Ok(());
        }
        let linking = self.linking();
        let token = self.cursor.dotted("a directive")?;
        match token.text {
            "entry" => self.function(true, linking),
            "func" => self.function(false, linking),
            "global" => self.variables(Space::Global, linking, token),
            "const" => self.variables(Space::Const, linking, token),
            "shared" => self.variables(Space::Shared, linking, token),
            "file" => {
                let (number, name) = debug::file(&mut self.cursor)?;
                self.module.files.insert(number, name);
                Ok(())
            }
            "section" => debug::section(&mut self.cursor),
            "pragma" => pragma(&mut self.cursor),
            other => {
                let problem = format!(
                    "the directive `.{}` is not known in a module; .entry .func .global .const .shared .file .section .pragma are",
                    shorten(other)
                );
                error(token.line, problem)
            }
        }
    }

    fn linking(&mut self) -> Linking {
        let mut linking = Linking::default();
        loop {
            if self.cursor.accept_dotted("extern") {
                linking.external = true;
            } else if !["visible", "weak", "common"].iter().any(|word| self.cursor.accept_dotted(word)) {
                return linking;
            }
        }
    }

    fn variables(&mut self, space: Space, linking: Linking, token: Token<'t>) -> Result<(), DecodeError> {
        if linking.external && space != Space::Shared {
            let problem =
                "an `.extern` variable lies in another module; nothing is linked here, define it".to_owned();
            return error(token.line, problem);
        }
        for (name, mut variable) in
            variables(&mut self.cursor, space, linking.external, &mut self.initial_left)?
        {
            if linking.external {
                // The launch says how much there is, whatever the array is declared as.
                variable.bytes = None;
            }
            if self.functions.contains_key(name) || self.names.contains_key(name) {
                return error(variable.line, format!("`{}` is declared twice", shorten(name)));
            }
            let Ok(id) = u32::try_from(self.module.variables.len()) else {
                return error(variable.line, "too many variables".to_owned());
            };
            self.names.insert(name, VariableId::Module(id));
            self.module.variables.push(variable);
        }
        self.cursor.expect(b';')
    }

    /// `(.param .u64 a, .param .u32 b)`.
    fn parameters(&mut self) -> Result<Vec<(&'t str, Variable)>, DecodeError> {
        let mut found = Vec::new();
        if !self.cursor.accept(b'(') || self.cursor.accept(b')') {
            return Ok(found);
        }
        loop {
            if !self.cursor.accept_dotted("param") {
                return Err(self.cursor.unexpected("`.param`"));
            }
            found.append(&mut variables(&mut self.cursor, Space::Param, false, &mut 0)?);
            if self.cursor.accept(b')') {
                return Ok(found);
            }
            self.cursor.expect(b',')?;
        }
    }

    fn function(&mut self, entry: bool, linking: Linking) -> Result<(), DecodeError> {
        let returns = if entry { Vec::new() } else { self.parameters()? };
        let name = self.cursor.word("the name of a function")?;
        let parameters = self.parameters()?;
        let sizes = |list: &[(&str, Variable)]| list.iter().map(|(_, variable)| variable.bytes).collect();
        let prototype = Prototype { returns: sizes(&returns), parameters: sizes(&parameters) };
        self.declare(name, &prototype)?;
        if !entry {
            // A function may call itself.
            self.prototypes.insert(name.text, prototype);
        }
        let (mut max_threads, mut required_threads) = (None, None);
        while self.cursor.peek().kind == Kind::Dotted {
            let token = self.cursor.next();
            match token.text {
                "maxntid" => max_threads = Some(self.extent()?),
                "reqntid" => required_threads = Some(self.extent()?),
                "minnctapersm" | "maxnctapersm" | "maxnreg" => {
                    self.cursor.count("a number")?;
                }
                "noreturn" => {}
                "pragma" => pragma(&mut self.cursor)?,
                other => {
                    let problem = format!(
                        "the directive `.{}` is not known of a function; .maxntid .reqntid .minnctapersm .maxnctapersm .maxnreg .noreturn .pragma are",
                        shorten(other)
                    );
                    return error(token.line, problem);
                }
            }
        }
        let count = returns.len();
        let outside = Outside {
            names: &self.names,
            variables: &self.module.variables,
            prototypes: &self.prototypes,
            registers_left: &mut self.registers_left,
        };
        let mut body = Body::new(parameters, returns, outside)?;
        let defined = !self.cursor.accept(b';');
        if defined {
            if linking.external {
                return Err(self.cursor.unexpected("`;` after the declaration of an `.extern` function"));
            }
            self.cursor.expect(b'{')?;
            body.read(&mut self.cursor)?;
        }
        let (parameters, returns) = body.signature(count);
        let function = Function {
            name: name.text.to_owned(),
            entry,
            parameters,
            returns,
            registers: body.names.registers,
            variables: body.variables,
            body: defined.then_some(body.instructions),
            max_threads,
            required_threads,
            line: name.line,
        };
        self.place(name, function)
    }

    /// Compares a function with an earlier declaration of it.
    fn declare(&self, name: Token<'t>, prototype: &Prototype) -> Result<(), DecodeError> {
        if self.names.contains_key(name.text) {
            return error(name.line, format!("`{}` is a variable already", shorten(name.text)));
        }
        match self.prototypes.get(name.text) {
            Some(earlier) if earlier != prototype => {
                let problem =
                    format!("`{}` was declared with other parameters or results", shorten(name.text));
                error(name.line, problem)
            }
            _ => Ok(()),
        }
    }

    /// Adds a function, or puts its definition where it was only declared.
    fn place(&mut self, name: Token<'t>, function: Function) -> Result<(), DecodeError> {
        let Some(index) = self.functions.get(name.text) else {
            self.functions.insert(name.text, self.module.functions.len());
            self.module.functions.push(function);
            return Ok(());
        };
        match self.module.functions.get_mut(*index) {
            Some(earlier) if earlier.entry == function.entry && earlier.body.is_none() => {
                *earlier = function;
                Ok(())
            }
            Some(earlier) if earlier.entry == function.entry && function.body.is_none() => Ok(()),
            _ => error(name.line, format!("the function `{}` is defined twice", shorten(name.text))),
        }
    }

    /// `128, 1, 1`: what is not given is 1.
    fn extent(&mut self) -> Result<[u32; 3], DecodeError> {
        let mut extent = [1; 3];
        for (axis, size) in extent.iter_mut().enumerate() {
            if axis > 0 && !self.cursor.accept(b',') {
                break;
            }
            *size = self.cursor.count("a number of threads")?;
        }
        Ok(extent)
    }

    /// Looks up the addresses that variables begin as.
    fn finish(self) -> Result<Module, DecodeError> {
        for variable in &self.module.variables {
            for (_, name, _, _) in &variable.addresses {
                if !self.names.contains_key(name.as_str()) {
                    let (name, whose) = (shorten(name), shorten(&variable.name));
                    let problem =
                        format!("`{whose}` begins as the address of `{name}`, which is no variable");
                    return error(variable.line, problem);
                }
            }
        }
        Ok(self.module)
    }
}

/// `.version 9.0`.
fn version(cursor: &mut Cursor<'_>) -> Result<(u32, u32), DecodeError> {
    if !cursor.accept_dotted("version") {
        return Err(cursor.unexpected("`.version`, which every PTX text begins with"));
    }
    let token = cursor.next();
    let parsed = token
        .text
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    match parsed {
        Some((major @ 6..=9, minor)) => Ok((major, minor)),
        _ => error(token.line, format!("the version `{}` is not known; 6.0 to 9.x are", shorten(token.text))),
    }
}

/// `.target sm_90a, debug`.
fn target(cursor: &mut Cursor<'_>) -> Result<(u32, String), DecodeError> {
    if !cursor.accept_dotted("target") {
        return Err(cursor.unexpected("`.target`"));
    }
    let token = cursor.word("a target, such as sm_90")?;
    let parsed = token.text.strip_prefix("sm_").and_then(|rest| {
        let suffix = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        let number: u32 = rest.get(..rest.len() - suffix.len())?.parse().ok()?;
        Some((number, suffix.to_owned()))
    });
    let Some(target) =
        parsed.filter(|(number, suffix)| *number >= 70 && matches!(suffix.as_str(), "" | "a" | "f"))
    else {
        return error(
            token.line,
            format!("the target `{}` is not known; sm_70 and later are", shorten(token.text)),
        );
    };
    while cursor.accept(b',') {
        let option = cursor.word("`debug`")?;
        if option.text != "debug" {
            return error(option.line, format!("the target option `{}` is not known", shorten(option.text)));
        }
    }
    Ok(target)
}
