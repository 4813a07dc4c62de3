// One bias per feature, added to every token.
#include "common.cuh"
