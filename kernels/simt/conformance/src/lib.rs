//! Instruction by instruction, what the virtual device computes beside what an H200 computed.
//!
//! A form is a kernel of one instruction. Its inputs come from a seed; its outputs were recorded on hardware, once, by
//! the binary `record`, and lie in `recorded/`. The tests run every form on the virtual device and compare.
//!
//! | module | what |
//! |---|---|
//! | [`form`] | a form, its text, its memory |
//! | [`forms`] | every form, a file for each family |
//! | [`inputs`], [`edges`], [`fragment`], [`random`] | what goes in |
//! | [`class`], [`compare`], [`matrix`], [`nan`] | what may come out |
//! | [`record`], [`page`] | what hardware computed, and what is said of it |
//! | [`virtual_device`], [`hardware`] | who computes |

pub mod class;
pub mod compare;
pub mod edges;
pub mod form;
pub mod forms;
pub mod fragment;
pub mod hardware;
pub mod inputs;
pub mod matrix;
pub mod nan;
pub mod page;
pub mod random;
pub mod record;
pub mod virtual_device;
