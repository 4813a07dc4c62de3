//! What a tool of compute-sanitizer said, from its output.

use serde_json::{Value, json};

/// Lines of the tool that report nothing.
const FRAME: &[&str] = &[
    "COMPUTE-SANITIZER",
    "ERROR SUMMARY",
    "RACECHECK SUMMARY",
    "LEAK SUMMARY",
    "Target application returned an error",
    "Application exited",
];

/// Reads it: how often the tool found something, its first words about it, and the lines of source that it names.
pub(crate) fn said(output: &str) -> Value {
    let tool: Vec<&str> = output.lines().filter_map(|line| line.strip_prefix("=========")).collect();
    let reports = |line: &&&str| {
        let text = line.trim();
        line.starts_with(' ')
            && !line.starts_with("  ")
            && !text.is_empty()
            && !FRAME.iter().any(|frame| text.starts_with(frame))
    };
    let first = tool.iter().find(reports).map(|line| line.trim());
    let mut lines: Vec<u32> = tool.iter().flat_map(|line| source_lines(line)).collect();
    lines.dedup();
    let summary = tool.iter().find(|line| line.contains("SUMMARY:")).map(|line| line.trim());
    let errors = summary.and_then(|line| number_after(line, "SUMMARY:"));
    json!({
        "errors": errors,
        "said": first,
        "lines": lines,
        "summary": summary,
        "end": output.lines().find_map(|line| line.split_once("end=").map(|(_, end)| end.trim())),
    })
}

/// The numbers behind `.cu:`.
fn source_lines(line: &str) -> Vec<u32> {
    line.match_indices(".cu:").filter_map(|(at, mark)| leading_number(&line[at + mark.len()..])).collect()
}

fn number_after(line: &str, mark: &str) -> Option<u32> {
    leading_number(line.split_once(mark)?.1.trim_start())
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let output = "========= COMPUTE-SANITIZER\n\
            ========= Invalid __global__ read of size 4 bytes\n\
            =========     at k+0x70 in /kernels/tests/simt/faults/k.cu:12\n\
            =========     by thread (63,0,0) in block (0,0,0)\n\
            =========     Saved host backtrace up to driver entry point at kernel launch time\n\
            ========= \n\
            ========= Program hit CUDA_ERROR_LAUNCH_FAILED (error 719)\n\
            end=CUDA_ERROR_LAUNCH_FAILED of kernel\n\
            ========= ERROR SUMMARY: 2 errors\n";
        let found = said(output);
        assert_eq!(found["said"], "Invalid __global__ read of size 4 bytes");
        assert_eq!((&found["errors"], &found["lines"]), (&json!(2), &json!([12])));
        assert_eq!(found["end"], "CUDA_ERROR_LAUNCH_FAILED of kernel");
    }

    #[test]
    fn a_race_names_both_lines() {
        let output = "========= COMPUTE-SANITIZER\n\
            ========= Error: Race reported between Write access at k(unsigned int *)+0x90 in /k.cu:14\n\
            =========     and Read access at k(unsigned int *)+0xc0 in /k.cu:18 [128 hazards]\n\
            ========= \n\
            end=ok\n\
            ========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)\n";
        let found = said(output);
        assert_eq!((&found["errors"], &found["lines"]), (&json!(1), &json!([14, 18])));
        assert!(found["said"].as_str().unwrap().starts_with("Error: Race reported"), "{found}");
    }

    #[test]
    fn silence_is_no_report() {
        for (output, errors) in [
            ("========= COMPUTE-SANITIZER\nend=ok\n========= ERROR SUMMARY: 0 errors\n", json!(0)),
            ("end=timeout\n", json!(null)),
        ] {
            let found = said(output);
            assert_eq!((&found["errors"], &found["said"]), (&errors, &json!(null)), "{output}");
        }
    }
}
