// Statistics of a stage, computed where it is.
#include "common.cuh"
