// Products of a warpgroup and copies by tensor map: instructions that compute capability 9.0 has for itself (sm_90a).
// Whoever includes this is compiled for sm_90a and for nothing else, see KernelInfo::only_for. Sections are those of
// PTX ISA 8.8.
//
// A warpgroup is four warps in a row, the first a multiple of four. `wgmma` (9.7.15) multiplies a [64, 16] by b [16, N] and
// adds it to f32 in registers. It runs by itself: b, and a where it is not in registers, are read from shared memory
// through the asynchronous proxy, and neither they nor any register of the product may be touched before
// wait_for_products() has let the thread pass.
//
// The sum [64, N]: warp w of the four has its rows 16 w.., and lane g * 4 + t of it, element 4 j + i in row
// g + 8 (i / 2), column 8 j + 2 t + i % 2. The a [64, 16] in registers: warp w has the rows 16 w.., register i of the lane
// the rows g + 8 (i % 2), columns 2 t + 8 (i / 2) and the next. So a sum is an a as it stands: of its elements 8 s.. pairs
// 0, 1, 2, 3 are what registers 0, 1, 2, 3 of columns 16 s.. hold.
//
// Matrices in shared memory lie in panels of 64 columns: rows of 128 bytes, eight of them 1024 bytes, which is the pattern
// of the 128-byte swizzle; a panel begins at a multiple of 1024. The 16 bytes c of row r lie in the place c ^ r % 8 of it,
// as the copy by tensor map puts them (5.5.7) and as the product looks for them: both take the address and exchange its bits
// 4..6 by themselves ^ bits 7..9. So an address that is some 16 bytes into a row says where to begin before the exchange.
//
// A descriptor (9.7.15.5.1.2) of 64 bits: 0..13 the address / 16; 16..29 the leading offset / 16; 32..45 the stride / 16; 49..51
// the phase of the pattern, 0 where it begins at multiples of 1024; 62..63 the swizzle, 1 for 128 bytes.
//
// - Rows of the panel are rows of a, or columns of b, and what is summed over lies along them ("K-major": queries and
//   keys): the stride leads from eight rows to the next eight, 1024 bytes; the leading offset is not used. The next 16 to
//   be summed lie 32 bytes further on; after four of those, in the next panel.
// - Rows of the panel are what is summed over, and the columns of b lie along them ("MN-major", transposed: values): the
//   stride leads from eight rows to the next eight, 1024 bytes; the leading offset from 64 columns to the next 64, which is
//   a panel. The next 16 to be summed lie 16 rows, 2048 bytes, further on.
//
// swizzled() is the same for who writes by hand. kernels/tests/simt/swizzle.rs holds these offsets to the tables of the ISA.
#pragma once

#ifndef __CUDA_ARCH_FEAT_SM90_ALL
#error "warpgroup.cuh is for sm_90a: products of a warpgroup are not in other targets"
#endif

// Columns of a panel, and bytes of one of its rows.
constexpr u32 PANEL = 64;
constexpr u32 PANEL_ROW = 2 * PANEL;

// Bytes from the beginning of a matrix of `rows` rows to its element [row, column], which begins 16 bytes.
static __device__ __forceinline__ u32 swizzled(u32 rows, u32 row, u32 column) {
    return column / PANEL * rows * PANEL_ROW + row * PANEL_ROW + ((column % PANEL / 8) ^ (row % 8)) * 16;
}

// How far from the beginning of a matrix of `rows` rows the columns 16 step.. begin, as a descriptor counts it.
static __device__ __forceinline__ u64 along_rows(u32 rows, u32 step) {
    return (step / (PANEL / 16) * rows * PANEL_ROW + step % (PANEL / 16) * 32) / 16;
}

// The same of its rows 16 step...
static __device__ __forceinline__ u64 down_rows(u32 step) { return 16 * step * PANEL_ROW / 16; }

// A matrix in panels; `leading` leads from a panel to the next, in bytes.
static __device__ __forceinline__ u64 descriptor(u32 address, u32 leading) {
    constexpr u64 STRIDE_OF_EIGHT = 8 * PANEL_ROW / 16;
    constexpr u64 SWIZZLE_128 = 1;
    return (u64)((address & 0x3ffffu) >> 4) | (u64)((leading & 0x3ffffu) >> 4) << 16 | STRIDE_OF_EIGHT << 32 | SWIZZLE_128 << 62;
}

// Comes before the first product, and before a product of registers that were written since the last.
static __device__ __forceinline__ void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

// The products since the last call are a group.
static __device__ __forceinline__ void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits until every group is computed.
static __device__ __forceinline__ void wait_for_products() {
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

// Keeps the compiler from moving uses of these registers over this place: it does not know that a product writes them later.
template <u32 COUNT>
static __device__ __forceinline__ void hold(float (&registers)[COUNT]) {
#pragma unroll
    for (u32 i = 0; i < COUNT; ++i) asm volatile("" : "+f"(registers[i])::"memory");
}
template <u32 COUNT>
static __device__ __forceinline__ void hold(u32 (&registers)[COUNT][4]) {
#pragma unroll
    for (u32 i = 0; i < COUNT; ++i) {
#pragma unroll
        for (u32 j = 0; j < 4; ++j) asm volatile("" : "+r"(registers[i][j])::"memory");
    }
}

#define EIGHT_SUMS(i)                                                                                              \
    "+f"(sum[i]), "+f"(sum[i + 1]), "+f"(sum[i + 2]), "+f"(sum[i + 3]), "+f"(sum[i + 4]), "+f"(sum[i + 5]),        \
        "+f"(sum[i + 6]), "+f"(sum[i + 7])
#define SUMS_32 EIGHT_SUMS(0), EIGHT_SUMS(8), EIGHT_SUMS(16), EIGHT_SUMS(24)
#define SUMS_64 SUMS_32, EIGHT_SUMS(32), EIGHT_SUMS(40), EIGHT_SUMS(48), EIGHT_SUMS(56)
#define NAMES_32                                                                                                   \
    "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define NAMES_64                                                                                                   \
    NAMES_32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,"  \
             "%57,%58,%59,%60,%61,%62,%63"

// sum [64, N] (+)= a [64, 16] * b [16, N], both K-major in shared memory. `add` is 0 where the sum begins.
#define PRODUCT_OF_SHARED(N, NAMES, SUMS, A, B, ADD, TYPE)                                                          \
    asm volatile("{.reg .pred add; setp.ne.b32 add, " ADD ", 0;\n\t"                                              \
                 "wgmma.mma_async.sync.aligned.m64n" N "k16.f32." TYPE "." TYPE " {" NAMES "}, " A ", " B             \
                 ", add, 1, 1, 0, 0;}"                                                                              \
                 : SUMS                                                                                            \
                 : "l"(a), "l"(b), "r"(add))

// sum [64, N] += a [64, 16] * b [16, N], a in registers and b MN-major in shared memory.
#define PRODUCT_OF_REGISTERS(N, NAMES, SUMS, A, B, TYPE)                                                            \
    asm volatile("wgmma.mma_async.sync.aligned.m64n" N "k16.f32." TYPE "." TYPE " {" NAMES "}, {" A "}, " B           \
                 ", 1, 1, 1, 1;"                                                                                    \
                 : SUMS                                                                                            \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))

template <int DTYPE>
static __device__ __forceinline__ void product(float (&sum)[32], u64 a, u64 b, u32 add) {
    if constexpr (DTYPE == DT_BF16) PRODUCT_OF_SHARED("64", NAMES_32, SUMS_32, "%32", "%33", "%34", "bf16");
    else PRODUCT_OF_SHARED("64", NAMES_32, SUMS_32, "%32", "%33", "%34", "f16");
}
template <int DTYPE>
static __device__ __forceinline__ void product(float (&sum)[64], u64 a, u64 b, u32 add) {
    if constexpr (DTYPE == DT_BF16) PRODUCT_OF_SHARED("128", NAMES_64, SUMS_64, "%64", "%65", "%66", "bf16");
    else PRODUCT_OF_SHARED("128", NAMES_64, SUMS_64, "%64", "%65", "%66", "f16");
}
template <int DTYPE>
static __device__ __forceinline__ void product(float (&sum)[32], const u32 (&a)[4], u64 b) {
    if constexpr (DTYPE == DT_BF16) PRODUCT_OF_REGISTERS("64", NAMES_32, SUMS_32, "%32,%33,%34,%35", "%36", "bf16");
    else PRODUCT_OF_REGISTERS("64", NAMES_32, SUMS_32, "%32,%33,%34,%35", "%36", "f16");
}
template <int DTYPE>
static __device__ __forceinline__ void product(float (&sum)[64], const u32 (&a)[4], u64 b) {
    if constexpr (DTYPE == DT_BF16) PRODUCT_OF_REGISTERS("128", NAMES_64, SUMS_64, "%64,%65,%66,%67", "%68", "bf16");
    else PRODUCT_OF_REGISTERS("128", NAMES_64, SUMS_64, "%64,%65,%66,%67", "%68", "f16");
}

// What this thread wrote to shared memory is seen by products and copies that begin later (9.7.13.4).
static __device__ __forceinline__ void show_to_products() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// Barriers in shared memory (9.7.13.15). A phase ends when as many have arrived as the barrier was made for, and every
// byte that it was told of has come. Phases have parity 0, 1, 0...; of a new barrier, the one before the first, of parity 1,
// counts as ended.
static __device__ __forceinline__ void make_barrier(u32 barrier, u32 arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
static __device__ __forceinline__ void arrive(u32 barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// Arrives, and says how many bytes will come in this phase.
static __device__ __forceinline__ void arrive_for_bytes(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
// Waits until the phase of this parity has ended.
static __device__ __forceinline__ void wait_for_phase(u32 barrier, u32 parity) {
    asm volatile("{.reg .pred ended;\n"
                 "AGAIN:\n\t"
                 "mbarrier.try_wait.parity.shared::cta.b64 ended, [%0], %1;\n\t"
                 "@ended bra ENDED;\n\t"
                 "bra AGAIN;\n"
                 "ENDED:\n}" ::"r"(barrier), "r"(parity)
                 : "memory");
}

// A barrier of `THREADS` threads, whole warps, with a number from 1 to 15; 0 is that of __syncthreads().
template <u32 THREADS>
static __device__ __forceinline__ void meet(u32 number) {
    asm volatile("barrier.cta.sync.aligned %0, %1;" ::"r"(number), "n"(THREADS) : "memory");
}

// Changes how many registers each thread of a warpgroup has; all of its warps call it (9.7.19.5).
template <u32 COUNT>
static __device__ __forceinline__ void take_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT));
}
template <u32 COUNT>
static __device__ __forceinline__ void leave_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT));
}

// A tensor map, and the address that it was made of: a parameter of 192 bytes that the device makes from a buffer, see
// kernels/launch/tiles.rs.
struct alignas(64) Tiles {
    u64 map[16];
    const u16* address;
};

static __device__ __forceinline__ void prefetch_map(const Tiles& tiles) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(&tiles) : "memory");
}

// Begins to copy a box of a tensor of three dimensions to shared memory, a multiple of 128; `barrier` is told of its bytes
// (9.7.9.25.5.2). Of one thread.
static __device__ __forceinline__ void copy_box(u32 to, const Tiles& from, u32 x, u32 y, u32 z, u32 barrier) {
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5];"
                 ::"r"(to), "l"(&from), "r"(x), "r"(y), "r"(z), "r"(barrier)
                 : "memory");
}
