#!/bin/sh
# Runs every claim and every mutant of the cuda lane on this machine, and packs what was recorded.
#
# It needs an NVIDIA driver and NVRTC, and nothing else: no Rust, no network. NVRTC is found in the system, or where
# TOUCHSTONE_NVRTC says. Further arguments go to `pv run` and `pv prove`, for instance --filter 'kind(op_parity)'.
# It ends with the worst exit code of the three commands, and leaves evidence.tar.gz.
set -u
cd "$(dirname "$0")" || exit 3
export TOUCHSTONE_KERNEL_CACHE="${TOUCHSTONE_KERNEL_CACHE:-$PWD/kernel-cache}"
worst=0
step() {
    echo "\$ pv $*"
    bin/pv "$@"
    code=$?
    [ "$code" -gt "$worst" ] && worst=$code
    return "$code"
}
step run --device cuda --tier ci --tier long --out runs "$@"
step prove --device cuda --tier ci --tier long --out runs "$@"
step report --gate kernels-ready --gate device-ready --runs runs
bin/pv report --gate kernels-ready --gate device-ready --runs runs --format html --out report.html > /dev/null
tar -czf evidence.tar.gz runs report.html && echo "evidence in $PWD/evidence.tar.gz"
exit "$worst"
