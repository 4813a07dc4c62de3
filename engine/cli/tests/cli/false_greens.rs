//! `apr diff` does not end in 0 where nothing was compared.

use crate::support::{Folder, good, json, refused, run, usage};

/// A model and two traces of it.
fn traces() -> Folder {
    let folder = Folder::micro();
    for name in ["a", "b"] {
        good(&["trace", &folder.arg(""), "--tokens", "1,2,3", "--out", &folder.arg(name)]);
    }
    folder
}

#[test]
fn a_trace_on_both_sides_is_refused() {
    let folder = traces();
    good(&["diff", &folder.arg("a"), &folder.arg("b")]);
    let again = format!("{}/../a", folder.arg("b"));
    for other in [folder.arg("a"), again] {
        refused(&["diff", &folder.arg("a"), &other], 2, &["is on both sides", "name two traces"]);
    }
}

#[test]
fn stages_that_hold_no_finite_number_do_not_agree() {
    let folder = traces();
    for name in ["a/trace.json", "b/trace.json"] {
        folder.edit(name, |trace| {
            let stage = &mut trace["stages"][0];
            let elements =
                stage["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product::<u64>();
            for field in ["mean", "std", "min", "max", "l2"] {
                stage[field] = "NaN".into();
            }
            stage["nan_count"] = elements.into();
        });
    }
    let ran = run(&["diff", &folder.arg("a"), &folder.arg("b")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("nothing to compare") && ran.stdout.contains("first divergence"), "{ran:?}");
}

#[test]
fn a_limit_that_bounds_nothing_is_refused() {
    let folder = traces();
    for limit in ["NaN", "inf", "-1", "-inf", ""] {
        let limit = format!("--max-row-l2={limit}");
        usage(&["diff", &folder.arg("a"), &folder.arg("b"), &limit], &["--max-row-l2"]);
    }
}

#[test]
fn names_in_a_trace_do_not_act_on_the_terminal() {
    let folder = traces();
    for name in ["a/trace.json", "b/trace.json"] {
        folder.edit(name, |trace| trace["stages"][0]["name"] = "X\u{1b}[31m\u{9b}\u{202e}".into());
    }
    for more in [&[][..], &["--json"]] {
        let text = good(&[&["diff", &folder.arg("a"), &folder.arg("b")], more].concat());
        assert!(!text.contains(|c| c != '\n' && contracts::shown::acts(c)), "{text:?}");
        assert!(text.contains("X\\u001b[31m\\u009b\\u202e"), "{text}");
    }
    let output = json(&["diff", &folder.arg("a"), &folder.arg("b"), "--json"]);
    assert_eq!(output["stages"][0]["stage"], "X\u{1b}[31m\u{9b}\u{202e}");
}
