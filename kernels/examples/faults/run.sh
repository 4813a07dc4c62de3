#!/bin/sh
# Runs every packed kernel alone and under each tool of compute-sanitizer: run.sh OUT [SECONDS].
set -eu
out=${1:?the folder for sanitizer.json}
folder=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/local/cuda/bin
exec "$folder/faults" sanitize "$folder" "$out" ${2:+"$2"}
