// Rows of the embedding table.
#include "common.cuh"
#include "dependent.cuh"

// out [tokens, FEATURES], table [vocab_size, FEATURES], input_ids [tokens], each from 0 up to vocab_size - 1. One block
// a token.
extern "C" __global__ void embedding(Storage<ACT_DTYPE>::Element* out,
                                     const Storage<TABLE_DTYPE>::Element* __restrict__ table,
                                     const i32* input_ids, u32 tokens) {
    // A kernel may have chosen the tokens.
    wait_for_predecessor();
    let_successor_start();
    u32 token = blockIdx.x;
    if (token >= tokens) return;
    u64 from = (u64)(u32)input_ids[token] * FEATURES;
    u64 to = (u64)token * FEATURES;
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        out[to + i] = convert<TABLE_DTYPE, ACT_DTYPE>(table[from + i]);
    }
}
