// Attention of one query a sequence, over pages.
#include "common.cuh"
