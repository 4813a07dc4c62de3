"""Computes existing goldens again, and says where they differ.

    python falsifiers/oracle/check.py [FOLDER ...] [--exact]

Without folders: every folder with goldens under engine/zoo. Exit code 0: all the same; 1: a difference; 2: usage;
3: a folder cannot be read; 4: nothing to check; 5: the oracle's packages are missing.
"""

import runtime  # noqa: F401  # isort: skip
import argparse
import json
import math
import sys
from collections import defaultdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from goldens import ARITHMETIC, Oracle, hidden, nll, relative_l2
from provenance import provenance

ZOO = Path(__file__).parents[2] / "engine/zoo"
# Goldens made on another machine, or in another summation order, differ by f32 rounding inside transformers.
LIMIT = 5e-6
Forms = dict[str, Tensor]


def again(oracle: Oracle, ids: list[int], forms: Forms) -> tuple[dict[str, Tensor | list[int]], list[str]]:
    """Every form of one prompt, computed again from its name; and stages that ran but have no golden."""
    fresh: dict[str, Tensor | list[int]] = {}
    missing: list[str] = []
    needed = {a for a in ARITHMETIC if any(f.startswith(f"{a}.") for f in forms)}
    if any(f.split(".")[0] in ("hidden", "last_hidden") for f in forms):
        needed.add("f64")
    runs = {arithmetic: oracle.stages(ids, arithmetic) for arithmetic in needed}
    for form, existing in forms.items():
        match form.split(".", 2):
            case ["input_ids"]:
                fresh[form] = ids
            case ["greedy"]:
                fresh[form] = oracle.greedy(ids, len(existing))
            case [("f64" | "f32") as a, "logits"]:
                fresh[form] = runs[a]["lm_head"]
            case [("f64" | "f32") as a, "last_logits"]:
                fresh[form] = runs[a]["lm_head"][-len(existing) :]
            case [("f64" | "f32") as a, "nll"]:
                fresh[form] = nll(runs[a]["lm_head"], ids)
            case [("f64" | "f32") as a, "stage", stage] if stage in runs[a]:
                fresh[form] = runs[a][stage]
            case ["hidden", index]:
                fresh[form] = hidden(runs["f64"], int(index))
            case ["last_hidden", index]:
                fresh[form] = hidden(runs["f64"], int(index))[-1:]
    if any(f.startswith("f64.stage.") for f in forms):
        missing = [f"f64.stage.{s}" for s in runs["f64"] if f"f64.stage.{s}" not in forms]
    return fresh, missing


def differs(existing: Tensor, fresh: Tensor | list[int] | None, exact: bool) -> str | None:
    """Why two goldens are not the same, or None."""
    if fresh is None:
        return "no way to compute a golden of this name"
    if isinstance(fresh, list):
        return None if existing.tolist() == fresh else f"is {existing.tolist()}, computed {fresh}"
    if existing.shape != fresh.shape:
        return f"has shape {list(existing.shape)}, computed {list(fresh.shape)}"
    if exact:
        return None if existing.equal(fresh.to(existing.dtype)) else "differs in some bit"
    distance = relative_l2(existing, fresh)
    # Written so that NaN is a difference.
    return None if distance <= LIMIT else f"relative L2 {distance:.2e} is over {LIMIT:.0e}"


def stale(folder: Path) -> list[str]:
    """What goldens.json says of their origin that is no longer so."""
    recorded = json.loads((folder / "goldens.json").read_text()).get("provenance")
    if recorded is None:
        return []
    now = provenance(folder, recorded["command"], recorded["seed"])
    return [
        f"provenance: {key} changed; regenerate with: {now['command']}" for key in now if recorded.get(key) != now[key]
    ]


def check(folder: Path, exact: bool) -> tuple[int, list[str], float]:
    """Goldens compared, differences found, and the largest distance of any float golden."""
    prompts: dict[str, Forms] = defaultdict(dict)
    for name, tensor in load_file(folder / "goldens.safetensors").items():
        prompt, form = name.split(".", 1)
        prompts[prompt][form] = tensor
    found, count, worst = stale(folder), 0, 0.0
    oracle = Oracle(folder)
    for prompt, forms in sorted(prompts.items()):
        if "input_ids" not in forms:
            found.append(f"{prompt}: input_ids is missing")
            continue
        fresh, missing = again(oracle, forms["input_ids"].tolist(), forms)
        found += [f"{prompt}.{form}: the model has this stage, the goldens do not" for form in missing]
        for form, existing in sorted(forms.items()):
            count += 1
            value = fresh.get(form)
            if why := differs(existing, value, exact):
                found.append(f"{prompt}.{form}: {why}")
            elif isinstance(value, Tensor):
                worst = max(worst, relative_l2(existing, value))
    return count, found, worst


def main() -> int:
    """The command line; returns the exit code."""
    arguments = argparse.ArgumentParser(description="Compute goldens again and compare.")
    arguments.add_argument("folders", nargs="*", type=Path)
    arguments.add_argument("--exact", action="store_true", help="ask for the same bits (same machine, same packages)")
    asked = arguments.parse_args()
    folders = asked.folders or sorted(p.parent for p in ZOO.rglob("goldens.safetensors"))
    total, failed = 0, False
    for folder in folders:
        try:
            count, found, worst = check(folder, asked.exact)
        except (OSError, SafetensorError, json.JSONDecodeError) as error:
            print(f"error: {folder}: {error}", file=sys.stderr)
            return 3
        total += count
        failed |= bool(found) or not math.isfinite(worst)
        print(f"{folder}: {count} goldens, {len(found)} differ, the others within {worst:.1e}", flush=True)
        for line in found:
            print(f"  {line}")
    if total == 0:
        print("error: no goldens to check", file=sys.stderr)
        return 4
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
