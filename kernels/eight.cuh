// Eight consecutive weights as they lie in memory, asked for before they are needed.
#pragma once
#include "common.cuh"

template <int DTYPE>
struct EightWeights {
    static constexpr u32 WORDS = 2 * sizeof(typename Storage<DTYPE>::Element);
    u32 words[WORDS];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (u32 i = 0; i < WORDS; ++i) words[i] = 0;
    }

    // They are read once: the L1 cache is for what is read again. Volatile, so that loads before wait_for_predecessor() stay
    // before it. `from` lies on a multiple of eight elements.
    __device__ __forceinline__ void ask(const typename Storage<DTYPE>::Element* from) {
        const u64 address = (u64)__cvta_generic_to_global(from);
        if constexpr (WORDS == 2) {
            asm volatile("ld.global.nc.L1::no_allocate.v2.u32 {%0, %1}, [%2];"
                         : "=r"(words[0]), "=r"(words[1])
                         : "l"(address));
        } else {
#pragma unroll
            for (u32 i = 0; i < WORDS; i += 4) {
                asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                             : "=r"(words[i]), "=r"(words[i + 1]), "=r"(words[i + 2]), "=r"(words[i + 3])
                             : "l"(address + 4 * i));
            }
        }
    }

    __device__ __forceinline__ float at(u32 j) const {
        if constexpr (WORDS == 8) {
            return __uint_as_float(words[j]);
        } else if constexpr (WORDS == 4) {
            return Storage<DTYPE>::load((u16)(words[j / 2] >> (16 * (j % 2))));
        } else {
            return Storage<DTYPE>::load((u8)(words[j / 4] >> (8 * (j % 4))));
        }
    }
};
