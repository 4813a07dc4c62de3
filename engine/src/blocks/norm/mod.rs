//! Root mean square norms over features or over heads.

pub mod plan;
pub mod reference;
