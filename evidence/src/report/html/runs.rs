//! What ran: the commit, the tree, the device, the seed, and the digests of everything that the results depend on.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Report, Tone, clean, mark, scrolling};
use crate::record::Status;
use crate::report::{RunHead, duration};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        section #runs aria-labelledby="runs-title" {
            h2 #runs-title { "Runs" }
            @if report.runs.is_empty() {
                p.nothing { "No run stands behind this page." }
            }
            @for run in &report.runs { (one(run)) }
        }
    }
}

/// One run: what it was, and what its results depend on.
pub(in crate::report) fn one(run: &RunHead) -> Markup {
    let (tone, status) = match run.status {
        Status::Complete => (Tone::Good, "complete"),
        Status::Stopped => (Tone::Caution, "stopped at the first failure"),
        Status::Interrupted => (Tone::Caution, "interrupted, counted by no gate"),
    };
    let lanes: Vec<&str> = run.lanes.iter().map(|lane| lane.as_str()).collect();
    let from_its_tree = run.built_from == run.tree;
    html! {
        article.run id={ "run-" (run.run_id) } {
            h3 { code { (run.run_id) } (mark(tone, status)) }
            dl.facts {
                (fact("started", &html! { (run.started) }))
                @if let Some(elapsed) = run.elapsed_ms { (fact("took", &html! { (duration(elapsed)) })) }
                (fact("command", &html! { code.command { (clean(&run.command.join(" "))) } }))
                @if let Some(part) = &run.part { (fact("part", &html! { (part) })) }
                (fact("lanes", &html! { (lanes.join(", ")) }))
                (fact("device", &html! {
                    (clean(&run.device.name))
                    @if let Some(driver) = &run.device.driver { ", driver " (clean(driver)) }
                    @if let Some(nvrtc) = &run.device.nvrtc { ", NVRTC " (clean(nvrtc)) }
                }))
                (fact("seed", &html! { (run.seed) }))
                (fact("commit", &html! {
                    @match &run.commit { Some(commit) => code { (clean(commit)) }, None => "none" }
                    @if run.dirty == Some(true) { " " (mark(Tone::Caution, "with changed files")) }
                }))
                (fact("source tree", &digest(&run.tree)))
                (fact("binary", &html! {
                    (digest(&run.binary))
                    @if !from_its_tree {
                        " " (mark(Tone::Caution, "built from another tree:")) " " (digest(&run.built_from))
                    }
                }))
            }
            details {
                summary { "Digests of what the results depend on" }
                (scrolling("Digests", &html! {
                    table {
                        thead { tr { th scope="col" { "what" } th scope="col" { "name" } th scope="col" { "digest" } } }
                        tbody {
                            (digests("contract", &run.contracts))
                            (digests("model", &run.models))
                            (digests("golden", &run.goldens))
                            (digests("kernel", &run.kernel_keys))
                        }
                    }
                }))
            }
        }
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn digest(digest: &str) -> Markup {
    html! { code.digest { (clean(digest)) } }
}

fn digests(what: &str, of: &BTreeMap<String, String>) -> Markup {
    html! {
        @for (name, value) in of {
            tr { td { (what) } th scope="row" { (clean(name)) } td { (digest(value)) } }
        }
    }
}
