"""Writes goldens.safetensors and goldens.json into a model folder.

    python falsifiers/oracle/make_goldens.py MODEL_FOLDER PROMPTS.json

PROMPTS.json is a list of {"name", "ids" or "text", "forms": [..], "max_tokens"}; forms are logits, nll, stages and
greedy.
"""

import runtime  # noqa: F401  # isort: skip
import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from goldens import ARITHMETIC, Oracle, nll, relative_l2
from provenance import provenance, write_json


@dataclass(frozen=True)
class Prompt:
    """One named prompt, and which goldens to make of it."""

    name: str
    ids: list[int] = field(default_factory=list)
    text: str | None = None
    forms: tuple[str, ...] = ("logits",)
    max_tokens: int = 16


def make(folder: Path, prompts: list[Prompt], command: str, seed: int | None = None) -> dict[str, Any]:
    """Computes and writes the goldens of `folder`; returns what goldens.json says."""
    oracle = Oracle(folder)
    has_text = (folder / "tokenizer.json").exists()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder) if has_text else None
    tensors: dict[str, Tensor] = {}
    texts: dict[str, str] = {}
    greedy_texts: dict[str, str] = {}
    margins: dict[str, float] = {}
    distance: dict[str, float] = {}

    for prompt in prompts:
        name, ids = prompt.name, list(prompt.ids)
        if prompt.text is not None:
            if tokenizer is None:
                raise ValueError(f"{folder}: prompt {name} is text, and the folder has no tokenizer.json")
            ids = tokenizer.encode(prompt.text)
            texts[name] = prompt.text
        tensors[f"{name}.input_ids"] = torch.tensor(ids, dtype=torch.int32)
        logits = {}
        for arithmetic, dtype in ARITHMETIC.items():
            stages = oracle.stages(ids, arithmetic)
            logits[arithmetic] = stages["lm_head"]
            if "logits" in prompt.forms:
                tensors[f"{name}.{arithmetic}.logits"] = stages["lm_head"].to(dtype)
            if "nll" in prompt.forms:
                tensors[f"{name}.{arithmetic}.nll"] = nll(stages["lm_head"], ids).to(dtype)
            if "stages" in prompt.forms and arithmetic == "f64":
                for stage, value in stages.items():
                    tensors[f"{name}.f64.stage.{stage}"] = value.float()
        distance[name] = float(f"{relative_l2(logits['f32'], logits['f64']):.2e}")
        if "greedy" in prompt.forms:
            chosen = oracle.greedy(ids, prompt.max_tokens)
            tensors[f"{name}.greedy"] = torch.tensor(chosen, dtype=torch.int32)
            margins[name] = round(min(oracle.margins(ids, chosen)), 6)
            if tokenizer is not None:
                greedy_texts[name] = tokenizer.decode(chosen)

    save_file({k: v.contiguous() for k, v in sorted(tensors.items())}, folder / "goldens.safetensors")
    about = {
        "f32_from_f64_relative_l2_of_logits": distance,
        "greedy_least_margin": margins,
        "provenance": provenance(folder, command, seed),
    }
    if tokenizer is not None:
        about |= {"greedy_text": greedy_texts, "prompt_text": texts}
    write_json(folder / "goldens.json", about)
    return about


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description="Write transformers goldens into a model folder.")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("prompts", type=Path)
    asked = arguments.parse_args()
    prompts = [
        Prompt(**{**p, "forms": tuple(p.get("forms", ["logits"]))}) for p in json.loads(asked.prompts.read_text())
    ]
    about = make(asked.folder, prompts, f"python falsifiers/oracle/make_goldens.py {asked.folder} {asked.prompts}")
    print(json.dumps(about["greedy_least_margin"]))


if __name__ == "__main__":
    main()
