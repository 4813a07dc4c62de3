// A store to a table in constant memory.
// fault: read_only
// sanitizer: memcheck
// launch: grid=1 block=4
// buffer: out u32 4 unwritten
// expect: out constant 3
extern "C" __constant__ unsigned table[4] = {3, 3, 3, 3};
extern "C" __global__ void constant_written(unsigned* out) {
    unsigned t = threadIdx.x;
    unsigned* place = const_cast<unsigned*>(table) + t;
#ifdef FAULT
    asm volatile("st.u32 [%0], 1;" ::"l"(place) : "memory");  // <- fault
#endif
    out[t] = *place;
}
