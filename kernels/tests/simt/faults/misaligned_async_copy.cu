// A cp.async of 16 bytes to a row that begins at a multiple of 4.
// fault: misaligned
// sanitizer: memcheck
// launch: grid=1 block=16
// buffer: out u32 16 unwritten
// buffer: x u32 64 ramp
// scalar: pitch u32 4
// faulty scalar: pitch u32 5
// expect: out fours
extern "C" __global__ void misaligned_async_copy(unsigned* out, const unsigned* x, unsigned pitch) {
    __shared__ __align__(16) unsigned tile[80];
    unsigned t = threadIdx.x;
    unsigned to = (unsigned)__cvta_generic_to_shared(&tile[t * pitch]);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(x + 4 * t) : "memory");  // <- fault
    asm volatile("cp.async.commit_group;" ::: "memory");
    asm volatile("cp.async.wait_group 0;" ::: "memory");
    const unsigned* row = &tile[t * pitch];
    out[t] = row[0] + row[1] + row[2] + row[3];
}
