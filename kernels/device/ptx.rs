//! What PTX says: the parameters of an entry point, and whether anything waits for what it depends on.

/// The size in bytes of each parameter of `entry`, in order; `None` where the text has no such entry, or a parameter
/// that cannot be read.
///
/// ```text
/// .visible .entry rmsnorm(
///     .param .u64 rmsnorm_param_0,
///     .param .u64 .ptr .global .align 16 rmsnorm_param_1,
///     .param .align 8 .b8 rmsnorm_param_2[24]
/// )
/// ```
///
/// PTX ISA 9.0, sections 5.1.6 and 10.1.1.
#[must_use]
pub fn parameter_sizes(ptx: &str, entry: &str) -> Option<Vec<u32>> {
    let list = ptx.split(".entry").skip(1).find_map(|rest| {
        let rest = rest.trim_start().strip_prefix(entry)?.trim_start();
        // An entry without parameters may leave out the parentheses.
        match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(')').map(|(list, _)| list),
            None => rest.starts_with(['{', '.']).then_some(""),
        }
    })?;
    list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(parameter_size).collect()
}

/// What code says of the kernels around its launch (PTX ISA 9.0, section 9.7.13.13).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Early {
    /// Whether it waits for those that its launch depends on.
    pub(super) waits: bool,
    /// Whether it lets those that depend on it start before its end.
    pub(super) lets_start: bool,
}

impl Early {
    pub(super) fn of(ptx: &str) -> Self {
        let says = |what: &str| {
            ptx.lines().any(|line| line.split("//").next().is_some_and(|code| code.contains(what)))
        };
        Self { waits: says("griddepcontrol.wait"), lets_start: says("griddepcontrol.launch_dependents") }
    }
}

fn parameter_size(text: &str) -> Option<u32> {
    let mut words = text.split_whitespace();
    if words.next() != Some(".param") {
        return None;
    }
    let width = words.clone().find_map(width)?;
    let count = match words.next_back()?.split_once('[') {
        Some((_, count)) => count.strip_suffix(']')?.trim().parse().ok()?,
        None => 1,
    };
    width.checked_mul(count)
}

/// Bytes of a fundamental type.
fn width(word: &str) -> Option<u32> {
    match word {
        ".b8" | ".u8" | ".s8" => Some(1),
        ".b16" | ".u16" | ".s16" | ".f16" => Some(2),
        ".b32" | ".u32" | ".s32" | ".f32" | ".f16x2" => Some(4),
        ".b64" | ".u64" | ".s64" | ".f64" => Some(8),
        ".b128" => Some(16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTX: &str = "
// .entry comment(
.visible .entry rmsnorm_wide(
	.param .u64 a
)
{ ret; }
.visible .entry rmsnorm(
	.param .u64 .ptr .global .align 16 rmsnorm_param_0,
	.param .u32 rmsnorm_param_1,
	.param .align 8 .b8 rmsnorm_param_2[24]
)
.maxntid 256, 1, 1
{ ret; }
.entry bare { ret; }
.entry empty() { ret; }
.entry odd(
	.reg .u64 x
)
{ ret; }
";

    #[test]
    fn what_stands_in_a_comment_is_not_done() {
        let (waits, lets_start) = (true, true);
        let of = Early::of;
        assert_eq!(of("\t// begin inline asm\n\tgriddepcontrol.wait;\n"), Early { waits, lets_start: false });
        assert_eq!(of("@%p1 griddepcontrol.launch_dependents;"), Early { waits: false, lets_start });
        assert_eq!(of("// griddepcontrol.wait;"), Early::default());
    }

    #[test]
    fn sizes_in_order() {
        assert_eq!(parameter_sizes(PTX, "rmsnorm"), Some(vec![8, 4, 24]));
        assert_eq!(parameter_sizes(PTX, "rmsnorm_wide"), Some(vec![8]));
        assert_eq!(parameter_sizes(PTX, "bare"), Some(vec![]));
        assert_eq!(parameter_sizes(PTX, "empty"), Some(vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        assert_eq!(parameter_sizes(PTX, "rms"), None);
        assert_eq!(parameter_sizes(PTX, "rope"), None);
        assert_eq!(parameter_sizes(PTX, "odd"), None);
        assert_eq!(parameter_sizes(".entry k(.param .u64", "k"), None);
        assert_eq!(parameter_sizes(".entry k(.param .b8 x[99999999999])", "k"), None);
    }
}
