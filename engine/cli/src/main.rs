//! See DESIGN.
fn main() {}
