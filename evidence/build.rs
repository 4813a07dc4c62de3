//! Embeds the digest of the source tree that is being built, so that a run can tell whether its binary was built
//! from the tree that it claims.

use std::path::Path;

#[path = "src/tree.rs"]
mod tree;

fn main() {
    // Asked when the script runs, not when it is compiled: a target folder may serve more than one checkout.
    let root = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(|folder| Path::new(&folder).join(".."))
        .unwrap_or_default();
    let digest = match tree::tree(&root) {
        Ok(tree) => {
            for path in tree.folders.iter().chain(&tree.files) {
                println!("cargo:rerun-if-changed={}", root.join(path).display());
            }
            tree.digest
        }
        // Built outside of its workspace: the binary says so, and is fresh for no tree.
        Err(_) => "unknown".to_owned(),
    };
    println!("cargo:rustc-env=TOUCHSTONE_BUILT_FROM={digest}");
}
