//! Litmus tests: what is ordered is silent, and each ordering taken away is reported.

mod between;
mod inside;
mod oracle;
mod property;
mod threads;
mod world;
