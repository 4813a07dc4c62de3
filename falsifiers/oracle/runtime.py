"""The arithmetic environment, fixed before torch is imported, so that goldens do not depend on the machine.

Import this module before torch or transformers. Vector width, thread count and library dispatch all change the
order of summation, and with it the last bits; the plainest code path is slow and the same everywhere.
"""

import os
import sys

INCOMPLETE = 5
PINNED = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "USE_HUB_KERNELS": "NO",
    "TRANSFORMERS_VERBOSITY": "error",
}
os.environ.update(PINNED)

try:
    import numpy  # noqa: F401
    import safetensors  # noqa: F401
    import torch
    import transformers
except (ImportError, OSError, ValueError) as missing:
    print(f"error: the oracle's packages cannot be imported: {missing}", file=sys.stderr)
    print("help: see 'Set up' in falsifiers/oracle/README.md", file=sys.stderr)
    sys.exit(INCOMPLETE)

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.backends.mkldnn.enabled = False
transformers.utils.logging.disable_progress_bar()
