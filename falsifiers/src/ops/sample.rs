//! Cases of `sample`: every row has parameters and a random number of its own; logits are drawn, of few levels, all equal,
//! zeros of both signs, or not finite.
//!
//! The reference computes in f64 and the kernel weighs in f32: where the random number lies within
//! [`MARGIN`] of the begin of another token both may be right. Such a row takes the next number of its stream instead; a
//! test counts how many do.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::launch::Expr;
use kernels::launch::sample::{Axes, KERNEL, WORDS, shape, spec};
use kernels::real::Values;
use kernels::sample::{MARGIN, Parameters, reference, unit};
use kernels::{Arithmetic, Dtype};
use ndarray::aview1;

use super::arrays::{count, each_activation, indices, input, tokens};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// Rows, and logits of each.
const SHAPES: [(usize, usize); 9] =
    [(36, 2), (36, 7), (120, 16), (60, 255), (36, 1024), (24, 1000), (12, 4099), (12, 8200), (8, 151_936)];

/// Numbers of a stream that are tried before a row is greedy instead.
const TRIES: u64 = 50;

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    SHAPES
        .into_iter()
        .map(|(num, features)| {
            let name = format!("rows={num},features={features}");
            OpCase::new(name, move |draw| run(draw, num, Axes { features, activation }))
        })
        .collect()
}

/// How one row's token is drawn.
struct Row {
    logits: Vec<f64>,
    parameters: Parameters,
    key: [u32; 8],
    /// The number of the draw at position 0; it may wrap.
    first: u64,
    position: u32,
    /// Random numbers that were too near to another token.
    passed: u64,
}

impl Row {
    fn unit(&self) -> f64 {
        unit(self.key, self.first.wrapping_add(self.position.into()))
    }

    fn token(&self) -> Option<usize> {
        let drawn = reference(aview1(&self.logits), &self.parameters, self.unit(), Arithmetic::F64);
        drawn.map(|drawn| drawn.token)
    }

    fn words(&self) -> [i32; WORDS] {
        let Parameters { temperature, top_k, top_p } = self.parameters;
        let mut words = [0; WORDS];
        let rest = [
            temperature.to_bits(),
            top_k.and_then(|top_k| u32::try_from(top_k).ok()).unwrap_or(0),
            top_p.unwrap_or(1.0).to_bits(),
            self.first as u32,
            (self.first >> 32) as u32,
        ];
        let all = self.key.into_iter().chain(rest);
        words.iter_mut().zip(all).for_each(|(to, word)| *to = word.cast_signed());
        words
    }
}

fn pick<T: Copy>(of: &[T], draw: &mut Draw) -> Option<T> {
    of.get(draw.below(of.len())).copied()
}

fn row(draw: &mut Draw, at: usize, Axes { features, activation }: Axes) -> Row {
    let scale = pick(&[0.5, 2.0, 5.0], draw).unwrap_or(1.0);
    let mut logits = draw.values(features, scale, activation);
    let one = draw.below(features);
    match at % 12 {
        // Few levels; all equal; zeros of both signs; one that is far above.
        1 | 7 => logits.iter_mut().for_each(|x| *x = x.clamp(-2.0, 2.0).round()),
        2 if features < 5000 => logits.fill(-3.25),
        3 => logits.iter_mut().for_each(|x| *x = if *x < 0.0 { -0.0 } else { 0.0 }),
        4..=6 => {
            let bad = pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 60.0], draw).unwrap_or(60.0);
            if let Some(slot) = logits.get_mut(one) {
                *slot = bad;
            }
        }
        _ => {}
    }
    // The first ones of few rows go every way; what is beyond is any combination.
    let drawn = |draw: &mut Draw| {
        let temperature = pick(&[1.0, 0.7, 1.5, 0.25, 0.8, 0.0, f32::MIN_POSITIVE], draw).unwrap_or(1.0);
        let top_k = pick(&[None, Some(1), Some(2), Some(40), Some(features), Some(features + 3)], draw);
        let top_p = pick(&[None, Some(1.0), Some(0.95), Some(0.5), Some(0.1), Some(1e-9)], draw);
        (temperature, top_k.flatten(), top_p.flatten())
    };
    let (temperature, top_k, top_p) = match at % 8 {
        0 => (1.0, None, None),
        1 => (0.7, Some(features.div_ceil(3)), Some(0.95)),
        2 => (1.5, None, Some(0.6)),
        3 => (0.8, Some(features / 2 + 1), None),
        _ => drawn(draw),
    };
    let parameters = Parameters { temperature, top_k, top_p };
    let key = std::array::from_fn(|_| draw.bits() as u32);
    // Around the ends of a block, of 32 bits of its number, and of everything.
    let number = pick(&[0, 7, (1 << 35) - 3, u64::MAX - 2, draw.bits()], draw).unwrap_or(0);
    let position = draw.below(131_072) as u32;
    let first = number.wrapping_sub(position.into());
    let mut row = Row { logits, parameters, key, first, position, passed: 0 };
    while row.passed < TRIES {
        let drawn = reference(aview1(&row.logits), &row.parameters, row.unit(), Arithmetic::F64);
        if drawn.is_none_or(|drawn| drawn.margin > MARGIN) {
            return row;
        }
        (row.passed, row.position) = (row.passed + 1, row.position + 1);
    }
    row.parameters.temperature = 0.0;
    row
}

fn run(draw: &mut Draw, num: usize, axes: Axes) -> OpRun {
    let rows: Vec<Row> = (0..num).map(|at| row(draw, at, axes)).collect();
    let logits: Vec<f64> = rows.iter().flat_map(|row| row.logits.iter().copied()).collect();
    let words: Vec<i32> = rows.iter().flat_map(Row::words).collect();
    let positions: Vec<i32> = rows.iter().map(|row| row.position.cast_signed()).collect();
    OpRun {
        spec: spec(&axes),
        shape: shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            OpArgument::Output { shape: vec![num], element: Element::I32 },
            input(&logits, axes.activation),
            indices(&words),
            indices(&positions),
            count(num),
        ],
        reference: Box::new(move |_| {
            let tokens: Vec<f32> =
                rows.iter().map(|row| row.token().map_or(-1.0, |token| token as f32)).collect();
            vec![Tensor { shape: vec![tokens.len()], values: Values::F32(tokens) }]
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_random_numbers_are_too_near_to_another_token() {
        let (mut passed, mut greedy, mut drawn) = (0, 0, 0);
        for (num, features) in SHAPES {
            let draw = &mut Draw::new(&format!("{features}"));
            for at in 0..num {
                let row = row(draw, at, Axes { features, activation: Dtype::BF16 });
                passed += row.passed;
                greedy += u32::from(row.passed == TRIES);
                drawn += u32::from(row.parameters.temperature > 0.0 && row.token().is_some());
            }
        }
        assert!(drawn > 150, "{drawn}");
        // A row whose parameters lie there, such as ties at half of the probability, stays there.
        assert!(greedy < 20 && passed < 50 * u64::from(greedy) + 100, "{greedy} {passed}");
    }
}
