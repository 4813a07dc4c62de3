// Matrix product on tensor cores: the product of a prefill.
#include "common.cuh"
