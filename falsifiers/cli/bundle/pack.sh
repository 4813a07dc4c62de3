#!/bin/sh
# Packs what a machine with a GPU, but without Rust and network, needs to run the cuda lane: the two commands, the
# tracked files of this commit, and run.sh. Called by `make gpu-bundle` with the folder of the commands and the archive.
set -eu
binaries=$1
archive=$2
most=$((60 * 1024 * 1024))
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "gpu-bundle: tracked files differ from the commit, so the evidence would name code that did not run; commit first" >&2
    exit 2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/touchstone/bin"
git archive HEAD | tar -x -C "$folder/touchstone"
cp falsifiers/cli/bundle/run.sh "$folder/touchstone/run.sh"
for name in pv apr; do
    cp "$binaries/$name" "$folder/touchstone/bin/$name"
    strip "$folder/touchstone/bin/$name" 2> /dev/null || true
done
tar -czf "$archive.part" -C "$folder" touchstone
size=$(wc -c < "$archive.part")
if [ "$size" -gt "$most" ]; then
    rm "$archive.part"
    echo "gpu-bundle: the archive has $size bytes, more than the $most that it may have" >&2
    exit 1
fi
mv "$archive.part" "$archive"
echo "$archive: $size bytes; on the other machine: tar -xzf $(basename "$archive") && touchstone/run.sh"
