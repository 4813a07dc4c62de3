// Statistics of every row of every stage in one launch: the last node of a graph that is looked into.
#include "common.cuh"
#include "dependent.cuh"
#include "statistics.cuh"

using Element = Storage<ACT_DTYPE>::Element;

// Where a stage is: its first element, counted from `x` in 64 bits, low word first, and how many elements a row has.
struct Stage {
    u32 low;
    u32 high;
    u32 width;
};

// stages [STAGES], out [rows, STAGES, 8]; each stage is [rows, width], anywhere in memory that `x` points into or not.
// One block for a row of a stage, so that what is said of a row is the same whatever rows are beside it, and the bits are
// those of tap_statistics over that row alone.
extern "C" __global__ void __launch_bounds__(THREADS)
    tap_statistics_all(double* out, const Element* x, const Stage* stages, u32 rows) {
    wait_for_predecessor();
    let_successor_start();

    // The last stage first: that is the head, whose rows are by far the longest.
    const u32 at = STAGES - 1 - blockIdx.x / rows;
    const u32 row = blockIdx.x % rows;
    const Stage stage = stages[at];
    const Element* const first = x + (long long)((u64)stage.high << 32 | stage.low);
    const u64 result = ((u64)row * STAGES + at) * 8;
    statistics<ACT_DTYPE, THREADS, LOADS>(out + result, first + (u64)row * stage.width, stage.width);
}
