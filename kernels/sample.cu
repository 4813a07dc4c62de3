// A token of each row, drawn from its logits: temperature, then top_k, then top_p, then one uniform number.
//
// Tokens stand in a line, the largest logit first and the lowest index first among equals. Each has a weight,
// e^((x - largest) / temperature) as a whole number of units of 2^-40, so that sums are exact: neither the number of
// threads nor the order in which they add plays a part. top_k, top_p and the draw ask the same of the line: at which token
// does a count, or a sum of weights, go beyond a number? The answer is found from the distances of the logits from the
// largest, which are whole numbers too (of f32 bits), ten bits at a time: with a histogram of all tokens first, then with
// one of those whose upper bits are right. What is drawn is what engine/src/sampler.rs draws from the same random number.
#include "common.cuh"
#include "chacha.cuh"
#include "dependent.cuh"

using Activation = Storage<ACT_DTYPE>;

// One for each thread.
constexpr u32 BINS = 1024;
static_assert(THREADS == BINS, "each thread has a bin");
constexpr u32 WARPS = THREADS / 32;
static_assert(FEATURES < 1 << 23, "the weights of a row are added in 64 bits");
// Elements that are loaded at once: rows of other lengths do not begin where eight may be loaded.
constexpr u32 AT_ONCE = FEATURES % 8 == 0 ? 8 : 1;
// Two logits that are stored in 16 bits and differ do so by 2^13 or nearly: the upper twenty bits tell them apart.
constexpr u32 LEVELS = sizeof(Activation::Element) == 4 ? 4 : 2;
static __device__ __forceinline__ u32 shift_of(u32 level) { return level < 3 ? 22 - 10 * level : 0; }

// What says how a row's token is drawn, in words.
constexpr u32 WORDS = 13;
constexpr u32 TEMPERATURE = 8;  // f32, 0 for the largest logit
constexpr u32 TOP_K = 9;        // 0 for all
constexpr u32 TOP_P = 10;       // f32, 1 for all
constexpr u32 FIRST_DRAW = 11;  // two words, the lower one first: the number of the draw at position 0

// Some tokens of the line. Without padding: it would be copied, and nobody writes it.
struct Tokens {
    u64 weight;
    u64 count;
};

// Tokens whose distances have the same upper bits, and those in front of them.
struct Place {
    u64 upper;
    u64 shift;
    Tokens here;
    Tokens before;
};

struct Shared {
    u64 coarse_weight[BINS];
    u64 fine_weight[BINS];
    u32 coarse_count[BINS];
    u32 fine_count[BINS];
    Tokens of_warps[WARPS];
    Tokens all;
    Place place;
    float largest[WARPS];
    u32 magnitude[WARPS];
};

// Eight elements, or one.
template <u32 COUNT>
static __device__ __forceinline__ void load_some(float (&to)[COUNT], const Activation::Element* from) {
    if constexpr (COUNT == 8) {
        load_eight<ACT_DTYPE>(to, from);
    } else {
        to[0] = Activation::load(*from);
    }
}

// One row.
struct Row {
    const Activation::Element* x;
    float largest;
    float temperature;

    // Zeros of both signs are equal.
    static __device__ __forceinline__ u32 ordered(float x) {
        const u32 bits = __float_as_uint(x + 0.0f);
        return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    }
    __device__ __forceinline__ u32 distance(float x) const { return ordered(largest) - ordered(x); }
    __device__ __forceinline__ u64 weight(float x) const {
        return __float2ull_rn(expf((x - largest) / temperature) * 1099511627776.0f);
    }
    // Calls `with` for every element.
    template <class With>
    __device__ __forceinline__ void each(With with) const {
#pragma unroll 1
        for (u32 i = threadIdx.x * AT_ONCE; i < FEATURES; i += THREADS * AT_ONCE) {
            float values[AT_ONCE];
            load_some(values, x + i);
#pragma unroll
            for (u32 j = 0; j < AT_ONCE; ++j) with(values[j]);
        }
    }
    // Which of the elements that are loaded at once from `i` on have these upper bits, a bit each.
    __device__ __forceinline__ u32 with_upper(u32 i, u32 upper, u32 shift) const {
        float values[AT_ONCE];
        load_some(values, x + i);
        u32 found = 0;
#pragma unroll
        for (u32 j = 0; j < AT_ONCE; ++j) found |= (u32)(distance(values[j]) >> shift == upper) << j;
        return found;
    }
};

// What the threads before this one have together. `shared.all` has the sum over all of them then.
static __device__ __forceinline__ Tokens sum_before(Tokens own, Shared& shared) {
    const u32 lane = threadIdx.x % 32;
    const u32 warp = threadIdx.x / 32;
    Tokens sum = own;
#pragma unroll
    for (u32 offset = 1; offset < 32; offset <<= 1) {
        const u64 weight = __shfl_up_sync(0xffffffffu, sum.weight, offset);
        const u64 count = __shfl_up_sync(0xffffffffu, sum.count, offset);
        if (lane >= offset) sum = {sum.weight + weight, sum.count + count};
    }
    // Everybody has read what was there before.
    __syncthreads();
    if (lane == 31) shared.of_warps[warp] = sum;
    __syncthreads();
    Tokens before = {sum.weight - own.weight, sum.count - own.count};
    for (u32 other = 0; other < warp; ++other) {
        before.weight += shared.of_warps[other].weight;
        before.count += shared.of_warps[other].count;
    }
    if (threadIdx.x == THREADS - 1) shared.all = {before.weight + own.weight, before.count + own.count};
    __syncthreads();
    return before;
}

// Which bin holds what lies behind `target` tokens, or behind so much weight. There is one.
template <bool COUNTED>
static __device__ __forceinline__ Place bin_behind(u64 target, const u64* weights, const u32* counts, Shared& shared) {
    const Tokens own = {weights[threadIdx.x], counts[threadIdx.x]};
    const Tokens before = sum_before(own, shared);
    const u64 from = COUNTED ? before.count : before.weight;
    if (target >= from && target - from < (COUNTED ? own.count : own.weight)) {
        shared.place = {threadIdx.x, 0, own, before};
    }
    __syncthreads();
    return shared.place;
}

// The tokens of one logit among which the one is that lies behind `target` tokens, or behind so much weight.
template <bool COUNTED>
static __device__ __noinline__ Place place_behind(u64 target, Row row, Shared& shared) {
    Place bin = bin_behind<COUNTED>(target, shared.coarse_weight, shared.coarse_count, shared);
    u32 upper = (u32)bin.upper;
    u32 shift = shift_of(0);
    Tokens before = bin.before;
#pragma unroll 1
    for (u32 level = 1; level < LEVELS && bin.here.count > 1; ++level) {
        const u32 next = shift_of(level);
        const u32 bits = shift - next;
        shared.fine_weight[threadIdx.x] = 0;
        shared.fine_count[threadIdx.x] = 0;
        __syncthreads();
#pragma unroll 1
        for (u32 i = threadIdx.x * AT_ONCE; i < FEATURES; i += THREADS * AT_ONCE) {
            // Hardly ever any.
            u32 found = row.with_upper(i, upper, shift);
#pragma unroll 1
            for (; found != 0; found &= found - 1) {
                const float x = Activation::load(row.x[i + __ffs(found) - 1]);
                const u32 at = row.distance(x) >> next & ((1u << bits) - 1);
                atomicAdd(&shared.fine_weight[at], row.weight(x));
                atomicAdd(&shared.fine_count[at], 1u);
            }
        }
        __syncthreads();
        bin = bin_behind<COUNTED>(target - (COUNTED ? before.count : before.weight), shared.fine_weight,
                                  shared.fine_count, shared);
        upper = upper << bits | (u32)bin.upper;
        shift = next;
        before.weight += bin.before.weight;
        before.count += bin.before.count;
    }
    return {upper, shift, bin.here, before};
}

// Which of the tokens of one logit lies behind so much weight. All of them weigh the same.
static __device__ __forceinline__ u64 rank_behind(u64 target, const Place& place) {
    return (target - place.before.weight) / (place.here.weight / place.here.count);
}

// logits [rows, FEATURES], sampling [rows, WORDS], positions [rows]; next [rows]: -1 where a logit is not finite.
extern "C" __global__ void __launch_bounds__(THREADS)
    sample(i32* next, const Activation::Element* logits, const i32* sampling, const i32* positions, u32 rows) {
    __shared__ Shared shared;

    wait_for_predecessor();
    let_successor_start();

    const u32 at = blockIdx.x;
    if (at >= rows) return;
    const i32* const words = sampling + (u64)at * WORDS;
    Row row = {logits + (u64)at * FEATURES, NEGATIVE_INFINITY, __int_as_float(words[TEMPERATURE])};

    u32 magnitude = 0;
    float largest = NEGATIVE_INFINITY;
    row.each([&](float x) {
        largest = fmaxf(largest, x);
        magnitude = max(magnitude, __float_as_uint(x) & 0x7fffffffu);
    });
    largest = warp_max(largest);
    for (int offset = 16; offset > 0; offset >>= 1) {
        magnitude = max(magnitude, __shfl_xor_sync(0xffffffffu, magnitude, offset));
    }
    if (threadIdx.x % 32 == 0) {
        shared.largest[threadIdx.x / 32] = largest;
        shared.magnitude[threadIdx.x / 32] = magnitude;
    }
    shared.coarse_weight[threadIdx.x] = 0;
    shared.coarse_count[threadIdx.x] = 0;
    __syncthreads();
    for (u32 warp = 0; warp < WARPS; ++warp) {
        largest = fmaxf(largest, shared.largest[warp]);
        magnitude = max(magnitude, shared.magnitude[warp]);
    }
    if (magnitude >= 0x7f800000u) {
        if (threadIdx.x == 0) next[at] = -1;
        return;
    }
    row.largest = largest;

    // The tokens of the largest logit, and the first of them.
    Place place = {};
    u64 rank = 0;
    if (row.temperature != 0.0f) {
        row.each([&](float x) {
            const u32 bin = row.distance(x) >> shift_of(0);
            atomicAdd(&shared.coarse_weight[bin], row.weight(x));
            atomicAdd(&shared.coarse_count[bin], 1u);
        });
        __syncthreads();
        const u32 top_k = words[TOP_K];
        u64 kept;
        if (top_k != 0 && top_k < FEATURES) {
            place = place_behind<true>(top_k - 1, row, shared);
            kept = place.before.weight + place.here.weight;
        } else {
            sum_before({shared.coarse_weight[threadIdx.x], 0}, shared);
            kept = shared.all.weight;
        }
        const float top_p = __int_as_float(words[TOP_P]);
        if (top_p < 1.0f) {
            const u64 enough = __umul64hi(kept, __float2ull_rz(top_p * 18446744073709551616.0f));
            place = place_behind<false>(enough, row, shared);
            const u64 each = place.here.weight / place.here.count;
            kept = place.before.weight + (rank_behind(enough, place) + 1) * each;
        }
        const u64 first = (u64)(u32)words[FIRST_DRAW] | (u64)(u32)words[FIRST_DRAW + 1] << 32;
        const u64 random = chacha8(words, first + (u64)(u32)positions[at]);
        // 53 random bits, as a share of what is kept.
        const u64 target = __umul64hi(kept, random & ~0x7ffull);
        place = place_behind<false>(target, row, shared);
        rank = rank_behind(target, place);
    }

    // Elements with these upper bits, in their order.
    u64 passed = 0;
#pragma unroll 1
    for (u32 start = 0; passed <= rank && start < FEATURES; start += THREADS * AT_ONCE) {
        const u32 i = start + threadIdx.x * AT_ONCE;
        u32 found = i < FEATURES ? row.with_upper(i, (u32)place.upper, (u32)place.shift) : 0;
        const u64 before = passed + sum_before({0, (u64)__popc(found)}, shared).count;
        if (before <= rank && rank - before < (u64)__popc(found)) {
            for (u64 left = rank - before; left > 0; --left) found &= found - 1;
            next[at] = i + __ffs(found) - 1;
        }
        passed += shared.all.count;
    }
}
