// Matrix product without tensor cores: any storage formats, F32 among them.
#include "common.cuh"
