//! The mixture of experts: a router, experts that are gated MLPs, and shared experts that every token goes through.

pub mod plan;
pub mod reference;
