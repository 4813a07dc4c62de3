// Keys and values of new tokens, written to their pages.
#include "common.cuh"
