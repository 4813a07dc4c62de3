//! The behaviour of `apr` on good and bad input, through its command line.
//!
//! One binary of many topics, because each further one would be linked again.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]
#![expect(unreachable_pub, reason = "the modules of a test have no public")]

mod bench;
mod config;
mod experts;
mod false_greens;
mod hostile;
mod options;
mod support;
mod text;
mod traces;
mod weights;
