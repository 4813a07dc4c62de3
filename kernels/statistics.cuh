// The statistics of some elements, by one block: for one stage, and for a row of each stage.
#pragma once
#include "common.cuh"

// The sum over the lanes of a warp, in every lane.
static __device__ double lanes_sum(double x) {
    for (int offset = 16; offset > 0; offset >>= 1) x += __shfl_xor_sync(0xffffffffu, x, offset);
    return x;
}

static __device__ double lanes_min(double x) {
    for (int offset = 16; offset > 0; offset >>= 1) x = fmin(x, __shfl_xor_sync(0xffffffffu, x, offset));
    return x;
}

static __device__ double lanes_max(double x) {
    for (int offset = 16; offset > 0; offset >>= 1) x = fmax(x, __shfl_xor_sync(0xffffffffu, x, offset));
    return x;
}

static __device__ bool is_finite(float x) { return (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u; }

// Calls `with` with every STRIDE-th of `count` elements, from the thread's own on, in their order. AT_ONCE of them are
// loaded before the first is looked at: the order is the same whatever it is.
template <int DTYPE, u32 STRIDE, u32 AT_ONCE, typename With>
static __device__ __forceinline__ void each_of_thread(const typename Storage<DTYPE>::Element* x, u32 count, With with) {
    // In 64 bits: the step past the last element may not fit in 32.
    u64 i = threadIdx.x;
    if constexpr (AT_ONCE > 1) {
#pragma unroll 1
        for (; i + (AT_ONCE - 1) * STRIDE < count; i += AT_ONCE * STRIDE) {
            float loaded[AT_ONCE];
#pragma unroll
            for (u32 j = 0; j < AT_ONCE; ++j) loaded[j] = Storage<DTYPE>::load(x[i + j * STRIDE]);
#pragma unroll
            for (u32 j = 0; j < AT_ONCE; ++j) with(loaded[j]);
        }
    }
#pragma unroll 1
    for (; i < count; i += STRIDE) with(Storage<DTYPE>::load(x[i]));
}

// x [count], out [8]: how many elements are finite, their sum, the sum of their squares, the smallest, the largest, how
// many elements are NaN, how many are infinite, and the sum of squared distances of the finite ones from their mean.
// Without a finite element the smallest is infinity and the largest is -infinity. One block of BLOCK threads, whole warps.
// Sums are in f64 and in a fixed order: each thread every BLOCK-th element, then the lanes of each warp, then the warps.
template <int DTYPE, u32 BLOCK, u32 AT_ONCE>
static __device__ __forceinline__ void statistics(double* out, const typename Storage<DTYPE>::Element* x, u32 count) {
    // Of each warp: the first seven results, then the eighth.
    __shared__ double partial[8][BLOCK / 32];
    u32 lane = threadIdx.x % 32;
    u32 warp = threadIdx.x / 32;
    constexpr u32 warps = BLOCK / 32;
    double finite = 0.0, sum = 0.0, squares = 0.0, nans = 0.0, infinities = 0.0;
    double smallest = (double)__uint_as_float(0x7f800000u);
    double largest = -smallest;
    each_of_thread<DTYPE, BLOCK, AT_ONCE>(x, count, [&](float narrow) {
        double value = (double)narrow;
        if (is_finite(narrow)) {
            finite += 1.0;
            sum += value;
            squares = fma(value, value, squares);
            smallest = fmin(smallest, value);
            largest = fmax(largest, value);
        } else if (narrow != narrow) {
            nans += 1.0;
        } else {
            infinities += 1.0;
        }
    });
    finite = lanes_sum(finite);
    sum = lanes_sum(sum);
    squares = lanes_sum(squares);
    smallest = lanes_min(smallest);
    largest = lanes_max(largest);
    nans = lanes_sum(nans);
    infinities = lanes_sum(infinities);
    if (lane == 0) {
        partial[0][warp] = finite;
        partial[1][warp] = sum;
        partial[2][warp] = squares;
        partial[3][warp] = smallest;
        partial[4][warp] = largest;
        partial[5][warp] = nans;
        partial[6][warp] = infinities;
    }
    __syncthreads();
    // Every thread adds the warps up, and has the mean without another barrier.
    finite = sum = squares = nans = infinities = 0.0;
#pragma unroll 4
    for (u32 i = 0; i < warps; ++i) {
        finite += partial[0][i];
        sum += partial[1][i];
        squares += partial[2][i];
        smallest = fmin(smallest, partial[3][i]);
        largest = fmax(largest, partial[4][i]);
        nans += partial[5][i];
        infinities += partial[6][i];
    }
    double mean = finite > 0.0 ? sum / finite : 0.0;
    double distances = 0.0;
    each_of_thread<DTYPE, BLOCK, AT_ONCE>(x, count, [&](float narrow) {
        double distance = (double)narrow - mean;
        if (is_finite(narrow)) distances = fma(distance, distance, distances);
    });
    distances = lanes_sum(distances);
    if (lane == 0) partial[7][warp] = distances;
    __syncthreads();
    if (threadIdx.x == 0) {
        distances = 0.0;
        for (u32 i = 0; i < warps; ++i) distances += partial[7][i];
        out[0] = finite;
        out[1] = sum;
        out[2] = squares;
        out[3] = smallest;
        out[4] = largest;
        out[5] = nans;
        out[6] = infinities;
        out[7] = distances;
    }
}
