//! What the virtual device finds in kernels with planted faults, and what it lets pass. Needs an NVRTC, and no device:
//! `make nvrtc` fetches the pinned one.
//!
//! | file | what |
//! |---|---|
//! | `corpus` | small kernels with a planted fault each, and their clean twins |
//! | `run` | a launch of one of them on the virtual device |
//! | `texts` | the corpus itself: it is listed, it compiles, and the compiler keeps what was planted |
//! | `clean` | the kernels of the engine in random calls: nothing is found in them |
//! | `page` | the page of documentation that sets it beside compute-sanitizer |
//! | `said` | what a tool of compute-sanitizer said, from its output |
//! | `swizzle` | where `warpgroup.cuh` says that matrices lie |
//! | `twins` | fused products give the bits of the steps that they replace |
//! | `found` | every fault is found, and no clean twin has one |

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod clean;
mod corpus;
mod found;
mod page;
mod run;
mod said;
mod swizzle;
mod texts;
mod twins;

use std::sync::LazyLock;

use kernels::jit::{Compiled, Nvrtc};
use rayon::prelude::*;

use corpus::{Case, Twin};

/// Every text, both twins, compiled once for all tests.
static COMPILED: LazyLock<Vec<(Twin, Case, Compiled)>> = LazyLock::new(|| {
    let nvrtc = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
    let all: Vec<(Twin, Case)> = cases();
    let compile = |(twin, case): (Twin, Case)| {
        let compiled = corpus::compile::compile(&nvrtc, &case, twin);
        let compiled = compiled.unwrap_or_else(|error| panic!("{} ({}): {error}", case.name, twin.name()));
        (twin, case, compiled)
    };
    all.into_par_iter().map(compile).collect()
});

/// Both twins of every text.
fn cases() -> Vec<(Twin, Case)> {
    let twins = |&(name, text): &(&'static str, &'static str)| {
        [Twin::Faulty, Twin::Clean].map(|twin| (twin, Case::parse(name, text, twin).unwrap()))
    };
    corpus::list::TEXTS.iter().flat_map(twins).collect()
}

/// Fails with every problem, and where nothing was looked at.
#[track_caller]
fn hold(held: usize, problems: &[String]) {
    assert!(held > 0, "nothing was looked at");
    assert!(problems.is_empty(), "{} of {held}:\n{}", problems.len(), problems.join("\n"));
}
