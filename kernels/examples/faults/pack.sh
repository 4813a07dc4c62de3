#!/bin/sh
# Packs the kernels with planted faults for a machine with a GPU and without Rust, NVRTC and network:
# pack.sh FOLDER. There, `FOLDER/run.sh OUT [SECONDS]` runs every kernel alone and under each tool of compute-sanitizer,
# and writes OUT/sanitizer.json, which belongs into kernels/tests/simt.
set -eu
folder=${1:?the folder to pack into}
here=$(dirname "$0")
target=${CARGO_TARGET_DIR:-target}
"${CARGO:-cargo}" build --locked --release --quiet --package kernels --example faults
mkdir -p "$folder"
cp "$target/release/examples/faults" "$here/run.sh" "$folder"
"$folder/faults" compile "$folder"
