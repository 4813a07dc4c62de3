// Programmatic dependent launch: a kernel that starts before the one it depends on has ended.
//
// PTX ISA 8.8, section 9.7.13.13, griddepcontrol; CUDA C++ Programming Guide 13.0, section 4.5. A kernel that calls
// wait_for_predecessor() has to call it in every thread that touches memory which another kernel writes, and before the
// first such access, reads and writes alike: then kernels of a chain are ordered through each other. What no kernel of the
// same graph writes before, weights above all and what the host says of a step, may be read before. A kernel may let its
// successor start before it waits itself: so a whole chain of kernels can be resident, and what they do before they wait
// costs nothing. Below compute capability 9.0 both do nothing.
#pragma once

static __device__ __forceinline__ void wait_for_predecessor() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// The kernels that depend on this one may start where there is room; they still wait for its end before they touch what
// it writes.
static __device__ __forceinline__ void let_successor_start() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
#endif
}
