// Tensor cores and what feeds them: products of fragments, loads of matrices from shared memory, copies to it that run by
// themselves. All of sm_80.
//
// The elements of a fragment, with g = lane / 4 and t = lane % 4 (PTX ISA 8.8, section 9.7.14.5, "Matrix fragments for
// mma.m16n8k16"): of a [16, 16] registers 0 to 3 hold the rows g, g + 8, g, g + 8 at columns 2t.. twice and 2t + 8..
// twice; of b [16, 8] registers 0 and 1 hold the rows 2t.. and 2t + 8.. at column g; of the sum [16, 8] elements 0 and 1
// lie in row g and 2 and 3 in row g + 8, at columns 2t...
#pragma once

// sum [16, 8] += a [16, 16] * b [16, 8], of BF16 or F16.
template <int DTYPE>
static __device__ __forceinline__ void multiply_add(float (&sum)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    static_assert(DTYPE == DT_BF16 || DTYPE == DT_F16, "tensor cores multiply BF16 by BF16 or F16 by F16");
    if constexpr (DTYPE == DT_BF16) {
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    } else {
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
}

// Two numbers in one register, the first in its lower half, each rounded to nearest.
template <int DTYPE>
static __device__ __forceinline__ u32 packed(float low, float high) {
    u32 both;
    if constexpr (DTYPE == DT_BF16) {
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    } else {
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    }
    return both;
}

static __device__ __forceinline__ u32 shared_address(const void* pointer) {
    return (u32)__cvta_generic_to_shared(pointer);
}

// Four matrices of 8 rows of 16 bytes: lane 8 i + r says where row r of matrix i lies. A lane gets elements 2t and 2t + 1
// of row g of each.
static __device__ __forceinline__ void load_matrices(u32 (&to)[4], u32 row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(row));
}

// The same, transposed: a lane gets element g of the rows 2t and 2t + 1 of each.
static __device__ __forceinline__ void load_transposed(u32 (&to)[4], u32 row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(row));
}

// Copies 16 bytes to shared memory while the thread goes on; zeros where `inside` does not hold, and then nothing is read.
static __device__ __forceinline__ void copy_sixteen(u32 to, const void* from, bool inside) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(inside ? 16 : 0) : "memory");
}

// Copies 4 bytes to shared memory while the thread goes on.
static __device__ __forceinline__ void copy_four(u32 to, const void* from) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(to), "l"(from) : "memory");
}

// The copies of this thread since the last call are a group.
static __device__ __forceinline__ void end_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until no more than `PENDING` groups of this thread are still being copied.
template <int PENDING>
static __device__ __forceinline__ void wait_for_groups() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

// 2^x within 2 units in the last place of f32, 0 below 2^-126, and exactly 1 where x is 0.
static __device__ __forceinline__ float exp2_fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
