// Rows of a weight streamed past the warps of a block: what the fast matrix-vector kernels share.
//
// A block takes ROWS_AT_ONCE rows at once, each with SPLITS warps, and goes on to the rows STRIDE further until there are
// no more. A warp reads its part of a row in chunks of 32 times eight weights, BATCH chunks at once, and has two such
// batches on their way: while it multiplies the one the other arrives. The first two are asked for in begin(), before
// what the row is multiplied by is there, because no kernel writes weights.
//
// Sums are those of matvec.cu, bit by bit: a lane adds its eights in rising order, then the lanes of a warp, then the
// segments of a row in the order of their numbers.
#pragma once
#include "common.cuh"
#include "dependent.cuh"

using Weight = Storage<WEIGHT_DTYPE>;
using Activation = Storage<ACT_DTYPE>;

static_assert(IN_FEATURES % 8 == 0, "rows are whole eights");
static_assert(WARPS % SPLITS == 0, "every row has all of its warps in one block");

// Elements that a warp reads at once.
constexpr u32 CHUNK = 8 * 32;
constexpr u32 CHUNKS = (IN_FEATURES + CHUNK - 1) / CHUNK;
// Chunks of a segment: the part of a row that is one warp's.
constexpr u32 SEGMENT = (CHUNKS + SPLITS - 1) / SPLITS;
static_assert((SPLITS - 1) * SEGMENT < CHUNKS, "no segment is empty");
constexpr u32 BATCHES = (SEGMENT + BATCH - 1) / BATCH;
constexpr u32 ROWS_AT_ONCE = WARPS / SPLITS;
constexpr u32 STRIDE = BLOCKS * ROWS_AT_ONCE;

// Eight consecutive elements as they lie in memory.
template <int DTYPE>
struct Eight {
    u32 words[2 * sizeof(typename Storage<DTYPE>::Element)];

    __device__ __forceinline__ void clear() {
        for (u32 i = 0; i < sizeof(words) / 4; ++i) words[i] = 0;
    }
    __device__ __forceinline__ float at(u32 j) const {
        if constexpr (sizeof(words) == 32) {
            return __uint_as_float(words[j]);
        } else if constexpr (sizeof(words) == 16) {
            return Storage<DTYPE>::load((u16)(words[j / 2] >> (16 * (j % 2))));
        } else {
            return Storage<DTYPE>::load((u8)(words[j / 4] >> (8 * (j % 4))));
        }
    }
};

// Eight weights. They are read once, so that they leave the L1 cache to what is read again. Volatile, so that the loads
// before wait_for_predecessor() stay before it.
static __device__ __forceinline__ void load_weights(Eight<WEIGHT_DTYPE>& to, const Weight::Element* from) {
    const u64 address = (u64)__cvta_generic_to_global(from);
    u32* const words = to.words;
    if constexpr (sizeof(to.words) == 8) {
        asm volatile("ld.global.nc.L1::no_allocate.v2.u32 {%0, %1}, [%2];"
                     : "=r"(words[0]), "=r"(words[1])
                     : "l"(address));
    } else {
#pragma unroll
        for (u32 i = 0; i < sizeof(to.words) / 4; i += 4) {
            asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                         : "=r"(words[i]), "=r"(words[i + 1]), "=r"(words[i + 2]), "=r"(words[i + 3])
                         : "l"(address + 4 * i));
        }
    }
}

// Eight activations, of shared or global memory. `from` lies on a multiple of 16 bytes.
static __device__ __forceinline__ void load_activations(Eight<ACT_DTYPE>& to, const Activation::Element* from) {
#pragma unroll
    for (u32 i = 0; i < sizeof(to.words) / 16; ++i) {
        const uint4 bits = reinterpret_cast<const uint4*>(from)[i];
        to.words[4 * i] = bits.x;
        to.words[4 * i + 1] = bits.y;
        to.words[4 * i + 2] = bits.z;
        to.words[4 * i + 3] = bits.w;
    }
}

template <bool FIRST, class A, class B>
struct Either {
    using Type = A;
};
template <class A, class B>
struct Either<false, A, B> {
    using Type = B;
};

// A batch of what is multiplied, as it is stored: half the registers of numbers, where every batch reads its own.
struct Stored {
    Eight<ACT_DTYPE> chunks[BATCH];

    __device__ __forceinline__ void set(u32 chunk, const Eight<ACT_DTYPE>& to) { chunks[chunk] = to; }
    __device__ __forceinline__ float at(u32 chunk, u32 j) const { return chunks[chunk].at(j); }
};

// The same as numbers.
struct Numbers {
    float chunks[BATCH][8];

    __device__ __forceinline__ void set(u32 chunk, const Eight<ACT_DTYPE>& to) {
#pragma unroll
        for (u32 j = 0; j < 8; ++j) chunks[chunk][j] = to.at(j);
    }
    __device__ __forceinline__ float at(u32 chunk, u32 j) const { return chunks[chunk][j]; }
};

// What is multiplied lies in shared memory where it fits, because every row reads it again. 40 KiB leave room for the rest.
constexpr u32 PIECES = IN_FEATURES * sizeof(Activation::Element) / 16;
constexpr bool STAGED = 16 * PIECES <= 40 * 1024;
// Elements of the place for it.
constexpr u32 STAGE = STAGED ? IN_FEATURES : 8;

// `x [IN_FEATURES]`, put by in `stage` for the whole block. It lies on a multiple of 16 bytes. Several pieces of a thread
// are on their way together, after one latency.
static __device__ __forceinline__ const Activation::Element* staged(Activation::Element* stage,
                                                                    const Activation::Element* x) {
    if constexpr (!STAGED) return x;
    constexpr u32 THREADS = 32 * WARPS;
    constexpr u32 EACH = (PIECES + THREADS - 1) / THREADS;
    constexpr u32 TOGETHER = EACH < 8 ? EACH : 8;
    const uint4* const from = reinterpret_cast<const uint4*>(x);
    uint4* const to = reinterpret_cast<uint4*>(stage);
    for (u32 first = threadIdx.x; first < PIECES; first += TOGETHER * THREADS) {
        uint4 taken[TOGETHER];
#pragma unroll
        for (u32 j = 0; j < TOGETHER; ++j) {
            if (first + j * THREADS < PIECES) taken[j] = from[first + j * THREADS];
        }
#pragma unroll
        for (u32 j = 0; j < TOGETHER; ++j) {
            if (first + j * THREADS < PIECES) to[first + j * THREADS] = taken[j];
        }
    }
    __syncthreads();
    return stage;
}

// The rows of this block, each the product of MATRICES rows of weights with the same vector. A `Task` says
//   const Weight::Element* row(u32 row, u32 matrix): where they are,
//   float early(u32 row): something of a row that is read before its sum is there, one row ahead,
//   EARLY_IS_WEIGHT: whether that may be read before the predecessor has ended,
//   void finish(u32 row, const float (&sum)[MATRICES], float early): what is stored; one lane calls it.
template <u32 ROWS, u32 MATRICES, class Task>
class Stream {
    // Where a row is one short batch, a lane multiplies the same elements by every row: it keeps them, if rows are many.
    static constexpr bool KEPT = BATCHES == 1 && BATCH <= 4 && ROWS > 4 * STRIDE;
    using Factors = typename Either<KEPT, Numbers, Stored>::Type;

    const Task& task;
    const u32 lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const u32 group = warp / SPLITS, segment = warp % SPLITS;
    // Elements of a row from here on are another warp's, or none.
    const u32 end = min((segment + 1) * SEGMENT * CHUNK, (u32)IN_FEATURES);
    // What is multiplied, and what is asked for.
    u32 row = blockIdx.x * ROWS_AT_ONCE + group, batch = 0;
    u32 far_row = row, far_batch = 0;
    Eight<WEIGHT_DTYPE> now[MATRICES][BATCH], next[MATRICES][BATCH];
    float early = 0.0f;
    bool all_asked = false;

    __device__ __forceinline__ u32 element(u32 in_batch, u32 chunk) const {
        return (segment * SEGMENT + in_batch * BATCH + chunk) * CHUNK + 8 * lane;
    }

    __device__ __forceinline__ void ask(Eight<WEIGHT_DTYPE> (&to)[MATRICES][BATCH]) {
        const bool row_there = far_row < ROWS;
        const Weight::Element* from[MATRICES];
#pragma unroll
        for (u32 m = 0; m < MATRICES; ++m) from[m] = task.row(row_there ? far_row : 0, m);
#pragma unroll
        for (u32 chunk = 0; chunk < BATCH; ++chunk) {
            const u32 i = element(far_batch, chunk);
#pragma unroll
            for (u32 m = 0; m < MATRICES; ++m) {
                if (row_there && i < end) {
                    load_weights(to[m][chunk], from[m] + i);
                } else {
                    to[m][chunk].clear();
                }
            }
        }
        if (++far_batch == BATCHES) {
            far_batch = 0;
            far_row += STRIDE;
        }
    }

    __device__ __forceinline__ void bring(Factors& to, const Activation::Element* x) const {
#pragma unroll
        for (u32 chunk = 0; chunk < BATCH; ++chunk) {
            Eight<ACT_DTYPE> of;
            const u32 i = element(batch, chunk);
            if (i < end) {
                load_activations(of, x + i);
            } else {
                of.clear();
            }
            to.set(chunk, of);
        }
    }

    // The successor may start when the last weights are asked for: earlier, its first weights would only compete with these.
    __device__ __forceinline__ void let_successor_start_in_time() {
        if (!all_asked && far_row >= ROWS) {
            all_asked = true;
            let_successor_start();
        }
    }

    __device__ __forceinline__ void read_early() {
        if (row < ROWS) early = task.early(row);
    }

public:
    __device__ __forceinline__ explicit Stream(const Task& of) : task(of) {}

    // Asks for the first weights. Reads nothing that another kernel writes.
    __device__ __forceinline__ void begin() {
        ask(now);
        ask(next);
        if (Task::EARLY_IS_WEIGHT) read_early();
        let_successor_start_in_time();
    }

    // Multiplies every row by `x [IN_FEATURES]`, which lies on a multiple of 16 bytes.
    __device__ __forceinline__ void run(const Activation::Element* x) {
        if (!Task::EARLY_IS_WEIGHT) read_early();
        u32 turn = 0;
        float sum[MATRICES] = {};
        // The same for all warps of a block, which meet at the barriers of split rows.
        Factors v;
        if constexpr (KEPT) bring(v, x);
        while (row - group < ROWS) {
            if constexpr (!KEPT) bring(v, x);
#pragma unroll
            for (u32 chunk = 0; chunk < BATCH; ++chunk) {
                if (element(batch, chunk) >= end) continue;
#pragma unroll
                for (u32 j = 0; j < 8; ++j) {
#pragma unroll
                    for (u32 m = 0; m < MATRICES; ++m) {
                        sum[m] = fmaf(now[m][chunk].at(j), v.at(chunk, j), sum[m]);
                    }
                }
            }
#pragma unroll
            for (u32 m = 0; m < MATRICES; ++m) {
#pragma unroll
                for (u32 chunk = 0; chunk < BATCH; ++chunk) now[m][chunk] = next[m][chunk];
            }
            ask(next);
            let_successor_start_in_time();
            if (++batch == BATCHES) {
                batch = 0;
                whole(sum, turn);
                turn ^= 1;
                if (lane == 0 && segment == 0 && row < ROWS) task.finish(row, sum, early);
                row += STRIDE;
                read_early();
#pragma unroll
                for (u32 m = 0; m < MATRICES; ++m) sum[m] = 0.0f;
            }
        }
    }

private:
    // The sums of the lanes, and of the segments, in the warp of the first segment. Turns alternate, so that one barrier
    // is enough: a partial sum is overwritten after the barrier of the row between.
    __device__ __forceinline__ void whole(float (&sum)[MATRICES], u32 turn) {
#pragma unroll
        for (u32 m = 0; m < MATRICES; ++m) sum[m] = warp_sum(sum[m]);
        if constexpr (SPLITS > 1) {
            __shared__ float partial[2][MATRICES][WARPS];
            if (lane == 0) {
                for (u32 m = 0; m < MATRICES; ++m) partial[turn][m][warp] = sum[m];
            }
            __syncthreads();
            if (segment == 0) {
                for (u32 m = 0; m < MATRICES; ++m) {
                    for (u32 other = 1; other < SPLITS; ++other) sum[m] += partial[turn][m][warp + other];
                }
            }
        }
    }
};
