// The rotary part of latent attention: of the queries of every head, and of the key that all heads share.
//
// What is no rotary part of a query is passed on, times the scale of its position; so is what was turned.
#include "common.cuh"
#include "dependent.cuh"

using Act = Storage<ACT_DTYPE>;

constexpr u32 HALF = QK_ROPE_HEAD_DIM / 2;
constexpr u32 QK_HEAD_DIM = QK_NOPE_HEAD_DIM + QK_ROPE_HEAD_DIM;
constexpr double TURN = 6.283185307179586476925;

#if SCALING == 3
// The pair that turns so many times within the original context: dimensions are what the range is counted in (Peng et al.,
// "YaRN", arXiv 2309.00071, section 3.2).
static __device__ double correction_pair(double turns) {
    return QK_ROPE_HEAD_DIM * log(ORIGINAL_MAX_POSITION_EMBEDDINGS / (turns * TURN)) / (2.0 * log((double)THETA));
}
#endif

// Radians per position of a pair: theta^(-2 pair / qk_rope_head_dim), rescaled as SCALING says: 0 not at all, 3 as YaRN does.
static __device__ double frequency(u32 pair) {
    const double plain = exp2(-(2.0 * pair / QK_ROPE_HEAD_DIM) * log2((double)THETA));
#if SCALING == 0
    return plain;
#elif SCALING == 3
    double low = correction_pair(BETA_FAST), high = correction_pair(BETA_SLOW);
    if (TRUNCATE) low = floor(low), high = ceil(high);
    low = fmax(low, 0.0);
    high = fmin(high, QK_ROPE_HEAD_DIM - 1.0);
    // A range without any width is given some.
    if (low == high) high += 0.001;
    const double ramp = fmin(fmax((pair - low) / (high - low), 0.0), 1.0);
    return plain / FACTOR * ramp + plain * (1.0 - ramp);
#else
#error "SCALING is 0 or 3"
#endif
}

// What a query is multiplied by: 1 + beta ln(1 + floor(position / original)), and nothing where BETA is 0.
static __device__ __forceinline__ float query_scale(u32 position) {
    if (QUERY_SCALING_BETA == 0.0) return 1.0f;
    const u32 contexts = position / (u32)QUERY_SCALING_ORIGINAL;
    return 1.0f + (float)(QUERY_SCALING_BETA) * logf(1.0f + (float)contexts);
}

// out, q [tokens, NUM_ATTENTION_HEADS, QK_NOPE_HEAD_DIM + QK_ROPE_HEAD_DIM], k_pe [tokens, QK_ROPE_HEAD_DIM], kv_a [tokens,
// KV_LORA_RANK + QK_ROPE_HEAD_DIM], positions [tokens]. One block a token. A pair lies side by side with INTERLEAVED, else half
// a rotary part apart, and stays where it was.
extern "C" __global__ void mla_rope(Act::Element* __restrict__ out, Act::Element* __restrict__ k_pe,
                                    const Act::Element* __restrict__ q, const Act::Element* __restrict__ kv_a,
                                    const i32* __restrict__ positions, u32 tokens) {
    __shared__ float sines[HALF];
    __shared__ float cosines[HALF];
    let_successor_start();
    const u32 token = blockIdx.x;
    const u32 position = token < tokens ? (u32)positions[token] : 0;
    for (u32 pair = threadIdx.x; pair < HALF; pair += blockDim.x) {
        // In turns, of which whole ones are dropped while there are digits to spare.
        double turns = (double)position * frequency(pair) / TURN;
        turns -= rint(turns);
        float sine, cosine;
        sincospif((float)(2.0 * turns), &sine, &cosine);
        sines[pair] = sine * (float)(ATTENTION_FACTOR);
        cosines[pair] = cosine * (float)(ATTENTION_FACTOR);
    }
    wait_for_predecessor();
    if (token >= tokens) return;
    __syncthreads();

    const float scale = query_scale(position);
    const u64 first_head = (u64)token * NUM_ATTENTION_HEADS;
    for (u32 i = threadIdx.x; i < NUM_ATTENTION_HEADS * QK_NOPE_HEAD_DIM; i += blockDim.x) {
        const u64 at = (first_head + i / QK_NOPE_HEAD_DIM) * QK_HEAD_DIM + i % QK_NOPE_HEAD_DIM;
        out[at] = Act::store(Act::load(q[at]) * scale);
    }
    const Act::Element* const key = kv_a + (u64)token * (KV_LORA_RANK + QK_ROPE_HEAD_DIM) + KV_LORA_RANK;
    // The last of these heads is the key.
    for (u32 i = threadIdx.x; i < (NUM_ATTENTION_HEADS + 1) * HALF; i += blockDim.x) {
        const u32 head = i / HALF, pair = i % HALF;
        const bool query = head < NUM_ATTENTION_HEADS;
        const u64 start = (first_head + head) * QK_HEAD_DIM + QK_NOPE_HEAD_DIM;
        const Act::Element* const x = query ? q + start : key;
        const u32 first = INTERLEAVED ? 2 * pair : pair;
        const u32 second = INTERLEAVED ? 2 * pair + 1 : pair + HALF;
        const float a = Act::load(x[first]);
        const float b = Act::load(x[second]);
        const float low = fmaf(a, cosines[pair], -(b * sines[pair]));
        const float high = fmaf(b, cosines[pair], a * sines[pair]);
        if (query) {
            out[start + first] = Act::store(low * scale);
            out[start + second] = Act::store(high * scale);
        } else {
            k_pe[(u64)token * QK_ROPE_HEAD_DIM + first] = Act::store(low);
            k_pe[(u64)token * QK_ROPE_HEAD_DIM + second] = Act::store(high);
        }
    }
}
