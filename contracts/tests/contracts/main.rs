//! Tests of contracts from outside: folders of files in, findings out.

mod common;
mod loading;
mod messages;
mod robustness;
mod rule_pages;
