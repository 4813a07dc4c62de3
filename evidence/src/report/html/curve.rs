//! The error of each stage as a picture: stages in the order of execution to the right, the error on a logarithmic
//! scale upwards, the limit as a dashed line. The first stage beyond it is marked and named.
//!
//! Every point is a shape of its own: a dot within the limit, a cross beyond it, a ring where nothing differs at all,
//! and an arrow at the upper edge where the stage is not a number. The table below says the same in words.

use maud::{Markup, html};

use super::{clean, scrolling};
use crate::curve::{Curve, CurvePoint};
use crate::gate::plural;
use crate::outcome::Outcome;
use crate::record::ClaimResult;
use crate::report::margin_words;

/// Pictures of one claim, at most. A page is to be read.
const MOST: usize = 12;
/// Points of a picture, at most, so that a record from anywhere makes a page that a browser can show.
const MOST_POINTS: usize = 2000;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 250.0;
/// Space for the numbers at the left, the limit at the right, the first wrong stage above and the layers below.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 86.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 22.0;

/// The pictures of a claim: the case that decided open, the others folded, the closest to their limits first.
pub(super) fn pictures(result: &ClaimResult) -> Markup {
    let (drawn, exact): (Vec<&Curve>, Vec<&Curve>) = result
        .curves
        .iter()
        .filter(|curve| curve.points.len() > 1)
        .partition(|curve| curve.points.iter().any(|point| point.value.get() != 0.0));
    let decided = match &result.outcome {
        Outcome::Survived { worst, .. } => Some(&worst.case),
        Outcome::Falsified { counterexample } => Some(&counterexample.case),
        _ => None,
    };
    let mut drawn = drawn;
    // A stable order: the case that decided, then by margin; NaN is the largest of them.
    drawn.sort_by(|a, b| {
        let first = |curve: &Curve| Some(&curve.case) == decided;
        first(b).cmp(&first(a)).then(worst(b).total_cmp(&worst(a)))
    });
    let left_out = drawn.len().saturating_sub(MOST);
    drawn.truncate(MOST);
    let (first, others) = match drawn.split_first() {
        Some((first, others)) => (Some(*first), others),
        None => (None, drawn.as_slice()),
    };
    html! {
        @if let Some(first) = first { (figure(first)) }
        @if !others.is_empty() {
            details {
                summary { "Error by stage in " (plural(others.len() as u64, "other case")) }
                @for curve in others { (figure(curve)) }
            }
        }
        @if left_out > 0 {
            p.faint { "and " (plural(left_out as u64, "more case")) ", further from the limit; `outcomes.jsonl` has all" }
        }
        @if !exact.is_empty() {
            p.faint { "No difference at any stage in " (plural(exact.len() as u64, "case")) ", of "
                (plural(exact.iter().map(|curve| curve.points.len() as u64).sum(), "stage")) " in all." }
        }
    }
}

/// How much of its limit the worst stage used; infinite where one is not a number.
fn worst(curve: &Curve) -> f64 {
    curve.points.iter().map(margin).fold(0.0, |a, b| if b.is_nan() || b > a { b.max(a) } else { a })
}

/// How much of its limit a stage used; infinite where it is not a number.
fn margin(point: &CurvePoint) -> f64 {
    let (value, limit) = (point.value.get(), point.limit.get());
    if value.is_nan() {
        f64::INFINITY
    } else if value == 0.0 {
        0.0
    } else {
        value / limit
    }
}

/// Whether a stage is within its limit; what is not a number is not.
fn holds(point: &CurvePoint) -> bool {
    point.value.get() <= point.limit.get()
}

/// The decades that a picture spans.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(points: &[CurvePoint]) -> Scale {
        let sizes = points.iter().flat_map(|point| [point.value.get(), point.limit.get()]);
        let sizes: Vec<f64> = sizes.filter(|size| size.is_finite() && *size > 0.0).map(f64::log10).collect();
        let low = sizes.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let high = sizes.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
        match low.is_finite() && high.is_finite() {
            true => Scale { low, high: if high - low < 2.0 { low + 2.0 } else { high } },
            false => Scale { low: -1.0, high: 1.0 },
        }
    }

    /// The height of a value: nothing at all lies on the lower edge, what is not finite on the upper.
    fn y(&self, value: f64) -> f64 {
        let bottom = HEIGHT - BOTTOM;
        if value.is_nan() || value == f64::INFINITY {
            TOP
        } else if value <= 0.0 {
            bottom
        } else {
            // The outermost values keep off the edges, which mean something else.
            let at = (value.log10() - self.low) / (self.high - self.low);
            bottom - 8.0 - at * (bottom - TOP - 16.0)
        }
    }

    /// The powers of ten to draw a line at, at most seven of them.
    fn powers(&self) -> Vec<i32> {
        let (low, high) = (self.low as i32, self.high as i32);
        let step = ((high - low) / 6).max(1);
        (low..=high).step_by(usize::try_from(step).unwrap_or(1)).collect()
    }
}

fn x(at: usize, count: usize) -> f64 {
    let step = (WIDTH - LEFT - RIGHT) / count.max(1) as f64;
    LEFT + (at as f64 + 0.5) * step
}

fn figure(curve: &Curve) -> Markup {
    let points = curve.points.get(..MOST_POINTS).unwrap_or(&curve.points);
    let wrong = points.iter().position(|point| !holds(point));
    let finds = match wrong.and_then(|at| points.get(at)) {
        Some(point) => format!("the first stage beyond its limit is {}", clean(&point.stage)),
        None => "no stage is beyond its limit".to_owned(),
    };
    let label = format!("Error of {} by stage: {finds}", plural(points.len() as u64, "stage"));
    html! {
        figure.curve {
            figcaption { "Error by stage, " (clean(&curve.metric)) ", in " code { (clean(&curve.case)) } }
            (scrolling(&label, &picture(curve, points, wrong, &label)))
            @if points.len() < curve.points.len() {
                p.faint { "The first " (points.len()) " of " (curve.points.len()) " stages." }
            }
            details {
                summary { "The same as a table" }
                (scrolling("Error by stage", &table(points, wrong)))
            }
        }
    }
}

fn picture(curve: &Curve, points: &[CurvePoint], wrong: Option<usize>, label: &str) -> Markup {
    let scale = Scale::of(points);
    let count = points.len();
    let f = |number: f64| format!("{number:.1}");
    html! {
        svg.plot viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="group" aria-label=(label) {
            @for (name, from, to, odd) in bands(points) {
                @let (left, right) = (x(from, count) - half(count), x(to, count) + half(count));
                @if odd { rect.band x=(f(left)) y=(f(TOP)) width=(f(right - left)) height=(f(HEIGHT - TOP - BOTTOM)) {} }
                @if right - left > 7.0 * name.len() as f64 {
                    text.layer x=(f((left + right) / 2.0)) y=(f(HEIGHT - 6.0)) { (name) }
                }
            }
            @for power in scale.powers() {
                @let y = scale.y(10f64.powi(power));
                line.grid x1=(f(LEFT)) x2=(f(WIDTH - RIGHT)) y1=(f(y)) y2=(f(y)) {}
                text.power x=(f(LEFT - 6.0)) y=(f(y + 3.5)) { "1e" (power) }
            }
            (limit(points, &scale))
            polyline.error points=(line(points, &scale)) {}
            @for (at, point) in points.iter().enumerate() {
                (dot(point, x(at, count), &scale, Some(at) == wrong, &curve.metric))
            }
            @if let Some((at, point)) = wrong.and_then(|at| Some((at, points.get(at)?))) {
                @let x = x(at, count);
                line.first x1=(f(x)) x2=(f(x)) y1="20" y2=(f(scale.y(point.value.get()) - 6.0)) {}
                text.first x=(f(x)) y="14" text-anchor=(if x > WIDTH * 0.6 { "end" } else if x < WIDTH * 0.3 { "start" } else { "middle" }) {
                    "first wrong: " (clean(&point.stage))
                }
            }
        }
    }
}

fn half(count: usize) -> f64 {
    (WIDTH - LEFT - RIGHT) / count.max(1) as f64 / 2.0
}

/// The limit, as steps where stages have different ones.
fn limit(points: &[CurvePoint], scale: &Scale) -> Markup {
    let count = points.len();
    let mut path = String::new();
    let mut before = f64::NAN;
    for (at, point) in points.iter().enumerate() {
        let (limit, middle) = (point.limit.get(), x(at, count));
        let y = scale.y(limit);
        if limit != before {
            path += &format!("{}{:.1} {y:.1}", if path.is_empty() { "M" } else { "L" }, middle - half(count));
        }
        if points.get(at + 1).is_none_or(|next| next.limit != point.limit) {
            path += &format!("L{:.1} {y:.1}", middle + half(count));
        }
        before = limit;
    }
    let last = points.last().map(|point| point.limit);
    html! {
        path.limit d=(path) {}
        @if let Some(limit) = last {
            text.limit x=(format!("{:.1}", WIDTH - RIGHT + 6.0)) y=(format!("{:.1}", scale.y(limit.get()) + 3.5)) {
                "limit " (limit)
            }
        }
    }
}

fn line(points: &[CurvePoint], scale: &Scale) -> String {
    let place = |(at, point): (usize, &CurvePoint)| {
        format!("{:.1},{:.1}", x(at, points.len()), scale.y(point.value.get()))
    };
    points.iter().enumerate().map(place).collect::<Vec<_>>().join(" ")
}

/// One stage. The first wrong one can be reached with the keyboard; the others are in the table.
fn dot(point: &CurvePoint, x: f64, scale: &Scale, first: bool, metric: &str) -> Markup {
    let (value, y) = (point.value.get(), scale.y(point.value.get()));
    let title = format!("{}: {} {}, limit {}", clean(&point.stage), clean(metric), point.value, point.limit);
    let shape = if value.is_nan() || value.is_infinite() {
        ("beyond", format!("M{:.1} {:.1}l5 8h-10z", x, y))
    } else if !holds(point) {
        ("beyond", format!("M{:.1} {:.1}l8 8m0 -8l-8 8", x - 4.0, y - 4.0))
    } else if value == 0.0 {
        ("exact", ring(x, y))
    } else {
        ("within", ring(x, y))
    };
    html! {
        @if first {
            g.point.beyond.is-first tabindex="0" role="img" aria-label={ "First stage beyond its limit, " (title) } {
                title { (title) }
                circle.halo cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="9" {}
                path d=(shape.1) {}
            }
        } @else {
            path.point.(shape.0) d=(shape.1) { title { (title) } }
        }
    }
}

fn ring(x: f64, y: f64) -> String {
    format!("M{:.1} {y:.1}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", x - 3.0)
}

/// Runs of stages of the same layer: name, first and last index, and whether it is an odd one.
fn bands(points: &[CurvePoint]) -> Vec<(String, usize, usize, bool)> {
    let mut bands: Vec<(String, usize, usize, bool)> = Vec::new();
    for (at, point) in points.iter().enumerate() {
        let name = band(&point.stage);
        match bands.last_mut() {
            Some((last, _, to, _)) if *last == name => *to = at,
            _ => {
                let odd = bands.len() % 2 == 1;
                bands.push((name, at, at, odd));
            }
        }
    }
    bands
}

/// `layer 3` of `model.layers.3.mlp`, and the last part of what belongs to no layer.
fn band(stage: &str) -> String {
    match stage.strip_prefix("model.layers.").map(|rest| rest.split('.').next().unwrap_or(rest)) {
        Some(layer) => format!("layer {}", clean(layer)),
        None => clean(stage.rsplit('.').next().unwrap_or(stage)),
    }
}

fn table(points: &[CurvePoint], wrong: Option<usize>) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "stage" } th.number scope="col" { "error" } th.number scope="col" { "limit" }
                th.number scope="col" { "of limit" }
            } }
            tbody {
                @for (at, point) in points.iter().enumerate() {
                    tr.wrong[Some(at) == wrong] {
                        th scope="row" { (clean(&point.stage)) @if Some(at) == wrong { " (first beyond its limit)" } }
                        td.number { (point.value) } td.number { (point.limit) }
                        td.number { (margin_words(margin(point).into())) }
                    }
                }
            }
        }
    }
}
