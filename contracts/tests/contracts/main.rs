//! Tests of contracts from outside: folders of files in, findings out.

#[cfg(test)]
mod common;
#[cfg(test)]
mod fixes;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod older;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod rule_pages;
