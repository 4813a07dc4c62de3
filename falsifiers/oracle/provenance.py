"""Says where goldens come from, in a form that can be checked."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGES = ("transformers", "torch", "safetensors", "numpy", "tokenizers")
# What a golden's bytes depend on; check.py and seeds.py only read.
SCRIPTS = (
    "causal.py",
    "goldens.py",
    "make_goldens.py",
    "micro.py",
    "page_scales.py",
    "provenance.py",
    "random_weights.py",
    "runtime.py",
    "specs.py",
    "stages.py",
)
DTYPE_POLICY = (
    "weights widened exactly to f32 or f64, eager attention; inside transformers RMS norms, rotary tables and the "
    "softmax run in f32 in both; f64 logits and nll are stored as F64, f64 stages and everything f32 as F32"
)


def sha256(path: Path) -> str:
    """Digest of one file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def scripts_digest() -> str:
    """One digest over the names and bytes of all scripts that shape a golden."""
    digest = hashlib.sha256()
    for name in SCRIPTS:
        digest.update(f"{name}\0{sha256(HERE / name)}\n".encode())
    return digest.hexdigest()


def provenance(folder: Path, command: str, seed: int | None = None) -> dict[str, Any]:
    """The provenance block of `goldens.json`."""
    inputs = [folder / "config.json", *sorted(folder.glob("model*.safetensors*"))]
    tokenizer = folder / "tokenizer.json"
    return {
        "command": command,
        "dtype_policy": DTYPE_POLICY,
        "inputs_sha256": {p.name: sha256(p) for p in [*inputs, *([tokenizer] if tokenizer.exists() else [])]},
        "packages": {name: version(name) for name in PACKAGES},
        "scripts_sha256": scripts_digest(),
        "seed": seed,
    }


def write_json(path: Path, value: Any) -> None:
    """Sorted, indented, ASCII, and newline at the end: equal values give equal bytes."""
    path.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True) + "\n")
