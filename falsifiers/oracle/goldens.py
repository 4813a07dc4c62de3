"""Computes goldens of one model folder with transformers: f64 and f32, eager attention and experts, on the CPU.

A golden's name says how it was made, so that `check.py` can compute any golden again from its name alone:

    PROMPT.input_ids              token ids
    PROMPT.greedy                 greedy continuation (f32, with the key/value cache)
    PROMPT.ARITHMETIC.logits      all positions          .last_logits   the last positions
    PROMPT.ARITHMETIC.nll         negative log likelihood of each token after the first
    PROMPT.f64.stage.STAGE        one stage              (see stages.py)
    PROMPT.hidden.I               f64; I = 0 is the embedding, the last is after the final norm
    PROMPT.last_hidden.I          the same, last position only
"""

import runtime  # noqa: F401  # isort: skip  (fixes the arithmetic before torch is imported)
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, PreTrainedModel

from causal import class_of
from stages import Stages, finite, recorded

ARITHMETIC = {"f64": torch.float64, "f32": torch.float32}


def opened(folder: Path) -> PreTrainedModel:
    """A model with its weights in f32 and nothing fused: attention and experts as transformers writes them out."""
    plain = {"attn_implementation": "eager", "experts_implementation": "eager"}
    architecture = class_of(AutoConfig.from_pretrained(folder))
    return architecture.from_pretrained(folder, dtype=torch.float32, **plain)


@dataclass
class Oracle:
    """One model folder, loaded once in each arithmetic."""

    folder: Path

    @cached_property
    def f32(self) -> PreTrainedModel:
        """Weights widened exactly from what the file holds."""
        return opened(self.folder).eval()

    @cached_property
    def f64(self) -> PreTrainedModel:
        """The same weights again, twice as wide; what transformers fixes to f32 inside stays f32."""
        return opened(self.folder).double().eval()

    @torch.no_grad()
    def stages(self, ids: list[int], arithmetic: str) -> Stages:
        """Every stage of one whole-prompt forward pass; `lm_head` is the logits."""
        model: PreTrainedModel = getattr(self, arithmetic)
        with recorded(model) as stages:
            model(torch.tensor([ids]), use_cache=False)
        finite(stages)
        return stages

    @torch.no_grad()
    def greedy(self, ids: list[int], max_tokens: int) -> list[int]:
        """Greedy continuation by transformers' own `generate`, in f32; ends after an end-of-sequence token."""
        prompt = torch.tensor([ids])
        whole = self.f32.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=max_tokens
        )
        return whole[0, len(ids) :].tolist()

    def margins(self, ids: list[int], greedy: list[int]) -> list[float]:
        """Gap between the best and the second logit at each greedy step, in f64, without a cache.

        Raises if the f64 choice differs: then the f32 decode path decided by rounding, and the prompt is no golden.
        """
        logits = self.stages(ids + greedy[:-1], "f64")["lm_head"][len(ids) - 1 :]
        if logits.argmax(-1).tolist() != greedy:
            raise ValueError(f"{self.folder.name}: f64 without a cache decides otherwise than f32 with one")
        best = logits.topk(2).values
        return (best[:, 0] - best[:, 1]).tolist()


def nll(logits: Tensor, ids: list[int]) -> Tensor:
    """Negative log likelihood of ids[1:], one value a token."""
    return cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")


def hidden(stages: Stages, index: int) -> Tensor:
    """Hidden state `index` as transformers numbers them."""
    if index == 0:
        return stages["model.embed_tokens"]
    is_last = f"model.layers.{index}" not in stages
    return stages["model.norm" if is_last else f"model.layers.{index - 1}"]


def relative_l2(found: Tensor, truth: Tensor) -> float:
    """Distance relative to the truth's norm; NaN if either holds NaN."""
    truth = truth.double()
    return float((found.double() - truth).norm() / truth.norm().clamp_min(torch.finfo(torch.float64).tiny))
