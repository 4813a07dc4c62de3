"""Records every stage of one forward pass under its canonical name.

Modules are read by forward hooks. What is not a module is read where it passes by: rotary outputs by wrapping the
architecture's `apply_rotary_pos_emb`, scaled queries where they enter the products, attention weights from the
attention module's second output, the attention context from the input of `o_proj`, and the projections of single
experts from the products that the experts' module asks for one after the other.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

Stages = dict[str, Tensor]


def flat(x: Tensor) -> Tensor:
    """[1, tokens, ...] to [tokens, features]; what has two axes is that already."""
    return x.detach().reshape(x.shape[1] if x.dim() > 2 else x.shape[0], -1).clone()


def heads_flat(x: Tensor) -> Tensor:
    """[1, heads, tokens, head_dim] to [tokens, heads * head_dim]."""
    return flat(x.transpose(1, 2))


@contextmanager
def recorded(model: nn.Module) -> Iterator[Stages]:
    """While open, each forward pass of `model` (batch 1, no cache) writes its stages to the yielded dictionary."""
    stages: Stages = {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            stages[name] = flat(output[0] if isinstance(output, tuple) else output)

        return hook

    with ExitStack() as stack:

        def on(module: nn.Module, name: str) -> None:
            stack.callback(module.register_forward_hook(keep(name)).remove)

        def into(module: nn.Module, name: str) -> None:
            """What a module reads, for values that no module returns."""

            def hook(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
                stages[name] = flat(args[0])

            stack.callback(module.register_forward_pre_hook(hook).remove)

        on(model.model.embed_tokens, "model.embed_tokens")
        for index, layer in enumerate(model.model.layers):
            prefix = f"model.layers.{index}"
            on(layer.input_layernorm, f"{prefix}.input_layernorm")
            attend(stack, on, into, stages, layer.self_attn, f"{prefix}.self_attn")
            on(layer.post_attention_layernorm, f"{prefix}.post_attention_layernorm")
            into(layer.post_attention_layernorm, f"{prefix}.attn_residual")
            if hasattr(layer.mlp, "experts"):
                mix(stack, on, into, stages, layer.mlp, f"{prefix}.mlp")
            else:
                gated(on, into, layer.mlp, f"{prefix}.mlp")
            on(layer, prefix)
        on(model.model.norm, "model.norm")
        on(model.lm_head, "lm_head")
        yield stages


def gated(on: Any, into: Any, mlp: nn.Module, prefix: str) -> None:
    """Hooks one gated MLP."""
    for part in ("gate_proj", "act_fn", "up_proj", "down_proj"):
        on(getattr(mlp, part), f"{prefix}.{part}")
    into(mlp.down_proj, f"{prefix}.act_and_mul")


def mix(stack: ExitStack, on: Any, into: Any, stages: Stages, mixture: nn.Module, prefix: str) -> None:
    """Hooks one mixture of experts."""

    def route(_module: nn.Module, _args: Any, output: tuple[Tensor, Tensor, Tensor]) -> None:
        logits, weights, chosen = output
        stages[f"{prefix}.gate"] = flat(logits)
        stages[f"{prefix}.topk"] = torch.zeros_like(logits).scatter(1, chosen, weights.to(logits.dtype))

    stack.callback(mixture.gate.register_forward_hook(route).remove)

    experts, plain = mixture.experts, mixture.experts.forward

    def forward(x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        # Eager experts ask for two products each, those that have tokens in their order.
        products: list[tuple[Tensor, Tensor]] = []

        def linear(rows: Tensor, weight: Tensor) -> Tensor:
            products.append((rows.detach(), original(rows, weight).detach()))
            return products[-1][1]

        original = functional.linear
        with mock.patch.object(functional, "linear", linear):
            output = plain(x, chosen, weights)
        hit = sorted(set(chosen.flatten().tolist()))
        if len(products) != 2 * len(hit):
            raise ValueError(f"{prefix}: {len(products)} products for {len(hit)} experts")
        for at, expert in enumerate(hit):
            (_, gate_up), (product, down) = products[2 * at : 2 * at + 2]
            gate, up = gate_up.chunk(2, dim=-1)
            named = {"gate_proj": gate, "up_proj": up, "act_fn": experts.act_fn(gate), "act_and_mul": product}
            # Rows come by the rank that the expert has for a token, and by token within a rank.
            by_token = (chosen.T == expert).nonzero()[:, 1].argsort()
            for part, value in (named | {"down_proj": down}).items():
                stages[f"{prefix}.experts.{expert}.{part}"] = value[by_token]
        stages[f"{prefix}.experts"] = flat(output)
        return output

    stack.enter_context(mock.patch.object(experts, "forward", forward))
    if hasattr(mixture, "shared_experts"):
        gated(on, into, mixture.shared_experts, f"{prefix}.shared_experts")
        on(mixture, prefix)


PROJECTIONS = (
    "q_a_proj", "q_a_layernorm", "q_b_proj", "q_proj", "k_proj", "v_proj", "q_norm", "k_norm",
    "kv_a_proj_with_mqa", "kv_a_layernorm", "o_proj",
)  # fmt: skip


def neighbours(x: Tensor) -> Tensor:
    """Rotated pairs back to where they were: transformers puts their first features in one half, the others after."""
    return torch.stack(x.chunk(2, dim=-1), dim=-1).flatten(-2)


def attend(stack: ExitStack, on: Any, into: Any, stages: Stages, attention: nn.Module, prefix: str) -> None:
    """Hooks one attention module."""
    for part in PROJECTIONS:
        # Without a latent of queries, its projections are there as None.
        if getattr(attention, part, None) is not None:
            on(getattr(attention, part), f"{prefix}.{part}")
    if hasattr(attention, "kv_b_proj"):

        def expand(_module: nn.Module, _args: Any, output: Tensor) -> None:
            """[1, 1, tokens, features]: the latent is one head."""
            stages[f"{prefix}.kv_b_proj"] = flat(output[:, 0])

        stack.callback(attention.kv_b_proj.register_forward_hook(expand).remove)

    source = sys.modules[type(attention).__module__]
    plain = attention.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        def rotary(name: str, placed: Any) -> Any:
            original = getattr(source, name)

            def call(*q_k_cos_sin: Any, **options: Any) -> Any:
                q, k = original(*q_k_cos_sin, **options)
                stages[f"{prefix}.q_rope"], stages[f"{prefix}.k_rope"] = heads_flat(placed(q)), heads_flat(placed(k))
                return q, k

            return mock.patch.object(source, name, call)

        def products(module: nn.Module, query: Tensor, *rest: Any, **options: Any) -> Any:
            if hasattr(source, "get_llama_4_attn_scale"):
                stages[f"{prefix}.q_scaled"] = heads_flat(scaled(query))
            return eager(module, query, *rest, **options)

        def scaled(query: Tensor) -> Tensor:
            """Queries as they enter the products, each pair where it was."""
            if not attention.config.rope_interleave:
                return query
            plain, rotated = query.split([attention.qk_nope_head_dim, attention.qk_rope_head_dim], dim=-1)
            return torch.cat((plain, neighbours(rotated)), dim=-1)

        eager = source.eager_attention_forward
        with ExitStack() as patched:
            patched.enter_context(rotary("apply_rotary_pos_emb", lambda x: x))
            if hasattr(source, "apply_rotary_pos_emb_interleave"):
                patched.enter_context(rotary("apply_rotary_pos_emb_interleave", neighbours))
            patched.enter_context(mock.patch.object(source, "eager_attention_forward", products))
            output, probs = plain(*args, **kwargs)
        stages[f"{prefix}.probs"] = probs.detach()[0].clone()
        return output, probs

    stack.enter_context(mock.patch.object(attention, "forward", forward))
    into(attention.o_proj, f"{prefix}.context")


def finite(stages: Stages) -> None:
    """Refuses goldens that hold NaN or infinity."""
    for name, value in stages.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"stage {name} is not finite: choose another seed or a smaller gain")
