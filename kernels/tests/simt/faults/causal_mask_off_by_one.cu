// A causal mask that lets a query see the key after its own, which nobody has written yet.
// fault: uninitialised
// sanitizer: initcheck
// launch: grid=1 block=1
// buffer: out u32 1 unwritten
// buffer: keys u32 64 ramp 40
// scalar: position u32 39
// expect: out constant 780
extern "C" __global__ void causal_mask_off_by_one(unsigned* out, const unsigned* keys, unsigned position) {
    unsigned sum = 0;
    for (unsigned j = 0; j < 64; ++j) {
#ifdef FAULT
        if (j <= position + 1)
#else
        if (j <= position)
#endif
            sum += keys[j];  // <- fault
    }
    out[0] = sum;
}
