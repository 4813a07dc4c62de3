//! The nearest of the names that exist, for the one who misspelled one.

/// The candidate that is most likely meant, where one is near enough to say so.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // A third of the name may be wrong; beyond that a suggestion misleads more than it helps.
    let length = name.chars().count();
    let limit = (length.max(3) / 3).max(1);
    candidates
        .into_iter()
        // They lie at least as far apart as their lengths. Measuring takes the product of both, and a name may be as
        // long as a file.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean `x`?" where there is a near name, else `otherwise`.
pub(crate) fn did_you_mean<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    nearest(name, candidates).map_or_else(otherwise, |near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_near_and_not_the_far() {
        let names = ["prediction", "falsifier", "kills"];
        assert_eq!(nearest("predicton", names), Some("prediction"));
        assert_eq!(nearest("kill", names), Some("kills"));
        assert_eq!(nearest("banana", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest(&"k".repeat(50_000_000), names), None);
    }
}
