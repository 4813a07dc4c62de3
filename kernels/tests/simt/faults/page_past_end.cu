// A page table that is read one entry too far, so that a page is taken which is not there.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=64
// buffer: out u32 64 zero
// buffer: pages u32 3 ramp
// buffer: x u32 48 ramp
// scalar: length u32 48
// expect: out copy
extern "C" __global__ void page_past_end(unsigned* out, const unsigned* pages, const unsigned* x, unsigned length) {
    unsigned token = threadIdx.x;
#ifndef FAULT
    if (token >= length) { out[token] = 0; return; }
#endif
    unsigned page = pages[token / 16];  // <- fault
    out[token] = x[page * 16 + token % 16];
}
