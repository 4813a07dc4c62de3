//! What the environment asks for.
//!
//! | variable | what |
//! |---|---|
//! | `SIMT_TARGET` | the GPU whose limits hold: `sm_80`, `sm_89`, `sm_90` (unless said otherwise), `sm_100`, `sm_120` |
//! | `SIMT_CHECKS` | `all` (unless said otherwise), `none`, or names with `-` (off) or `+` (on): `-races,-initialised` |
//! | `SIMT_FAULTS` | a file that every fault is added to, one JSON object a line |
//! | `SIMT_MEMORY` | device memory in MiB, 8192 unless said otherwise |
//! | `CUDA_LAUNCH_BLOCKING` | `1`: a fault is returned by the launch itself |

use std::path::PathBuf;

use simt::{Checks, Limits, Options};

/// What the environment asks for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the device behaves.
    pub options: Options,
    /// Where faults go as JSON.
    pub faults: Option<PathBuf>,
    /// Whether a launch returns the fault of its kernel.
    pub blocking: bool,
}

impl Settings {
    /// From variables, by name.
    ///
    /// # Errors
    /// A sentence with what was found and what is known.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut options = Options::default();
        if let Some(target) = variable("SIMT_TARGET") {
            options.limits = match target.as_str() {
                "sm_80" => Limits::of(8, 0),
                "sm_89" => Limits::of(8, 9),
                "sm_90" => Limits::of(9, 0),
                "sm_100" => Limits::of(10, 0),
                "sm_120" => Limits::of(12, 0),
                other => {
                    return Err(format!("SIMT_TARGET is {other}: say sm_80, sm_89, sm_90, sm_100 or sm_120"));
                }
            };
        }
        if let Some(text) = variable("SIMT_CHECKS") {
            options.checks = checks(&text)?;
        }
        if let Some(text) = variable("SIMT_MEMORY") {
            let bytes = text.parse::<u64>().ok().and_then(|mib| mib.checked_mul(1 << 20));
            options.memory = bytes.ok_or_else(|| format!("SIMT_MEMORY is {text}: say a number of MiB"))?;
        }
        let faults = variable("SIMT_FAULTS").filter(|path| !path.is_empty()).map(PathBuf::from);
        let blocking = variable("CUDA_LAUNCH_BLOCKING").is_some_and(|value| value == "1");
        Ok(Self { options, faults, blocking })
    }
}

/// `all`, `none`, or what to change of all, name by name.
fn checks(text: &str) -> Result<Checks, String> {
    let mut checks = Checks::ALL;
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "all" => checks = Checks::ALL,
            "none" => checks = Checks::NONE,
            word => {
                let (name, on) = match (word.strip_prefix('-'), word.strip_prefix('+')) {
                    (Some(name), _) => (name, false),
                    (None, Some(name)) => (name, true),
                    (None, None) => (word, true),
                };
                let check = match name {
                    "bounds" => &mut checks.bounds,
                    "alignment" => &mut checks.alignment,
                    "initialised" => &mut checks.initialised,
                    "races" => &mut checks.races,
                    "masks" => &mut checks.masks,
                    "barriers" => &mut checks.barriers,
                    "copies" => &mut checks.copies,
                    "read_only_cache" => &mut checks.read_only_cache,
                    "early_access" => &mut checks.early_access,
                    "limits" => &mut checks.limits,
                    "lifetime" => &mut checks.lifetime,
                    other => {
                        return Err(format!(
                            "SIMT_CHECKS names {other}: say all, none, or some of bounds, alignment, initialised, \
                             races, masks, barriers, copies, read_only_cache, early_access, limits, lifetime, each \
                             with - before it to switch it off"
                        ));
                    }
                };
                *check = on;
            }
        }
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let find = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned());
        Settings::of(find)
    }

    #[test]
    fn without_variables_everything_is_checked_for_sm_90() {
        let settings = of(&[]).unwrap();
        assert_eq!(settings.options.checks, Checks::ALL);
        assert_eq!((settings.options.limits.major, settings.blocking, settings.faults), (9, false, None));
    }

    #[test]
    fn checks_are_switched_by_name() {
        let only = Checks { races: true, ..Checks::NONE };
        for (text, expected) in [
            ("none", Checks::NONE),
            ("none,races", only),
            ("none,+races", only),
            ("-races, -initialised", Checks { races: false, initialised: false, ..Checks::ALL }),
            ("none,all", Checks::ALL),
        ] {
            assert_eq!(of(&[("SIMT_CHECKS", text)]).unwrap().options.checks, expected, "{text}");
        }
        assert!(of(&[("SIMT_CHECKS", "-race")]).unwrap_err().contains("names race:"));
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert!(of(&[("SIMT_TARGET", "sm_75")]).unwrap_err().contains("sm_80"));
        assert!(of(&[("SIMT_MEMORY", "8G")]).unwrap_err().contains("MiB"));
        assert_eq!(of(&[("SIMT_MEMORY", "16")]).unwrap().options.memory, 16 << 20);
        assert_eq!(of(&[("SIMT_TARGET", "sm_120")]).unwrap().options.limits.major, 12);
    }
}
