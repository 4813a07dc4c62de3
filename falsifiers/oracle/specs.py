"""The micro models: one option each that the trained zoo does not exercise.

A config is written as it stands here, in the spelling of real files: some in the legacy one (`rope_theta`,
`rope_scaling`, `torch_dtype`, absent fields), some as transformers 5 saves them (`SAVED`, with
`rope_parameters` and every default written out). Sizes are small, uneven, and differ from each other, so that a
swapped axis does not fit.
"""

from dataclasses import dataclass
from typing import Any

LEGACY, SAVED = "legacy", "saved"


@dataclass(frozen=True)
class PageScales:
    """Scales of pages of E4M3 in a checkpoint, which transformers does not know, and what they are there for."""

    # By name below self_attn, one number a layer; rounded to the dtype of the model.
    names: dict[str, tuple[float, ...]]
    # How much larger keys, and values, of each layer are than random weights make them: powers of two.
    larger: tuple[tuple[float, float], ...]
    # Whether a scale has shape [1], or [].
    as_vectors: bool = True


@dataclass(frozen=True)
class Micro:
    """One micro model; the seed was chosen by seeds.py for clear greedy decisions."""

    name: str
    option: str
    seed: int
    spelling: str
    config: dict[str, Any]
    mid: int = 40
    long: int = 48
    mid_stages: bool = False
    shards: int = 1
    tokenizer: bool = False
    page_scales: PageScales | None = None


def llama(**options: Any) -> dict[str, Any]:
    """Llama with the fields that every real file has."""
    base = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
        "intermediate_size": 72, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5, "vocab_size": 127, "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False,
    }  # fmt: skip
    return base | options


def qwen(version: int, **options: Any) -> dict[str, Any]:
    """Qwen2 or Qwen3, likewise."""
    base = {
        "architectures": [f"Qwen{version}ForCausalLM"], "model_type": f"qwen{version}", "hidden_act": "silu",
        "hidden_size": 32, "intermediate_size": 72, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "vocab_size": 127,
        "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False,
    }  # fmt: skip
    return base | options


def qwen3_moe(**options: Any) -> dict[str, Any]:
    """Qwen3 with experts, likewise."""
    base = {
        "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_act": "silu", "hidden_size": 32,
        "intermediate_size": 72, "moe_intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 12, "max_position_embeddings": 256, "rms_norm_eps": 1e-6,
        "vocab_size": 127, "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False,
        "attention_bias": False, "decoder_sparse_step": 1, "mlp_only_layers": [],
    }  # fmt: skip
    return base | options


def mistral(**options: Any) -> dict[str, Any]:
    """Mistral, likewise."""
    base = {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_act": "silu", "hidden_size": 32,
        "intermediate_size": 72, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "vocab_size": 127, "bos_token_id": 1,
        "eos_token_id": 2, "tie_word_embeddings": False,
    }  # fmt: skip
    return base | options


def latent(architecture: str, model_type: str, **options: Any) -> dict[str, Any]:
    """Latent attention and experts of DeepSeek's kind, likewise. Norms of latents have another epsilon, 1e-6."""
    base = {
        "architectures": [architecture], "model_type": model_type, "hidden_act": "silu", "hidden_size": 32,
        "intermediate_size": 56, "moe_intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
        "num_key_value_heads": 3, "max_position_embeddings": 128, "rms_norm_eps": 1e-4, "vocab_size": 101,
        "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False, "attention_bias": False,
        "q_lora_rank": 20, "kv_lora_rank": 24, "qk_nope_head_dim": 12, "qk_rope_head_dim": 16, "v_head_dim": 14,
        "first_k_dense_replace": 1, "n_shared_experts": 1, "norm_topk_prob": True, "n_group": 1, "topk_group": 1,
    }  # fmt: skip
    return base | options


def deepseek_v3(**options: Any) -> dict[str, Any]:
    """DeepSeek-V3, likewise."""
    return latent("DeepseekV3ForCausalLM", "deepseek_v3", **options)


def mistral4(**options: Any) -> dict[str, Any]:
    """Mistral 4, likewise."""
    return latent("Mistral4ForCausalLM", "mistral4", **options)


MICROS = (
    Micro(
        "qwen3-dense", "q and k norm, head_dim 16 where hidden/heads is 8, tied, BF16, two end tokens, tokenizer",
        27, LEGACY, mid=36, tokenizer=True,
        config=qwen(3, vocab_size=1024, head_dim=16, tie_word_embeddings=True, torch_dtype="bfloat16",
                    attention_bias=False, rope_theta=1000000, rope_scaling=None, sliding_window=None,
                    use_sliding_window=False, max_window_layers=2, bos_token_id=0, eos_token_id=2),
    ),
    Micro(
        "qwen3-untied-bias", "attention_bias on q, k, v and o, untied, F32, every head its own key and value",
        4, SAVED,
        config=qwen(3, hidden_size=40, intermediate_size=56, num_attention_heads=5, num_key_value_heads=5,
                    head_dim=12, attention_bias=True, vocab_size=193, rms_norm_eps=1e-5, dtype="float32",
                    rope_parameters={"rope_type": "default", "rope_theta": 50000.0}),
    ),
    Micro(
        "llama-linear-rope", "linear rope, factor 4, spelled rope_scaling.type; original context 16, BF16",
        42, LEGACY, mid_stages=True,
        config=llama(num_key_value_heads=2, max_position_embeddings=64, rope_theta=10000.0, torch_dtype="bfloat16",
                     rope_scaling={"type": "linear", "factor": 4.0}),
    ),
    Micro(
        "llama-llama3-rope", "llama3 rope, factor 8, all three bands, original context 64, BF16",
        1, SAVED, mid=72, long=80, mid_stages=True,
        config=llama(intermediate_size=40, num_attention_heads=2, num_key_value_heads=1, head_dim=32, vocab_size=131,
                     max_position_embeddings=512, dtype="bfloat16",
                     rope_parameters={"rope_type": "llama3", "rope_theta": 5000.0, "factor": 8.0,
                                      "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                      "original_max_position_embeddings": 64}),
    ),
    Micro(
        "llama-attention-mlp-bias", "attention_bias and mlp_bias, F16",
        6, LEGACY,
        config=llama(hidden_size=48, intermediate_size=52, num_attention_heads=6, num_key_value_heads=3,
                     attention_bias=True, mlp_bias=True, vocab_size=113, rope_theta=20000.0, rms_norm_eps=1e-6,
                     torch_dtype="float16"),
    ),
    Micro(
        "llama-head-dim", "head_dim 20 where hidden/heads is 16, tied, BF16",
        13, SAVED,
        config=llama(hidden_size=48, num_attention_heads=3, num_key_value_heads=1, head_dim=20, vocab_size=151,
                     tie_word_embeddings=True, dtype="bfloat16",
                     rope_parameters={"rope_type": "default", "rope_theta": 30000.0}),
    ),
    Micro(
        "llama-7q-1kv", "7 query heads on 1 key/value head, BF16",
        39, LEGACY,
        config=llama(hidden_size=56, num_attention_heads=7, num_key_value_heads=1, vocab_size=139,
                     rope_theta=500000.0, rope_scaling=None, torch_dtype="bfloat16"),
    ),
    Micro(
        "llama-odd-vocab", "vocabulary 331, a prime, untied, BF16",
        25, SAVED,
        config=llama(num_key_value_heads=2, vocab_size=331, dtype="bfloat16",
                     rope_parameters={"rope_type": "default", "rope_theta": 10000.0}),
    ),
    Micro(
        "llama-mha", "num_key_value_heads, head_dim, rope_theta and biases absent, as in the first Llama; F32",
        37, LEGACY,
        config=llama(hidden_size=40, num_attention_heads=5, vocab_size=109, rms_norm_eps=1e-6, torch_dtype="float32"),
    ),
    Micro(
        "llama-kv-scales", "k_scale and v_scale of pages of E4M3: keys and values to 30,000; BF16",
        6, LEGACY, mid=20, long=24,
        config=llama(intermediate_size=40, num_key_value_heads=2, vocab_size=43, rope_theta=10000.0,
                     torch_dtype="bfloat16"),
        page_scales=PageScales({"k_scale": (5.3, 83.0), "v_scale": (15.7, 4.3)}, ((256, 1024), (4096, 256))),
    ),
    Micro(
        "qwen2-sharded", "three shards with an index, three layers, tied, F16",
        56, LEGACY, shards=3,
        config=qwen(2, num_hidden_layers=3, vocab_size=211, tie_word_embeddings=True, rope_theta=1000000.0,
                    sliding_window=4096, use_sliding_window=False, max_window_layers=3, torch_dtype="float16"),
    ),
    Micro(
        "qwen2-untied-f32", "untied, F32, theta 1e4, eps 1e-5: all the opposite of qwen2-tiny",
        29, SAVED,
        config=qwen(2, hidden_size=48, num_attention_heads=4, num_key_value_heads=1, vocab_size=157,
                    rms_norm_eps=1e-5, dtype="float32",
                    rope_parameters={"rope_type": "default", "rope_theta": 10000.0}),
    ),
    Micro(
        "qwen2-window", "window 8 from layer 1 of 3 on, given by max_window_layers, BF16",
        58, LEGACY, mid_stages=True,
        config=qwen(2, num_hidden_layers=3, use_sliding_window=True, sliding_window=8, max_window_layers=1,
                    rope_theta=100000.0, torch_dtype="bfloat16"),
    ),
    Micro(
        "qwen3-window", "window 6 given by explicit layer_types, layers 0 and 2 of 3, max_window_layers idle, BF16",
        43, SAVED, mid_stages=True,
        config=qwen(3, num_hidden_layers=3, head_dim=12, use_sliding_window=True, sliding_window=6,
                    max_window_layers=3, layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                    dtype="bfloat16", rope_parameters={"rope_type": "default", "rope_theta": 40000.0}),
    ),
    Micro(
        "mistral-window", "window 5 in every layer, BF16",
        15, LEGACY,
        config=mistral(sliding_window=5, rope_theta=30000.0, torch_dtype="bfloat16"),
    ),
    Micro(
        "mistral-null-window", "sliding_window null, untied, head_dim 12 where hidden/heads is 8, F16",
        24, SAVED,
        config=mistral(head_dim=12, num_key_value_heads=1, sliding_window=None, vocab_size=149, dtype="float16",
                       rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}),
    ),
    Micro(
        "qwen3-moe-7-top-3", "7 experts, top 3, not renormalised, tied, num_experts as older files spell it, BF16",
        20, LEGACY,
        config=qwen3_moe(num_experts=7, num_experts_per_tok=3, norm_topk_prob=False, tie_word_embeddings=True,
                         rope_theta=1000000.0, rope_scaling=None, sliding_window=None, use_sliding_window=False,
                         max_window_layers=2, torch_dtype="bfloat16"),
    ),
    Micro(
        "qwen3-moe-dense-layers", "decoder_sparse_step 2 and mlp_only_layers: of 4 layers only 1 has experts, BF16",
        1, SAVED,
        config=qwen3_moe(num_hidden_layers=4, num_experts=5, num_experts_per_tok=2, norm_topk_prob=True,
                         moe_intermediate_size=20, intermediate_size=52, decoder_sparse_step=2, mlp_only_layers=[3],
                         attention_bias=True, vocab_size=101, rms_norm_eps=1e-5, dtype="bfloat16",
                         rope_parameters={"rope_type": "default", "rope_theta": 50000.0}),
    ),
    Micro(
        "qwen3-moe-window", "window 6 in every layer by use_sliding_window; 4 experts, top 1 not renormalised, BF16",
        12, LEGACY,
        config=qwen3_moe(num_experts=4, num_experts_per_tok=1, norm_topk_prob=False, use_sliding_window=True,
                         sliding_window=6, max_window_layers=2, rope_theta=40000.0, vocab_size=113,
                         torch_dtype="bfloat16"),
    ),
    Micro(
        "deepseek-v3-groups", "8 experts in 4 groups of which 2 stay, top 3, scaled by 2.5; biases; yarn, BF16",
        16, LEGACY,
        config=deepseek_v3(n_routed_experts=8, num_experts_per_tok=3, n_group=4, topk_group=2, attention_bias=True,
                           routed_scaling_factor=2.5, scoring_func="sigmoid", topk_method="noaux_tc",
                           rope_interleave=True, rope_theta=100, torch_dtype="bfloat16",
                           rope_scaling={"type": "yarn", "factor": 16, "original_max_position_embeddings": 8,
                                         "beta_fast": 1, "beta_slow": 0.05, "mscale": 1.0, "mscale_all_dim": 0.7}),
    ),
    Micro(
        "deepseek-v3-no-q-lora", "no q LoRA, v_head_dim 40, halves rotated, yarn not truncated, attention_factor; BF16",
        17, SAVED,
        config=deepseek_v3(n_routed_experts=5, num_experts_per_tok=2, norm_topk_prob=False, n_shared_experts=2,
                           routed_scaling_factor=0.7, q_lora_rank=None, v_head_dim=40, qk_rope_head_dim=8,
                           rope_interleave=False, dtype="bfloat16",
                           rope_parameters={"rope_type": "yarn", "rope_theta": 300.0, "factor": 8.0,
                                            "original_max_position_embeddings": 16, "beta_fast": 2.0,
                                            "beta_slow": 0.03, "truncate": False, "attention_factor": 1.2}),
    ),
    Micro(
        "deepseek-v3-default-rope", "default rope, neighbours rotated, every layer with experts, F16",
        16, LEGACY,
        config=deepseek_v3(n_routed_experts=4, num_experts_per_tok=1, first_k_dense_replace=0, v_head_dim=10,
                           routed_scaling_factor=1.5, rope_theta=10000.0, rms_norm_eps=1e-6, torch_dtype="float16"),
    ),
    Micro(
        "mistral4-halves", "halves rotated, 1 of 2 groups stays, v_head_dim 40; yarn, query scaling, BF16",
        15, SAVED,
        config=mistral4(n_routed_experts=6, num_experts_per_tok=2, n_group=2, topk_group=1, routed_scaling_factor=1.3,
                        first_k_dense_replace=0, v_head_dim=40, qk_rope_head_dim=10, rope_interleave=False,
                        dtype="bfloat16",
                        rope_parameters={"rope_type": "yarn", "rope_theta": 50.0, "factor": 16.0,
                                         "original_max_position_embeddings": 6, "beta_fast": 0.8, "beta_slow": 0.05,
                                         "mscale": 1.0, "mscale_all_dim": 0.5, "llama_4_scaling_beta": 0.3}),
    ),
    Micro(
        "mistral4-kv-scales", "k_scale of pages of latents in E4M3: latents and shared keys to 300,000; dense, BF16",
        15, LEGACY, mid=20, long=24,
        config=mistral4(n_routed_experts=4, num_experts_per_tok=2, first_k_dense_replace=2, v_head_dim=18,
                        intermediate_size=40, vocab_size=37, routed_scaling_factor=1.1, torch_dtype="bfloat16",
                        rope_parameters={"type": "yarn", "rope_theta": 60.0, "factor": 16.0,
                                         "original_max_position_embeddings": 7, "beta_fast": 0.9, "beta_slow": 0.04,
                                         "mscale": 1.0, "mscale_all_dim": 0.8, "llama_4_scaling_beta": 0.2}),
        page_scales=PageScales({"attn.k_scale": (13.7, 888.0)}, ((1024, 1024), (65536, 65536)), as_vectors=False),
    ),
    Micro(
        "mistral4-no-q-lora", "q_lora_rank null, neighbours rotated, every mscale 1, query scaling from 5 tokens, F32",
        19, LEGACY,
        config=mistral4(n_routed_experts=3, num_experts_per_tok=2, norm_topk_prob=False, routed_scaling_factor=1.0,
                        q_lora_rank=None, v_head_dim=20, torch_dtype="float32",
                        rope_parameters={"type": "yarn", "rope_theta": 80.0, "factor": 16.0,
                                         "original_max_position_embeddings": 5, "beta_fast": 0.7, "beta_slow": 0.02,
                                         "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1}),
    ),
)  # fmt: skip
