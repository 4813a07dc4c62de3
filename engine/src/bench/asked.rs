//! Bytes of weights that a token asks for, from the configuration and the names of tensors alone: what the count of the plan
//! has to be equal to. So nothing of a plan, and nothing of how it is counted, is used here.

use crate::config::Config;
use crate::weights::{Drawn, Weights};

/// Bytes of weights that one token asks for: of a table that is only looked up, its row; of the routed experts, those that
/// it is sent to; everything else whole and once. `None` for a checkpoint in files, some tensors of which no token asks for.
pub(super) fn weight_bytes(config: &Config, weights: &Weights) -> Option<u64> {
    let mut drawn = weights.names().filter_map(|name| Some((name, weights.drawn(name)?))).peekable();
    drawn.peek()?;
    let (mut whole, mut routed) = (0, 0);
    for (name, tensor) in drawn {
        match name {
            "model.embed_tokens.weight" if !config.tie_word_embeddings => {
                whole += (config.hidden_size * Drawn::DTYPE.size()) as u64;
            }
            _ if name.contains(".mlp.experts.") => routed += tensor.bytes(),
            _ => whole += tensor.bytes(),
        }
    }
    // Experts of a layer are equal in size, and layers too.
    let (chosen, of) = config.mixture.as_ref().map_or((1, 1), |mixture| {
        (mixture.routing.num_experts_per_tok as u64, mixture.routing.num_experts.max(1) as u64)
    });
    Some(whole + routed / of * chosen)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use kernels::seam::Seam;

    use super::*;
    use crate::bench::synthetic;
    use crate::loaded::Loaded;

    fn asked(name: &str) -> u64 {
        let loaded = synthetic::find(name).unwrap().open(1, Arc::new(Seam::empty())).unwrap();
        weight_bytes(loaded.config(), loaded.weights()).unwrap()
    }

    #[test]
    fn a_token_asks_for_its_chosen_experts_and_no_others() {
        // Qwen3-30B-A3B, by hand, in elements: q and o, k and v, the norms of heads and of the layer, the router, and
        // eight experts of three matrices; the head, the last norm, and a row of the table.
        let layer = 2 * 2048 * 4096 + 2 * 2048 * 512 + 2 * 128 + 2 * 2048 + 128 * 2048 + 8 * 3 * 2048 * 768;
        assert_eq!(asked("qwen3-30b-a3b"), 2 * (48 * layer + 151_936 * 2048 + 2048 + 2048));
        // What a card has read.
        assert_eq!(asked("qwen3-30b-a3b"), 6_083_739_648);
    }

    #[test]
    fn a_token_of_latent_attention_asks_for_each_matrix_once() {
        // Mistral Small 4: the two projections of queries, those of latents, o_proj, four norms, the router, four experts
        // of 128, and the shared one.
        let attention = 1024 * 4096 + 32 * 128 * 1024 + 320 * 4096 + 32 * (64 + 128) * 256 + 4096 * 32 * 128;
        let norms = 2 * 4096 + 1024 + 256;
        let layer = attention + norms + 128 * 4096 + (4 + 1) * 3 * 4096 * 2048;
        assert_eq!(asked("mistral-small-4"), 2 * (36 * layer + 131_072 * 4096 + 4096 + 4096));
    }

    #[test]
    fn a_tied_table_is_read_as_the_head_and_files_say_nothing() {
        let loaded = synthetic::find("qwen2.5-0.5b").unwrap().open(1, Arc::new(Seam::empty())).unwrap();
        assert_eq!(asked("qwen2.5-0.5b"), loaded.weights().total_bytes());
        let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo/micro/qwen3-dense");
        let loaded = Loaded::open(&zoo).unwrap();
        assert_eq!(weight_bytes(loaded.config(), loaded.weights()), None);
    }
}
