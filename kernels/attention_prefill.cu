// Attention of many queries a sequence, over pages.
#include "common.cuh"
