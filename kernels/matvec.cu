// Matrix times vector: the product of a decode step.
#include "common.cuh"
