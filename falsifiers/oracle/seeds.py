"""Looks for the seed of a micro model: the one whose greedy decisions are clearest.

    python falsifiers/oracle/seeds.py NAME [--tries 40]

A seed counts if both continuations run their full length (no end token) and are not one token repeated. Its score
is the least gap between the best and the second logit over all greedy steps. Copy the winner into specs.py.
"""

import runtime  # noqa: F401  # isort: skip
import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file

import make_goldens
from micro import build, prompts
from specs import MICROS, Micro

LEAST_DISTINCT = 7


def score(micro: Micro, seed: int) -> float:
    """Least greedy margin, or -1 where the seed does not count."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / micro.name
        try:
            margins = build(micro, folder, seed)
        except ValueError:
            return -1.0
        goldens = load_file(folder / "goldens.safetensors")
    for prompt in prompts(micro):
        if "greedy" in prompt.forms:
            chosen = goldens[f"{prompt.name}.greedy"].tolist()
            if len(chosen) < prompt.max_tokens or len(set(chosen)) < LEAST_DISTINCT:
                return -1.0
    return min(margins.values())


def main() -> None:
    """The command line."""
    make_goldens.provenance = lambda *_: {}
    arguments = argparse.ArgumentParser(description="Look for the clearest seed of a micro model.")
    arguments.add_argument("names", nargs="+", choices=[m.name for m in MICROS])
    arguments.add_argument("--tries", type=int, default=40)
    asked = arguments.parse_args()
    for micro in MICROS:
        if micro.name in asked.names:
            quick = replace(micro, mid_stages=False)
            best, seed = max((score(quick, seed), seed) for seed in range(1, asked.tries + 1))
            print(f"{micro.name}: seed {seed}, least margin {best}", flush=True)


if __name__ == "__main__":
    main()
