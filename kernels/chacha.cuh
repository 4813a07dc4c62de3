// ChaCha with 8 rounds as a source of random numbers (Bernstein, "ChaCha, a variant of Salsa20", 2008), with a counter of
// 64 bits and a nonce of zero: the stream of rand_chacha's ChaCha8Rng.
#pragma once

static __device__ __forceinline__ u32 rotated(u32 x, u32 by) { return (x << by) | (x >> (32 - by)); }

static __device__ __forceinline__ void quarter_round(u32& a, u32& b, u32& c, u32& d) {
    a += b;
    d = rotated(d ^ a, 16);
    c += d;
    b = rotated(b ^ c, 12);
    a += b;
    d = rotated(d ^ a, 8);
    c += d;
    b = rotated(b ^ c, 7);
}

// The 64-bit number `draw` of the stream of a key of eight words. A block of the stream has eight of them.
static __device__ __forceinline__ u64 chacha8(const i32* key, u64 draw) {
    u32 start[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u};
#pragma unroll
    for (u32 i = 0; i < 8; ++i) start[4 + i] = key[i];
    start[12] = (u32)(draw / 8);
    start[13] = (u32)(draw / 8 >> 32);
    start[14] = 0;
    start[15] = 0;
    u32 x[16];
#pragma unroll
    for (u32 i = 0; i < 16; ++i) x[i] = start[i];
#pragma unroll 1
    for (u32 twice = 0; twice < 4; ++twice) {
#pragma unroll
        for (u32 i = 0; i < 4; ++i) quarter_round(x[i], x[4 + i], x[8 + i], x[12 + i]);
#pragma unroll
        for (u32 i = 0; i < 4; ++i) quarter_round(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
    }
    // A register has no number at run time.
    u64 number = 0;
#pragma unroll
    for (u32 i = 0; i < 8; ++i) {
        const u64 both = (u64)(x[2 * i] + start[2 * i]) | (u64)(x[2 * i + 1] + start[2 * i + 1]) << 32;
        number = draw % 8 == i ? both : number;
    }
    return number;
}
