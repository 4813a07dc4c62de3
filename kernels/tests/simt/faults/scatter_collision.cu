// Lanes of one warp that store to one place, where only the last should.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=32
// buffer: out u32 8 unwritten
// buffer: x u32 32 ramp
// expect: out last_of_four
extern "C" __global__ void scatter_collision(unsigned* out, const unsigned* x) {
    __shared__ unsigned slots[8];
    unsigned t = threadIdx.x;
#ifndef FAULT
    if (t % 4 == 3)
#endif
        slots[t / 4] = x[t];  // <- fault
    __syncwarp();
    if (t < 8) out[t] = slots[t];
}
