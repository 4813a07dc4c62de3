//! Values of options, read with errors that say what would be right. The command line puts option and value in
//! front.

use engine::sampler::Sampling;

/// One token id; spaces around it are left out.
pub(crate) fn token_id(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| {
        format!("a token id is a whole number from 0 to {}; separate ids by commas, as in 5,6,7", u32::MAX)
    })
}

/// A count of something that makes no sense without one.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= 1 => Ok(count),
        _ => Err(format!("it must be a whole number from 1 to {}", usize::MAX)),
    }
}

/// The name of a real shape.
pub(crate) fn shape() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(
        engine::bench::synthetic::SYNTHETIC.iter().map(|shape| shape.name),
    )
}

/// A temperature, by the sampler's own rule.
pub(crate) fn temperature(text: &str) -> Result<f32, String> {
    let temperature = text.parse().map_err(|_| "it must be a number, such as 0.8; 0 means greedy")?;
    allowed(&Sampling { temperature, ..Sampling::GREEDY })?;
    Ok(temperature)
}

/// A share of the probability, by the sampler's own rule.
pub(crate) fn top_p(text: &str) -> Result<f32, String> {
    let top_p = text.parse().map_err(|_| "it must be a number above 0 and at most 1, such as 0.9")?;
    allowed(&Sampling { top_p: Some(top_p), ..Sampling::GREEDY })?;
    Ok(top_p)
}

fn allowed(sampling: &Sampling) -> Result<(), String> {
    sampling.validate().map_err(|error| error.to_string())
}

/// The largest relative error of a row.
pub(crate) fn max_row_l2(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(max) if max >= 0.0 && f64::is_finite(max) => Ok(max),
        _ => Err("it must be a number of 0 or more, such as 1e-3; 0 asks for equal bits".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_sense_is_read() {
        assert_eq!((token_id("5"), token_id(" 6 ")), (Ok(5), Ok(6)));
        assert_eq!((at_least_one("1"), temperature("0"), top_p("1")), (Ok(1), Ok(0.0), Ok(1.0)));
        assert_eq!((max_row_l2("0"), max_row_l2("1e-3")), (Ok(0.0), Ok(1e-3)));
    }

    #[test]
    fn what_makes_none_is_refused() {
        for text in ["", "x", "-1", "1.5", "4294967296"] {
            assert!(token_id(text).is_err(), "{text}");
        }
        for text in ["", "x", "0", "-1", "99999999999999999999999"] {
            assert!(at_least_one(text).is_err(), "{text}");
        }
        for text in ["", "x", "-1", "NaN", "inf", "1e40"] {
            assert!(temperature(text).is_err(), "{text}");
            assert!(top_p(text).is_err(), "{text}");
        }
        assert!(top_p("0").is_err() && top_p("1.5").is_err());
        for text in ["", "x", "-1", "NaN", "inf", "1e999"] {
            assert!(max_row_l2(text).is_err(), "{text}");
        }
    }
}
