//! The virtual device against the record of an H200.
#![expect(clippy::panic, reason = "a test that cannot go on says why")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;
use simt_conformance::class::Class;
use simt_conformance::compare::{Outcome, compare, value};
use simt_conformance::form::Form;
use simt_conformance::forms::{FAMILIES, forms};
use simt_conformance::record::Record;
use simt_conformance::{page, virtual_device};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded")
}

#[track_caller]
fn record() -> Record {
    Record::read(&folder()).unwrap_or_else(|error| panic!("{error}"))
}

/// A form and what the virtual device makes of it.
type Computed = (Form, Result<Vec<u8>, String>);

/// What the virtual device makes of every form.
fn computed() -> &'static [Computed] {
    static COMPUTED: OnceLock<Vec<Computed>> = OnceLock::new();
    COMPUTED.get_or_init(|| {
        let run = |form: Form| {
            let result = virtual_device::run(&form).map_err(|error| error.to_string());
            (form, result)
        };
        forms().into_par_iter().map(run).collect()
    })
}

#[track_caller]
fn none(what: &str, faults: &[String]) {
    let of = forms().len();
    assert!(faults.is_empty(), "{} of {of} forms {what}:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn there_are_at_least_150_forms_each_with_a_name_of_its_own() {
    let forms = forms();
    let names: BTreeSet<&str> = forms.iter().map(|form| form.name.as_str()).collect();
    assert_eq!(names.len(), forms.len());
    assert!(forms.len() >= 150, "{}", forms.len());
    for (family, forms) in FAMILIES {
        let forms = forms();
        assert!(!forms.is_empty(), "{family}");
        assert!(forms.iter().all(|form| form.family == *family && form.threads % 128 == 0), "{family}");
    }
}

#[test]
fn every_form_runs() {
    let faults: Vec<String> = computed()
        .iter()
        .filter_map(|(form, result)| Some(format!("{}: {}", form.name, result.as_ref().err()?)))
        .collect();
    none("do not run", &faults);
}

#[test]
fn every_form_is_recorded() {
    let record = record();
    let faults: Vec<String> =
        forms().iter().filter_map(|form| record.of(form).err().map(|error| error.to_string())).collect();
    none("are not recorded", &faults);
    assert_eq!(record.index.forms.len(), forms().len(), "there are records of forms that are no more");
}

#[test]
fn every_form_computes_what_hardware_computed() {
    let record = record();
    let faults: Vec<String> = computed()
        .iter()
        .filter_map(|(form, result)| {
            let (Ok(computed), Ok(recorded)) = (result, record.of(form)) else {
                return Some(format!("{}: not compared", form.name));
            };
            let outcome = compare(form, computed, recorded);
            let first = outcome.first?;
            Some(format!("{}: {} of {}: {first}", form.name, outcome.wrong, outcome.values))
        })
        .collect();
    none("differ from hardware", &faults);
}

/// One bit of the record is turned round, in every form: the uppermost of a value, so that approximate ones tell too.
#[test]
fn a_planted_deviation_is_found_in_every_form() {
    let record = record();
    let mut faults = Vec::new();
    for form in &forms() {
        let Ok(recorded) = record.of(form) else { continue };
        let (mut planted, width) = (recorded.to_vec(), value_bytes(form));
        // The sign of the first value that is no zero and no NaN: a sum of zero has no sign to speak of.
        let tell = |value: &&[u8]| value.iter().any(|&byte| byte != 0);
        let places = recorded.chunks_exact(width).enumerate().filter(|(_, value)| tell(value));
        let found = places.take(256).any(|(at, _)| {
            let byte = (at + 1) * width - 1;
            planted[byte] ^= 0x80;
            let wrong = compare(form, &planted, recorded).wrong;
            planted[byte] ^= 0x80;
            wrong > 0
        });
        if !found {
            faults.push(form.name.clone());
        }
    }
    none("hide a planted deviation", &faults);
}

fn value_bytes(form: &Form) -> usize {
    let bits = match form.class {
        Class::Exact => 8,
        Class::AnyNan(float) | Class::Near { float, .. } => float.bits(),
        Class::Accumulation { shape, .. } => shape.sum.bits(),
    };
    bits as usize / 8
}

#[test]
fn docs_page_says_what_is_measured() {
    let record = record();
    let outcomes: Vec<(Form, Outcome)> = computed()
        .iter()
        .map(|(form, result)| {
            let computed = result.as_ref().unwrap_or_else(|error| panic!("{}: {error}", form.name));
            let recorded = record.of(form).unwrap_or_else(|error| panic!("{error}"));
            (form.clone(), compare(form, computed, recorded))
        })
        .collect();
    let note = "<!-- Made by `make reference`; what it says comes from the code. -->\n\n";
    let text = format!("{note}{}\n", page::page(&record, &outcomes).trim_end());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/conformance.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, text).unwrap();
    } else {
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == text, "docs/reference/conformance.md is stale; run `make reference`");
    }
}

/// Where every addend is of the same magnitude, hardware's sum is near the exact one of the elements that the layout
/// says: were it another layout, it would not be.
#[test]
fn fragments_lie_as_hardware_has_them() {
    let record = record();
    let mut sums = 0;
    for form in &forms() {
        let Class::Accumulation { shape, share } = form.class else { continue };
        let Ok(recorded) = record.of(form) else { panic!("{} is not recorded", form.name) };
        let (inputs, output) = (form.input_bytes(), form.outputs[0]);
        let size = output.bits() as usize / 8 * form.threads as usize;
        // Warps of the regime `Plain`.
        for warp in (0..form.threads as usize / 32).step_by(8) {
            let operands: Vec<Vec<u64>> =
                (0..32).map(|lane| form.operands(&inputs, warp * 32 + lane)).collect();
            for (row, column) in (0..shape.m).flat_map(|row| (0..shape.n).map(move |column| (row, column))) {
                let sum = shape.sum(&operands, row, column).unwrap();
                let exact = sum.factors.iter().map(|(a, b)| a * b).sum::<f64>() + sum.c;
                let (lane, register, part) = shape.place(row, column);
                let bits = value(output, recorded, register * size, warp * 32 + lane).unwrap();
                let found =
                    shape.sum.decode(bits >> (part as u32 * shape.sum.bits() % 64) & shape.sum.mask());
                let bound = sum.greatest() * 2.0_f64.powi(share + 2);
                assert!((found - exact).abs() <= bound, "{}: {found} for {exact}, {sum:?}", form.name);
                sums += 1;
            }
        }
    }
    assert!(sums > 1000, "{sums}");
}
