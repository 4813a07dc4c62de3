//! Every kernel but attention.

use kernels::device::DeviceError;
use kernels::jit::Axis;

use super::{Call, attention, fused, taps};

pub(super) type Done = Result<(), DeviceError>;

impl Call<'_> {
    pub(crate) fn int(&self, axis: &str) -> usize {
        usize::try_from(self.spec.int(axis).unwrap_or_else(|| panic!("{} has no {axis}", self.spec))).unwrap()
    }

    pub(crate) fn real(&self, axis: &str) -> f64 {
        match self.spec.axes.get(axis) {
            Some(Axis::Float(value)) => *value,
            other => panic!("{} has {axis} = {other:?}", self.spec),
        }
    }

    /// The numbers of a parameter that is stored as an axis says.
    pub(crate) fn floats(&mut self, name: &str, axis: &str, count: usize) -> Result<Vec<f32>, DeviceError> {
        self.heap.floats(self.buffers[name], self.spec.dtype(axis).unwrap(), count)
    }

    pub(crate) fn indices(&mut self, name: &str, count: usize) -> Result<Vec<i32>, DeviceError> {
        self.heap.indices(self.buffers[name], count)
    }

    /// Writes indices from element `at` on.
    pub(crate) fn put(&mut self, name: &str, at: usize, values: &[i32]) -> Done {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.heap.bytes(self.buffers[name], 4 * at as u64, bytes.len() as u64)?.copy_from_slice(&bytes);
        Ok(())
    }

    pub(crate) fn store(&mut self, name: &str, axis: &str, at: usize, values: &[f32]) -> Done {
        self.heap.store(self.buffers[name], self.spec.dtype(axis).unwrap(), at, values)
    }

    /// What codes of pages are multiplied by; 1 where they hold no codes.
    pub(crate) fn scale(&self, name: &str) -> f32 {
        let coded = self.spec.dtype("KV_DTYPE") == Some(kernels::Dtype::E4M3);
        if coded { self.scales[name] } else { 1.0 }
    }

    /// Stores new rows of pages, divided by their scale.
    fn write(&mut self, pages: &str, scale: &str, at: usize, row: &[f32]) -> Done {
        let scale = self.scale(scale);
        let held: Vec<f32> = row.iter().map(|x| x / scale).collect();
        self.store(pages, "KV_DTYPE", at, &held)
    }

    pub(crate) fn fault<T>(&self, what: &str) -> Result<T, DeviceError> {
        Err(DeviceError::Fault(format!("{}: {what}", self.spec)))
    }

    /// The grid has to be what the kernel needs.
    pub(crate) fn grid_is(&self, expected: [usize; 3]) -> Done {
        let found = self.grid.map(|blocks| blocks as usize);
        if found == expected { Ok(()) } else { self.fault(&format!("grid {found:?}, not {expected:?}")) }
    }
}

pub(super) fn run(mut call: Call<'_>) -> Done {
    let n = call.number;
    match call.spec.kernel.as_str() {
        "matvec" => {
            call.grid_is([call.int("OUT_FEATURES").div_ceil(8), n, 1])?;
            linear(&mut call, 32)
        }
        "matmul" | "matmul_simt" => {
            call.grid_is([n.div_ceil(64), call.int("OUT_FEATURES").div_ceil(64), 1])?;
            linear(&mut call, 1)
        }
        "matvec_stream"
        | "matvec_add"
        | "norm_matvec"
        | "norm_gate_up_matvec"
        | "norm_qkv_matvec"
        | "norm_qkv_bias_matvec" => {
            call.grid_is([call.int("BLOCKS"), n, 1])?;
            fused::run(&mut call)
        }
        "argmax_split" => {
            call.grid_is([n * call.int("SPLITS"), 1, 1])?;
            argmax_split(&mut call)
        }
        "decode_advance" => {
            call.grid_is([1, 1, 1])?;
            let next = call.indices("next", n)?;
            decode_advance(&mut call, &next)
        }
        "argmax_advance" => {
            call.grid_is([1, 1, 1])?;
            let next = largest_of_slices(&mut call)?;
            decode_advance(&mut call, &next)
        }
        "attention_wgmma" | "attention_flash" | "attention_prefill" | "attention_plain"
        | "attention_decode" | "attention_split" => attention::run(&mut call),
        "attention_merge" => attention::merge(&mut call),
        "tap_statistics_all" => {
            call.grid_is([n * call.int("STAGES"), 1, 1])?;
            taps::statistics(&mut call)
        }
        "rope_kv_write" => rope_kv_write(&mut call, false),
        "norm_rope_kv_write" => rope_kv_write(&mut call, true),
        other => {
            call.grid_is([n, 1, 1])?;
            match other {
                "embedding" => embedding(&mut call),
                "argmax" => argmax(&mut call),
                "sample" => sample(&mut call),
                "rmsnorm" => rmsnorm(&mut call, false),
                "add_rmsnorm" => rmsnorm(&mut call, true),
                "rope" => rope(&mut call),
                "bias" => bias(&mut call),
                "residual_add" => pointwise(&mut call, "residual", "x", |a, b| a + b),
                "silu_and_mul" => pointwise(&mut call, "gate", "up", |a, b| a / (1.0 + (-a).exp()) * b),
                "kv_write" => kv_write(&mut call),
                other => panic!("the double knows no {other}"),
            }
        }
    }
}

/// The place of the largest element; -1 where there is a NaN.
fn largest(row: &[f32]) -> i32 {
    if row.iter().any(|x| x.is_nan()) {
        return -1;
    }
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    i32::try_from(row.iter().position(|x| *x == largest).unwrap()).unwrap()
}

fn argmax(call: &mut Call<'_>) -> Done {
    let (n, width) = (call.number, call.int("FEATURES"));
    let x = call.floats("x", "ACT_DTYPE", n * width)?;
    let chosen: Vec<i32> = x.chunks(width).map(largest).collect();
    call.put("out", 0, &chosen)
}

fn sample(call: &mut Call<'_>) -> Done {
    use kernels::sample::{Parameters, reference, unit};
    let (n, width, words) = (call.number, call.int("FEATURES"), kernels::launch::sample::WORDS);
    let logits: Vec<f64> =
        call.floats("logits", "ACT_DTYPE", n * width)?.into_iter().map(f64::from).collect();
    let (sampling, positions) = (call.indices("sampling", n * words)?, call.indices("positions", n)?);
    let rows = logits.chunks(width).zip(sampling.chunks(words)).zip(positions);
    let chosen: Vec<i32> = rows
        .map(|((row, words), position)| {
            let word = |at: usize| words[at] as u32;
            let (top_k, top_p) = (word(9) as usize, f32::from_bits(word(10)));
            let parameters = Parameters {
                temperature: f32::from_bits(word(8)),
                top_k: Some(top_k).filter(|k| *k > 0),
                top_p: Some(top_p),
            };
            let first = u64::from(word(11)) | u64::from(word(12)) << 32;
            let unit = unit(std::array::from_fn(word), first.wrapping_add(position as u64));
            let drawn = reference(ndarray::aview1(row), &parameters, unit, kernels::Arithmetic::F64);
            drawn.map_or(-1, |drawn| drawn.token as i32)
        })
        .collect();
    call.put("next", 0, &chosen)
}

fn argmax_split(call: &mut Call<'_>) -> Done {
    let (n, features, width) = (call.number, call.int("FEATURES"), call.int("WIDTH"));
    let x = call.floats("x", "ACT_DTYPE", n * features)?;
    let (mut values, mut indices) = (Vec::new(), Vec::new());
    for (at, slice) in x.chunks(features).flat_map(|row| row.chunks(width).enumerate()) {
        let found = largest(slice);
        values.push(if found < 0 { f32::INFINITY } else { slice[found as usize] });
        indices.push(if found < 0 { -1 } else { found + (at * width) as i32 });
    }
    let bits: Vec<i32> = values.iter().map(|value| value.to_bits() as i32).collect();
    call.put("largest", 0, &bits)?;
    call.put("index", 0, &indices)
}

fn largest_of_slices(call: &mut Call<'_>) -> Result<Vec<i32>, DeviceError> {
    let (n, splits) = (call.number, call.int("SPLITS"));
    let bits = call.indices("largest", n * splits)?;
    let values: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits as u32)).collect();
    let indices = call.indices("index", n * splits)?;
    let rows = values.chunks(splits).zip(indices.chunks(splits));
    Ok(rows
        .map(|(values, indices)| if indices.contains(&-1) { -1 } else { indices[largest(values) as usize] })
        .collect())
}

fn decode_advance(call: &mut Call<'_>, next: &[i32]) -> Done {
    let (n, history, page_size) = (call.number, call.int("HISTORY"), call.int("PAGE_SIZE"));
    let step = usize::try_from(call.indices("steps", 1)?[0]).unwrap();
    if step < history {
        call.put("decoded", step * n, next)?;
    }
    call.put("steps", 0, &[i32::try_from(step + 1).unwrap()])?;
    let (indptr, lengths) = (call.indices("kv_page_indptr", n + 1)?, call.indices("kv_len", n)?);
    let pages = call.indices("kv_page_indices", usize::try_from(indptr[n]).unwrap())?;
    let positions: Vec<i32> = call.indices("positions", n)?.iter().map(|x| x + 1).collect();
    let own = |sequence: usize| &pages[indptr[sequence] as usize..indptr[sequence + 1] as usize];
    let slots: Vec<i32> = (0..n)
        .map(|sequence| {
            let at = lengths[sequence] as usize;
            let page = own(sequence).get(at / page_size);
            page.map_or(-1, |page| page * page_size as i32 + (at % page_size) as i32)
        })
        .collect();
    call.put("positions", 0, &positions)?;
    call.put("slot_mapping", 0, &slots)?;
    call.put("kv_len", 0, &lengths.iter().map(|x| x + 1).collect::<Vec<_>>())?;
    call.put("input_ids", 0, &next.iter().map(|&x| x.max(0)).collect::<Vec<_>>())
}

fn embedding(call: &mut Call<'_>) -> Done {
    let (n, width) = (call.number, call.int("FEATURES"));
    let dtype = call.spec.dtype("TABLE_DTYPE").unwrap();
    let rows = usize::try_from(call.buffers["table"].bytes()).unwrap() / dtype.size() / width;
    let table = call.floats("table", "TABLE_DTYPE", rows * width)?;
    for (token, id) in call.indices("input_ids", n)?.into_iter().enumerate() {
        match usize::try_from(id) {
            Ok(id) if id < rows => {
                call.store("out", "ACT_DTYPE", token * width, &table[id * width..][..width])?;
            }
            _ => return call.fault(&format!("token {id} of {rows}")),
        }
    }
    Ok(())
}

fn rmsnorm(call: &mut Call<'_>, add: bool) -> Done {
    let (n, width, eps) = (call.number, call.int("FEATURES"), call.real("EPS") as f32);
    let mut x = call.floats("x", "ACT_DTYPE", n * width)?;
    if add {
        let residual = call.floats("residual", "ACT_DTYPE", n * width)?;
        x.iter_mut().zip(residual).for_each(|(x, residual)| *x += residual);
        call.store("residual_out", "ACT_DTYPE", 0, &x)?;
        x = call.floats("residual_out", "ACT_DTYPE", n * width)?;
    }
    let weight = call.floats("weight", "WEIGHT_DTYPE", width)?;
    call.store("out", "ACT_DTYPE", 0, &normed(&x, &weight, eps))
}

pub(super) fn normed(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks(weight.len()) {
        let squares: f32 = row.iter().map(|x| x * x).sum();
        let scale = 1.0 / (squares / weight.len() as f32 + eps).sqrt();
        out.extend(row.iter().zip(weight).map(|(x, w)| x * scale * w));
    }
    out
}

fn rope(call: &mut Call<'_>) -> Done {
    let heads = call.int("NUM_HEADS");
    let x = call.floats("x", "ACT_DTYPE", call.number * heads * call.int("HEAD_DIM"))?;
    let out = turned(call, &x, heads)?;
    call.store("out", "ACT_DTYPE", 0, &out)
}

/// Norms, rotations and writes, each rounded as it would be stored.
fn rope_kv_write(call: &mut Call<'_>, normed: bool) -> Done {
    let (n, head_dim) = (call.number, call.int("HEAD_DIM"));
    let (heads, kv_heads) = (call.int("NUM_ATTENTION_HEADS"), call.int("NUM_KEY_VALUE_HEADS"));
    call.grid_is([n, (heads + 2 * kv_heads).div_ceil(call.int("HEADS")), 1])?;
    let act = call.spec.dtype("ACT_DTYPE").unwrap();
    let round = |x: &mut f32| *x = act.round(f64::from(*x)) as f32;
    let slots = call.indices("slot_mapping", n)?;
    let (q, k) = (("q", "q_weight", heads), ("k", "k_weight", kv_heads));
    for (name, weight, heads) in [q, k, ("v", "", kv_heads)] {
        let width = heads * head_dim;
        let mut x = call.floats(name, "ACT_DTYPE", n * width)?;
        if normed && name != "v" {
            let (weight, eps) = (call.floats(weight, "WEIGHT_DTYPE", head_dim)?, call.real("EPS") as f32);
            for row in x.chunks_mut(head_dim) {
                let squares: f32 = row.iter().map(|x| x * x).sum();
                let scale = 1.0 / (squares / head_dim as f32 + eps).sqrt();
                row.iter_mut().zip(&weight).for_each(|(x, w)| *x = *x * scale * w);
                row.iter_mut().for_each(round);
            }
        }
        if name != "v" {
            x = turned(call, &x, heads)?;
            x.iter_mut().for_each(round);
        }
        if name == "q" {
            call.store("q_out", "ACT_DTYPE", 0, &x)?;
            continue;
        }
        for (row, slot) in x.chunks(width).zip(&slots) {
            if let Ok(slot) = usize::try_from(*slot) {
                call.write(&format!("{name}_pages"), &format!("{name}_scale"), slot * width, row)?;
            }
        }
    }
    Ok(())
}

/// Heads turned to the positions of their tokens.
fn turned(call: &mut Call<'_>, x: &[f32], heads: usize) -> Result<Vec<f32>, DeviceError> {
    let (n, head_dim) = (call.number, call.int("HEAD_DIM"));
    let positions = call.indices("positions", n)?;
    let mut out = x.to_vec();
    for pair in 0..head_dim / 2 {
        let plain = call.real("THETA").powf(-2.0 * pair as f64 / head_dim as f64);
        let frequency = match call.int("SCALING") {
            0 => plain,
            1 => plain / call.real("FACTOR"),
            _ => {
                let (low, high) = (call.real("LOW_FREQ_FACTOR"), call.real("HIGH_FREQ_FACTOR"));
                let turns = call.real("ORIGINAL_MAX_POSITION_EMBEDDINGS") * plain / std::f64::consts::TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                plain * (kept + (1.0 - kept) / call.real("FACTOR"))
            }
        };
        for (token, position) in positions.iter().enumerate() {
            if *position < 0 {
                return call.fault("a negative position");
            }
            let (sin, cos) = (f64::from(*position) * frequency).sin_cos();
            let (sin, cos) = (sin as f32, cos as f32);
            for head in 0..heads {
                let low = (token * heads + head) * head_dim + pair;
                let high = low + head_dim / 2;
                out[low] = x[low] * cos - x[high] * sin;
                out[high] = x[high] * cos + x[low] * sin;
            }
        }
    }
    Ok(out)
}

fn bias(call: &mut Call<'_>) -> Done {
    let (n, width) = (call.number, call.int("FEATURES"));
    let mut x = call.floats("x", "ACT_DTYPE", n * width)?;
    let bias = call.floats("bias", "BIAS_DTYPE", width)?;
    for row in x.chunks_mut(width) {
        row.iter_mut().zip(&bias).for_each(|(x, bias)| *x += bias);
    }
    call.store("out", "ACT_DTYPE", 0, &x)
}

fn pointwise(call: &mut Call<'_>, a: &str, b: &str, f: fn(f32, f32) -> f32) -> Done {
    let count = call.number * call.int("FEATURES");
    let (a, b) = (call.floats(a, "ACT_DTYPE", count)?, call.floats(b, "ACT_DTYPE", count)?);
    let out: Vec<f32> = a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect();
    call.store("out", "ACT_DTYPE", 0, &out)
}

/// `lanes` interleaved sums of each product, so that matvec and matmul differ in their last digits, as the real ones do.
fn linear(call: &mut Call<'_>, lanes: usize) -> Done {
    let (n, out_features, in_features) = (call.number, call.int("OUT_FEATURES"), call.int("IN_FEATURES"));
    let x = call.floats("x", "ACT_DTYPE", n * in_features)?;
    let weight = call.floats("weight", "WEIGHT_DTYPE", out_features * in_features)?;
    call.store("out", "ACT_DTYPE", 0, &products(&x, &weight, in_features, lanes))
}

pub(super) fn products(x: &[f32], weight: &[f32], in_features: usize, lanes: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for x in x.chunks(in_features) {
        for weight in weight.chunks(in_features) {
            let mut sums = vec![0f32; lanes];
            for (x, weight) in x.chunks(lanes).zip(weight.chunks(lanes)) {
                sums.iter_mut().zip(x).zip(weight).for_each(|((sum, x), w)| *sum += x * w);
            }
            out.push(sums.iter().sum::<f32>());
        }
    }
    out
}

fn kv_write(call: &mut Call<'_>) -> Done {
    let (n, width) = (call.number, call.int("WIDTH"));
    let slots = call.indices("slot_mapping", n)?;
    for (new, pages, scale) in [("k", "k_pages", "k_scale"), ("v", "v_pages", "v_scale")] {
        let rows = call.floats(new, "ACT_DTYPE", n * width)?;
        for (row, slot) in rows.chunks(width).zip(&slots) {
            if let Ok(slot) = usize::try_from(*slot) {
                call.write(pages, scale, slot * width, row)?;
            }
        }
    }
    Ok(())
}
