"""Plants faults in a copy of a micro model, and expects check.py to name each.

python falsifiers/oracle/check_test.py
"""

import runtime  # noqa: F401  # isort: skip
import shutil
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from check import ZOO, check
from micro import build
from specs import MICROS

MODEL = "qwen2-window"
Goldens = dict[str, Tensor]


class PlantedFaults(unittest.TestCase):
    """Each fault must be found, alone, under its name."""

    def setUp(self) -> None:
        """A copy to spoil."""
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name) / MODEL
        shutil.copytree(ZOO / "micro" / MODEL, self.folder)

    def found(self, spoil: Callable[[Goldens], object], exact: bool = False) -> list[str]:
        """What check says after `spoil` had its way with the goldens."""
        goldens = load_file(self.folder / "goldens.safetensors")
        spoil(goldens)
        save_file(goldens, self.folder / "goldens.safetensors")
        count, found, _ = check(self.folder, exact)
        self.assertGreater(count, 100)
        return found

    def assert_only(self, found: list[str], start: str) -> None:
        """Exactly one difference, and this one."""
        self.assertEqual([line[: len(start)] for line in found], [start])

    def test_untouched(self) -> None:
        """No false alarm, even bit by bit."""
        self.assertEqual(self.found(lambda _: None, exact=True), [])

    def test_scaled_stage(self) -> None:
        """One stage off by one part in 100,000."""
        name = "short.f64.stage.model.layers.1.self_attn.k_rope"
        self.assert_only(self.found(lambda g: g[name].mul_(1 + 1e-5)), f"{name}: relative L2")

    def test_nan(self) -> None:
        """NaN is a difference."""
        self.assert_only(self.found(lambda g: g["mid.f32.logits"].view(-1)[7].fill_(torch.nan)), "mid.f32.logits: ")

    def test_one_bit(self) -> None:
        """One bit, when asked for bits."""
        name = "long.f32.nll"
        self.assert_only(self.found(lambda g: g[name].view(torch.int32)[3].add_(1), exact=True), f"{name}: differs")

    def test_wrong_token(self) -> None:
        """One greedy token."""
        self.assert_only(self.found(lambda g: g["short.greedy"][15].add_(1)), "short.greedy: is [")

    def test_lost_stage(self) -> None:
        """A stage that the model has, dropped from the goldens."""
        name = "mid.f64.stage.model.layers.0.mlp.act_fn"
        self.assert_only(self.found(lambda g: g.pop(name)), f"{name}: the model has this stage")

    def test_unknown_name(self) -> None:
        """A golden nobody can compute is not skipped."""
        self.assert_only(self.found(lambda g: g.update({"mid.f16.logits": torch.ones(2)})), "mid.f16.logits: no way")

    def test_lost_prompt(self) -> None:
        """Goldens without the tokens that they are for."""
        self.assert_only(self.found(lambda g: g.pop("long.input_ids")), "long: input_ids is missing")

    def test_other_config(self) -> None:
        """A model changed behind its goldens: provenance and values say so."""
        config = self.folder / "config.json"
        config.write_text(config.read_text().replace('"sliding_window": 8', '"sliding_window": 9'))
        found = self.found(lambda _: None)
        self.assertTrue(found[0].startswith("provenance: inputs_sha256 changed"), found[0])
        self.assertTrue(any(line.startswith("mid.f64.logits: relative L2") for line in found))


class SameBytes(unittest.TestCase):
    """The micro models in the tree are what micro.py makes."""

    def test_rebuilt(self) -> None:
        """Every file of three models: one plain, one sharded, one with a tokenizer."""
        chosen = [m for m in MICROS if m.name in (MODEL, "qwen2-sharded", "qwen3-dense")]
        self.assertEqual(len(chosen), 3)
        with tempfile.TemporaryDirectory() as scratch:
            for micro in chosen:
                built, kept = Path(scratch) / micro.name, ZOO / "micro" / micro.name
                build(micro, built, micro.seed)
                names = sorted(p.name for p in kept.iterdir())
                self.assertEqual(sorted(p.name for p in built.iterdir()), names)
                for name in names:
                    self.assertEqual((built / name).read_bytes(), (kept / name).read_bytes(), f"{micro.name}/{name}")


if __name__ == "__main__":
    unittest.main()
