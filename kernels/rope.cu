// Rotary position embedding, with every scaling.
#include "common.cuh"

#define HALF (HEAD_DIM / 2)

// Radians per position of a pair: theta^(-2 pair / head_dim), rescaled as SCALING says: 0 not at all, 1 linear, 2 as
// Llama 3.1 does.
static __device__ double frequency(u32 pair) {
    double plain = exp2(-(2.0 * pair / HEAD_DIM) * log2((double)THETA));
#if SCALING == 0
    return plain;
#elif SCALING == 1
    return plain / FACTOR;
#elif SCALING == 2
    double wavelength = 6.283185307179586476925 / plain;
    if (wavelength < ORIGINAL_MAX_POSITION_EMBEDDINGS / HIGH_FREQ_FACTOR) return plain;
    if (wavelength > ORIGINAL_MAX_POSITION_EMBEDDINGS / LOW_FREQ_FACTOR) return plain / FACTOR;
    double smooth = ORIGINAL_MAX_POSITION_EMBEDDINGS / wavelength - LOW_FREQ_FACTOR;
    smooth /= HIGH_FREQ_FACTOR - LOW_FREQ_FACTOR;
    return (1.0 - smooth) * plain / FACTOR + smooth * plain;
#else
#error "SCALING is 0, 1 or 2"
#endif
}

// out, x [tokens, NUM_HEADS * HEAD_DIM], positions [tokens]. One block a token. Feature i of a head is paired with
// feature i + HEAD_DIM / 2.
extern "C" __global__ void rope(Storage<ACT_DTYPE>::Element* __restrict__ out,
                                const Storage<ACT_DTYPE>::Element* __restrict__ x,
                                const i32* __restrict__ positions, u32 tokens) {
    using Act = Storage<ACT_DTYPE>;
    // Every head turns by the same angles, so they are taken once a token.
    __shared__ float sines[HALF];
    __shared__ float cosines[HALF];
    u32 token = blockIdx.x;
    if (token >= tokens) return;
    double position = (double)positions[token];
    for (u32 pair = threadIdx.x; pair < HALF; pair += blockDim.x) {
        // In turns, of which whole ones are dropped while there are digits to spare: at position 100,000 an f32 angle
        // has lost its fraction.
        double turns = position * frequency(pair) * 0.15915494309189533576888;
        turns -= rint(turns);
        sincospif((float)(2.0 * turns), &sines[pair], &cosines[pair]);
    }
    __syncthreads();
    u64 start = (u64)token * (NUM_HEADS * HEAD_DIM);
    for (u32 i = threadIdx.x; i < NUM_HEADS * HALF; i += blockDim.x) {
        u32 pair = i % HALF;
        u64 low = start + i / HALF * HEAD_DIM + pair;
        u64 high = low + HALF;
        float a = Act::load(x[low]);
        float b = Act::load(x[high]);
        out[low] = Act::store(fmaf(a, cosines[pair], -(b * sines[pair])));
        out[high] = Act::store(fmaf(b, cosines[pair], a * sines[pair]));
    }
}
