//! What the assembler says about a kernel: the log of `--ptxas-options=-v`.

use super::Resources;

/// The resources that the log gives for `entry`; `None` where it does not name the entry, or not everything about it.
///
/// ```text
/// ptxas info    : Compiling entry function 'rmsnorm' for 'sm_90'
/// ptxas info    : Function properties for rmsnorm
/// ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
/// ptxas info    : Used 10 registers, used 1 barriers, 32 bytes smem
/// ```
pub(super) fn resources(log: &str, entry: &str) -> Option<Resources> {
    let begin = format!("Compiling entry function '{entry}'");
    let mut lines = log.lines().skip_while(|line| !line.contains(&begin)).skip(1);
    let own = format!("Function properties for {entry}");
    let mut resources = None;
    while let Some(line) = lines.next().filter(|line| !line.contains("Compiling entry function")) {
        if line.trim_end().ends_with(&own) {
            let frame = lines.next()?;
            resources = Some(Resources {
                stack: before(frame, "bytes stack frame")?,
                spill_stores: before(frame, "bytes spill stores")?,
                spill_loads: before(frame, "bytes spill loads")?,
                ..Resources::default()
            });
        } else if line.contains("Used ") {
            let resources = resources?;
            return Some(Resources {
                registers: before(line, "registers")?,
                // Left out by the assembler where there is none.
                shared: before(line, "bytes smem").unwrap_or(0),
                ..resources
            });
        }
    }
    None
}

/// The number in front of the first `unit` in a line.
fn before(line: &str, unit: &str) -> Option<u32> {
    let (before, _) = line.split_once(unit)?;
    before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'rope' for 'sm_80'
ptxas info    : Function properties for rope
ptxas         .     40 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads
ptxas info    : Function properties for __internal_trig_reduction_slowpathd
ptxas         .     8 bytes stack frame, 1 bytes spill stores, 1 bytes spill loads
ptxas info    : Used 33 registers, used 1 barriers, 40 bytes cumulative stack size, 132 bytes smem, 380 bytes cmem[0]
ptxas info    : Compile time = 2.389 ms
ptxas info    : Compiling entry function 'bias' for 'sm_80'
ptxas info    : Function properties for bias
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 8 registers, used 0 barriers
";

    #[test]
    fn every_number_is_that_of_the_entry() {
        assert_eq!(
            resources(LOG, "rope"),
            Some(Resources { registers: 33, spill_stores: 12, spill_loads: 16, shared: 132, stack: 40 })
        );
        assert_eq!(resources(LOG, "bias"), Some(Resources { registers: 8, ..Resources::default() }));
    }

    #[test]
    fn what_is_not_said_is_not_made_up() {
        assert_eq!(resources(LOG, "argmax"), None);
        assert_eq!(resources("", "rope"), None);
        let cut: String = LOG.lines().take(6).collect::<Vec<_>>().join("\n");
        assert_eq!(resources(&cut, "rope"), None);
        let nameless = LOG.replace("Function properties for bias", "");
        assert_eq!(resources(&nameless, "bias"), None);
    }
}
