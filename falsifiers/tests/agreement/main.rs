//! The whole op suite on the virtual device, held to what an NVIDIA H200 computed: `h200.json`, made there by the example
//! `op_outputs`. A kernel that has changed or come since is not compared, and the page says so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use contracts::Lane;
use falsifiers::machine::Machine;
use falsifiers::ops::agreement::{APPROXIMATE, Agreement, Computed, Recorded, compare, names, record};
use kernels::seam::Seam;

/// How far kernels that take an exponential may be from hardware, in units in the last place of the stored format, at the
/// largest magnitude of an output. The worst that was seen is 3.
const MOST_ULP: f64 = 4.0;

static RECORDED: LazyLock<Recorded> =
    LazyLock::new(|| serde_json::from_str(include_str!("h200.json")).unwrap());

/// What the virtual device computes, by two threads.
static COMPUTED: LazyLock<BTreeMap<String, Computed>> = LazyLock::new(|| {
    let all = names();
    let half = |odd: usize| {
        let machine = Machine::open(Lane::Simt, &Arc::new(Seam::empty())).unwrap();
        let mine: Vec<&String> = all.iter().skip(odd).step_by(2).collect();
        record(&machine, Lane::Simt, &|name| mine.iter().any(|known| *known == name)).unwrap()
    };
    let (mut one, two) = rayon::join(|| half(0), || half(1));
    one.extend(two);
    one
});

fn kernel(case: &str) -> &str {
    case.split('/').next().unwrap()
}

fn agreements() -> Vec<Agreement> {
    compare(&RECORDED.cases, &COMPUTED)
}

#[test]
fn the_virtual_device_computes_what_hardware_computed() {
    // A case that only one side has would be left out in silence. A kernel without any is named on the page.
    let unrecorded = unrecorded();
    let computed: Vec<_> = COMPUTED.keys().filter(|case| !unrecorded.contains_key(kernel(case))).collect();
    let recorded: Vec<_> = RECORDED.cases.keys().collect();
    assert!(recorded == computed, "the cases have changed; record again with the example op_outputs");
    let all = agreements();
    assert!(!all.is_empty(), "every kernel has changed since; record again with the example op_outputs");
    let apart: Vec<&Agreement> = all
        .iter()
        .filter(|found| {
            let approximate = APPROXIMATE.contains(&kernel(&found.case));
            !(found.bitwise || approximate && found.ulp <= MOST_ULP)
        })
        .collect();
    assert!(apart.is_empty(), "{} of {} outputs: {:#?}", apart.len(), all.len(), apart.first());
}

/// Kernels that came after the record, with the number of their cases.
fn unrecorded() -> BTreeMap<&'static str, usize> {
    let mut kernels = BTreeMap::new();
    for case in COMPUTED.keys() {
        *kernels.entry(kernel(case)).or_default() += 1;
    }
    kernels.retain(|name, _| !RECORDED.cases.keys().any(|case| kernel(case) == *name));
    kernels
}

#[test]
fn a_bit_that_differs_is_found() {
    let mut recorded = RECORDED.cases.clone();
    let (name, computed) = recorded.iter_mut().find(|(name, _)| name.starts_with("matmul/")).unwrap();
    let digest = &mut computed.outputs[0].digest;
    *digest = digest.chars().rev().collect();
    let name = name.clone();
    let found = compare(&recorded, &RECORDED.cases);
    assert!(found.iter().all(|found| found.bitwise == (found.case != name)));
}

/// One row for each kernel and format.
fn page() -> String {
    let mut rows: BTreeMap<String, (usize, usize, usize, f64)> = BTreeMap::new();
    let group = |case: &str| case.splitn(3, '/').take(2).collect::<Vec<_>>().join(" ");
    for case in RECORDED.cases.keys() {
        rows.entry(group(case)).or_default().0 += 1;
    }
    for found in agreements() {
        let row = rows.entry(group(&found.case)).or_default();
        row.1 += 1;
        row.2 += usize::from(found.bitwise);
        row.3 = row.3.max(found.ulp);
    }
    let Recorded { device, driver, nvrtc, cases } = &*RECORDED;
    let mut text = format!(
        "<!-- Made by `make reference` from what was recorded on the card. -->\n\n# The virtual device beside hardware, op by op\n\n\
         {} cases of single kernels ran on an {device} (driver {driver}, NVRTC {nvrtc}) and run on the virtual device in \
         every test run, with the same inputs. Kernels that take an exponential may be {MOST_ULP} units in the last place \
         from hardware, measured at 128 elements of each output; all others must have the same bits. Where fewer outputs \
         than cases are compared, the kernel has changed since.\n\n\
         | kernel and format | cases | outputs compared | bit by bit the same | furthest, in units in the last place |\n\
         |---|---|---|---|---|\n",
        cases.len(),
    );
    for (name, (cases, compared, bitwise, ulp)) in rows {
        let _ = writeln!(text, "| {name} | {cases} | {compared} | {bitwise} | {ulp:.2} |");
    }
    for (name, cases) in unrecorded() {
        let _ = writeln!(
            text,
            "\n`{name}` ({cases} cases) is newer than the record and was not compared with hardware."
        );
    }
    text
}

#[test]
fn docs_page_says_what_agrees() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/device-agreement.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/reference/device-agreement.md is stale; run `make reference`");
}
