// Rows of the embedding table.
#include "common.cuh"
