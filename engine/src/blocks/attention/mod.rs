//! Self-attention with grouped queries, optional biases, optional norms of each head, and rope.

pub mod plan;
pub mod reference;
