"""Random weights for micro models, the same bytes from the same seed."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig

from causal import class_of
from page_scales import with_page_scales
from provenance import write_json
from specs import PageScales

# Gains over 1/sqrt(fan_in). With the usual 0.02 every stage would be near zero, and a wrong bias, norm or
# rope base would hide below any tolerance.
GAINS = {"q_proj": 2.0, "k_proj": 2.0, "q_b_proj": 2.0, "kv_b_proj": 2.0, "lm_head": 2.5}


# Architectures whose real files hold all experts of a layer in two tensors; others have three tensors an expert.
FUSED = ("mistral4",)


def unfused(shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The tensors of single experts in place of those that transformers keeps in memory."""
    for name, shape in shapes.items():
        layer, experts, part = name.partition(".mlp.experts.")
        if not experts:
            yield name, shape
            continue
        number, rows, columns = shape
        parts = {"gate_proj": rows // 2, "up_proj": rows // 2} if part == "gate_up_proj" else {part: rows}
        for expert in range(number):
            yield from ((f"{layer}{experts}{expert}.{one}.weight", (height, columns)) for one, height in parts.items())


# Architectures whose real files hold all experts of a layer in two tensors; others have three tensors an expert.
FUSED = ("mistral4",)


def unfused(shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The tensors of single experts in place of those that transformers keeps in memory."""
    for name, shape in shapes.items():
        layer, experts, part = name.partition(".mlp.experts.")
        if not experts:
            yield name, shape
            continue
        number, rows, columns = shape
        parts = {"gate_proj": rows // 2, "up_proj": rows // 2} if part == "gate_up_proj" else {part: rows}
        for expert in range(number):
            yield from ((f"{layer}{experts}{expert}.{one}.weight", (height, columns)) for one, height in parts.items())


def draw(seed: int, name: str, shape: tuple[int, ...], tied: bool) -> Tensor:
    """One tensor; its stream depends on the seed and on its name only."""
    normal = np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(shape)
    module = name.split(".")[-2]
    if name.endswith(".e_score_correction_bias"):
        # About as large as scores differ, so that it changes choices and does not make them all.
        values = 0.2 * normal
    elif name.endswith(".bias"):
        values = 0.4 * normal
    elif module.endswith("norm"):
        values = 1.0 + 0.3 * normal
    elif module == "embed_tokens":
        # Untied, small: then the norm's epsilon shows in the first layer.
        values = (2.5 / shape[-1] ** 0.5 if tied else 0.1) * normal
    else:
        values = GAINS.get(module, 1.5) / shape[-1] ** 0.5 * normal
    return torch.from_numpy(values)


def save_random(
    folder: Path, seed: int, dtype: torch.dtype, shards: int, page_scales: PageScales | None = None
) -> None:
    """Writes model.safetensors, or shards with their index, for the config.json in `folder`."""
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in class_of(config)(config).state_dict().items()}
    if config.tie_word_embeddings:
        shapes.pop("lm_head.weight")
    if config.model_type not in FUSED:
        shapes = dict(unfused(shapes))
    tensors = {name: draw(seed, name, shape, config.tie_word_embeddings) for name, shape in shapes.items()}
    if page_scales:
        tensors = with_page_scales(tensors, config, page_scales, dtype)
    # The correction bias is F32 in every real file.
    tensors = {name: t.to(torch.float32 if name.endswith("_bias") else dtype) for name, t in tensors.items()}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    # Dealt out like cards, so that every layer and even one projection's weight and bias straddle shards.
    place = {name: f"model-{i % shards + 1:05}-of-{shards:05}.safetensors" for i, name in enumerate(sorted(tensors))}
    for file in sorted(set(place.values())):
        held = {name: tensors[name] for name in place if place[name] == file}
        save_file(held, folder / file, metadata={"format": "pt"})
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": place})
