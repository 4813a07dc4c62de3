// The residual stream and the norm of it, in one pass.
#include "common.cuh"
