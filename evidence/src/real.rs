//! A measured number that survives JSON. JSON has no NaN and no infinity, and a record that loses them would
//! turn the worst results into `null`, so those three values are written as words.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A double that is written to JSON exactly: a number where it is finite, else `"NaN"`, `"Infinity"` or
/// `"-Infinity"`.
///
/// Two reals are equal where they would be written alike: NaN equals NaN, and zero differs from minus zero.
#[derive(Clone, Copy, Debug)]
pub struct Real(f64);

impl Real {
    /// Wraps a number; every value is allowed.
    pub const fn new(value: f64) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Neither NaN nor an infinity.
    pub const fn is_finite(self) -> bool {
        self.0.is_finite()
    }
}

impl From<f64> for Real {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

impl From<f32> for Real {
    fn from(value: f32) -> Self {
        Self(f64::from(value))
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits() || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Eq for Real {}

impl fmt::Display for Real {
    /// Up to four significant digits, for people; JSON keeps every digit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        let size = value.abs();
        let text = if value.is_nan() {
            "NaN".to_owned()
        } else if value.is_infinite() {
            if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
        } else if size == 0.0 {
            "0".to_owned()
        } else if (1e-3..1e6).contains(&size) {
            let before_the_point = size.log10().floor() as i32 + 1;
            let decimals = usize::try_from(4 - before_the_point).unwrap_or(0);
            let fixed = format!("{value:.decimals$}");
            if fixed.contains('.') {
                fixed.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                fixed
            }
        } else {
            format!("{value:.2e}")
        };
        f.pad(&text)
    }
}

impl Serialize for Real {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else if self.0.is_nan() {
            serializer.serialize_str("NaN")
        } else if self.0 > 0.0 {
            serializer.serialize_str("Infinity")
        } else {
            serializer.serialize_str("-Infinity")
        }
    }
}

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RealVisitor;

        impl Visitor<'_> for RealVisitor {
            type Value = Real;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Real, E> {
                Ok(Real(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Real, E> {
                Ok(Real(value as f64))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Real, E> {
                Ok(Real(value as f64))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Real, E> {
                match value {
                    "NaN" => Ok(Real(f64::NAN)),
                    "Infinity" => Ok(Real(f64::INFINITY)),
                    "-Infinity" => Ok(Real(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }
        }

        deserializer.deserialize_any(RealVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(value: f64) -> Real {
        serde_json::from_str(&serde_json::to_string(&Real(value)).unwrap()).unwrap()
    }

    #[test]
    fn words_for_what_json_cannot_say() {
        for (value, text) in [
            (f64::NAN, "\"NaN\""),
            (-f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
            (1.5, "1.5"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(serde_json::to_string(&Real(value)).unwrap(), text);
            assert_eq!(round_trip(value), Real(value));
        }
    }

    #[test]
    fn other_words_are_refused() {
        for text in ["\"nan\"", "\"inf\"", "\"\"", "null", "true", "[1.0]", "1e999"] {
            assert!(serde_json::from_str::<Real>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn integers_are_read_as_numbers() {
        assert_eq!(serde_json::from_str::<Real>("3").unwrap(), Real(3.0));
        assert_eq!(serde_json::from_str::<Real>("-3").unwrap(), Real(-3.0));
    }

    #[test]
    fn people_see_four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.25, "0.25"),
            (123.456, "123.5"),
            (999_999.0, "999999"),
            (1e6, "1.00e6"),
            (-0.001, "-0.001"),
            (1.234e-7, "1.23e-7"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Real(value).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn every_double_survives_json(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assert_eq!(round_trip(value), Real(value));
        }
    }
}
