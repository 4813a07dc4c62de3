// The index of the largest element of each row.
#include "common.cuh"
