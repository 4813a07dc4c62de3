//! Attention over pages.

use kernels::Dtype;
use kernels::device::DeviceError;

use super::Call;

pub(super) fn run(call: &mut Call<'_>) -> Result<(), DeviceError> {
    let (batch, head_dim, page_size) = (call.number, call.int("HEAD_DIM"), call.int("PAGE_SIZE"));
    let (heads, kv_heads) = (call.int("NUM_ATTENTION_HEADS"), call.int("NUM_KEY_VALUE_HEADS"));
    let (scale, window) = (call.real("SCALE") as f32, call.int("WINDOW"));
    let index = |value: i32| usize::try_from(value).unwrap();
    let starts: Vec<usize> = call.indices("qo_indptr", batch + 1)?.into_iter().map(index).collect();
    let lens: Vec<usize> = call.indices("kv_len", batch)?.into_iter().map(index).collect();
    let first_page: Vec<usize> = call.indices("kv_page_indptr", batch + 1)?.into_iter().map(index).collect();
    let pages = call.indices("kv_page_indices", first_page[batch])?;
    let tokens = starts[batch];
    match call.spec.kernel.as_str() {
        "attention_decode" => {
            call.grid_is([heads, batch, 1])?;
            if starts.windows(2).any(|pair| pair[1] - pair[0] != 1) {
                return call.fault("a sequence without exactly one token");
            }
        }
        "attention_split" => {
            let columns = kv_heads * (heads / kv_heads).div_ceil(call.int("MOST_HEADS"));
            call.grid_is([columns * call.int("SPLITS"), batch, 1])?;
        }
        "attention_plain" => call.grid_is([tokens, heads, 1])?,
        "attention_flash" => {
            call.grid_is([heads, tokens.div_ceil(call.int("QUERIES")), batch])?;
        }
        "attention_wgmma" => {
            call.grid_is([heads, tokens.div_ceil(64 * call.int("GROUPS")), batch])?;
        }
        _ => call.grid_is([tokens.div_ceil(16), heads, batch])?,
    }
    let width = kv_heads * head_dim;
    let dtype = call.spec.dtype("KV_DTYPE").unwrap();
    let (k_scale, v_scale) = (call.scale("k_scale"), call.scale("v_scale"));
    let held = usize::try_from(call.buffers["k_pages"].bytes()).unwrap() / dtype.size();
    let k = call.floats("k_pages", "KV_DTYPE", held)?;
    let v = call.floats("v_pages", "KV_DTYPE", held)?;
    let q = call.floats("q", "ACT_DTYPE", tokens * heads * head_dim)?;
    let apart = call.spec.kernel == "attention_split";
    let (tile, splits) = if apart { (call.int("TILE"), call.int("SPLITS")) } else { (usize::MAX, 1) };
    let mut out = vec![0f32; q.len() * splits];
    let (mut largest_of, mut total_of) = (vec![f32::NEG_INFINITY; tokens * heads * splits], Vec::new());
    total_of.resize(largest_of.len(), 0f32);
    for sequence in 0..batch {
        let (first, new) = (starts[sequence], starts[sequence + 1] - starts[sequence]);
        let table = &pages[first_page[sequence]..first_page[sequence + 1]];
        for i in 0..new {
            let position = lens[sequence] - new + i;
            let seen = if window == 0 { 0 } else { (position + 1).saturating_sub(window) };
            for head in 0..heads {
                let at = ((first + i) * heads + head) * head_dim;
                let row = |key: usize| {
                    let page = usize::try_from(table[key / page_size]).unwrap();
                    (page * page_size + key % page_size) * width + head / (heads / kv_heads) * head_dim
                };
                for split in 0..splits {
                    let keys: Vec<usize> =
                        (seen..=position).filter(|key| key / tile % splits == split).collect();
                    let score = |key: &usize| {
                        let k = &k[row(*key)..][..head_dim];
                        q[at..][..head_dim].iter().zip(k).map(|(q, k)| q * k).sum::<f32>() * (scale * k_scale)
                    };
                    let scores: Vec<f32> = keys.iter().map(score).collect();
                    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let weights: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
                    let total: f32 = weights.iter().sum();
                    let part = at / head_dim * splits + split;
                    (largest_of[part], total_of[part]) = (largest, total);
                    for d in 0..head_dim {
                        let sum: f32 = weights.iter().zip(&keys).map(|(w, key)| w * v[row(*key) + d]).sum();
                        out[part * head_dim + d] = v_scale * if apart { sum } else { sum / total };
                    }
                }
            }
        }
    }
    if !apart {
        return call.store("out", "ACT_DTYPE", 0, &out);
    }
    for (name, values) in [("largest", &largest_of), ("total", &total_of), ("context", &out)] {
        call.heap.store(call.buffers[name], Dtype::F32, 0, values)?;
    }
    Ok(())
}

/// The splits of every head as one.
pub(super) fn merge(call: &mut Call<'_>) -> Result<(), DeviceError> {
    let (heads, head_dim, splits) =
        (call.int("NUM_ATTENTION_HEADS"), call.int("HEAD_DIM"), call.int("SPLITS"));
    call.grid_is([heads, call.number, 1])?;
    let tokens = call.indices("qo_indptr", call.number + 1)?[call.number];
    let parts = usize::try_from(tokens).unwrap() * heads * splits;
    let mut read = |name: &str, count| call.heap.floats(call.buffers[name], Dtype::F32, count);
    let (largest, total) = (read("largest", parts)?, read("total", parts)?);
    let context = read("context", parts * head_dim)?;
    let mut out = Vec::new();
    for row in (0..parts).step_by(splits) {
        let most = largest[row..row + splits].iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let shares: Vec<f32> = largest[row..row + splits].iter().map(|x| (x - most).exp()).collect();
        let all: f32 = shares.iter().zip(&total[row..]).map(|(share, total)| share * total).sum();
        for d in 0..head_dim {
            let value = |(at, share): (usize, &f32)| share * context[(row + at) * head_dim + d];
            out.push(shares.iter().enumerate().map(value).sum::<f32>() / all);
        }
    }
    call.store("out", "ACT_DTYPE", 0, &out)
}
