// Root mean square norm of rows: of a token, or of each of its heads.
#include "common.cuh"
