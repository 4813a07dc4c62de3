// The residual stream: the sum of two activations.
#include "common.cuh"
