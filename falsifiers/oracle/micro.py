"""Builds every micro model with its goldens, the same bytes each time.

python falsifiers/oracle/micro.py --out engine/zoo/micro [--only NAME ...]
"""

import runtime  # noqa: F401  # isort: skip
import argparse
import shutil
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig

from make_goldens import Prompt, make
from provenance import write_json
from random_weights import save_random
from specs import MICROS, SAVED, Micro

COMMAND = "python falsifiers/oracle/micro.py --out engine/zoo/micro"
TOKENIZER = Path(__file__).parents[2] / "engine/zoo/qwen2-tiny"
LIMIT = 1_000_000
SHORT_TEXT = "def fib(n):\n    return"
MID_TEXT = "class Stack:\n    def push(self, x):\n        self.items.append(x)\n        return len(self.items)  # 12"


def build(micro: Micro, folder: Path, seed: int) -> dict[str, float]:
    """Writes one model folder; returns its least greedy margins."""
    folder.mkdir(parents=True)
    write_json(folder / "config.json", micro.config)
    if micro.spelling == SAVED:
        AutoConfig.from_pretrained(folder).save_pretrained(folder)
    if micro.tokenizer:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(TOKENIZER / name, folder / name)
        write_json(folder / "generation_config.json", {"bos_token_id": 0, "eos_token_id": [2, 3], "pad_token_id": 7})
    dtype = getattr(torch, micro.config.get("dtype") or micro.config["torch_dtype"])
    save_random(folder, seed, dtype, micro.shards, micro.page_scales)
    about = make(folder, prompts(micro), COMMAND, seed)
    return about["greedy_least_margin"]


def prompts(micro: Micro) -> list[Prompt]:
    """short, mid and long: of random tokens, or of text where the model has a tokenizer."""
    draw = np.random.default_rng(len(micro.name))
    vocab = micro.config["vocab_size"]
    # The first and the last row of the embedding are always read.
    ids = [0, vocab - 1, *draw.integers(3, vocab, size=200).tolist()]
    short = ("logits", "greedy", "stages")
    mid = short if micro.mid_stages else ("logits", "greedy")
    long = Prompt("long", ids[50 : 50 + micro.long], forms=("nll",))
    if micro.tokenizer:
        return [Prompt("short", text=SHORT_TEXT, forms=short), Prompt("mid", text=MID_TEXT, forms=mid), long]
    return [Prompt("short", ids[:9], forms=short), Prompt("mid", ids[9 : 9 + micro.mid], forms=mid), long]


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(f.stat().st_size for f in folder.iterdir())


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description="Build the micro models with their goldens.")
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--only", nargs="+", choices=[m.name for m in MICROS], default=[m.name for m in MICROS])
    asked = arguments.parse_args()
    for micro in MICROS:
        if micro.name not in asked.only:
            continue
        folder = asked.out / micro.name
        shutil.rmtree(folder, ignore_errors=True)
        margins = build(micro, folder, micro.seed)
        if size(folder) > LIMIT:
            raise SystemExit(f"error: {folder} holds {size(folder)} bytes, more than {LIMIT}")
        print(f"{micro.name}: {size(folder)} bytes, least greedy margins {margins}")


if __name__ == "__main__":
    main()
