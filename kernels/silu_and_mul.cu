// The gated activation of the MLP.
#include "common.cuh"
