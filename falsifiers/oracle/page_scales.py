"""Keys and values that pages of E4M3 hold only with scales, and these scales in the checkpoint.

What makes keys and values of a layer is multiplied by powers of two, and what reads them divided by the same, so that
the model computes what it computed before; only its keys and values lie far above 448, the largest E4M3.
"""

from typing import Any

import torch
from specs import PageScales
from torch import Tensor


def with_page_scales(
    tensors: dict[str, Tensor], config: Any, scales: PageScales, dtype: torch.dtype
) -> dict[str, Tensor]:
    """The tensors of a model before they are stored, and the scales beside them."""
    latent = getattr(config, "kv_lora_rank", None) is not None
    found = dict(tensors)
    for layer, (larger_keys, larger_values) in enumerate(scales.larger):
        attention = f"model.layers.{layer}.self_attn"
        factors = of_latents(config, larger_keys) if latent else of_heads(larger_keys, larger_values)
        for name, factor in factors.items():
            full = f"{attention}.{name}"
            if full in found:
                found[full] = found[full] * factor(found[full])
        for name, values in scales.names.items():
            scale = torch.tensor(values[layer], dtype=dtype)
            found[f"{attention}.{name}"] = scale.reshape([1] if scales.as_vectors else [])
    return found


def of_heads(keys: float, values: float) -> dict[str, Any]:
    """What is multiplied where every head has keys and values of its own."""
    return {
        "k_proj.weight": lambda _: keys,
        "q_proj.weight": lambda _: 1 / keys,
        "v_proj.weight": lambda _: values,
        "o_proj.weight": lambda _: 1 / values,
    }


def of_latents(config: Any, larger: float) -> dict[str, Any]:
    """What is multiplied where latents and a shared rotated key are kept."""
    rank, rotated = config.kv_lora_rank, config.qk_rope_head_dim
    head = config.qk_nope_head_dim + rotated

    def of_compressed(weight: Tensor) -> Tensor:
        """Latents are normed, so that only the rows of the shared key count."""
        rows = torch.arange(weight.shape[0]) >= rank
        return torch.where(rows, larger, 1.0).reshape(-1, 1)

    def of_queries(weight: Tensor) -> Tensor:
        """The rotated rows of each head, which come last."""
        rows = torch.arange(weight.shape[0]) % head >= head - rotated
        return torch.where(rows, 1 / larger, 1.0).reshape(-1, 1)

    return {
        "kv_a_proj_with_mqa.weight": of_compressed,
        "kv_a_layernorm.weight": lambda _: larger,
        "kv_b_proj.weight": lambda _: 1 / larger,
        "q_b_proj.weight": of_queries,
        "q_proj.weight": of_queries,
    }
