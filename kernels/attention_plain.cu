// Attention of any queries over pages, for every head_dim.
#include "common.cuh"
