// Rotary position embedding, with every scaling.
#include "common.cuh"
