//! The norms of heads, the rotation of queries and keys, and the writing of keys and values, in one step.
//!
//! `rope`, `rope` and the `kv_write` that reads the second become `rope_kv_write`, and with the two `rmsnorm` of query and
//! key heads before them `norm_rope_kv_write`. Turned queries are still stored; normed heads and turned keys are not, since
//! nothing else reads them. The kernels give bit by bit what the three or five give.

use kernels::jit::{Axis, KernelSpec};
use kernels::launch::{Expr, kv_write, norm_rope_kv_write, rmsnorm, rope, rope_kv_write};

use crate::plan::{BufferId, Operand, Phase, Plan, Step};
use crate::stage::StageName;

/// Fuses what can be fused, and says how often.
pub(super) fn pass(plan: &mut Plan) -> usize {
    let heads = match plan.phase {
        Phase::Decode => rope_kv_write::HEADS_OF_FEW,
        Phase::Prefill => rope_kv_write::HEADS_OF_MANY,
    };
    let (mut fused, mut at) = (0, 0);
    while at < plan.steps.len() {
        let found = [5, 3].into_iter().find_map(|count| {
            let window = plan.steps.get(at..at.checked_add(count)?)?;
            let (step, lost) = joined(window, heads)?;
            // What is not stored any more may be read within the window only.
            let elsewhere = |id: BufferId| {
                let others =
                    plan.steps.iter().enumerate().filter(|(place, _)| !(at..at + count).contains(place));
                others.map(|(_, step)| step).any(|step| step.reads().any(|read| read == id))
            };
            (!lost.into_iter().any(elsewhere)).then_some((count, step))
        });
        if let Some((count, step)) = found {
            plan.steps.splice(at..at + count, [step]);
            fused += 1;
        }
        at += 1;
    }
    fused
}

/// The steps as one, with the buffers that it stores no more.
fn joined(steps: &[Step], heads: usize) -> Option<(Step, Vec<BufferId>)> {
    match steps {
        [q_norm, k_norm, q_rope, k_rope, write] => {
            let norms = [Norm::of(q_norm)?, Norm::of(k_norm)?];
            let [q, k] = norms.each_ref().map(|norm| norm.out);
            let [q_norm, k_norm] = &norms;
            let mut plain = Plain::of(q_rope, k_rope, write, heads)?;
            let same =
                q_norm.spec == k_norm.spec && q_norm.spec.dtype("ACT_DTYPE") == plain.spec.dtype("ACT_DTYPE");
            let of_heads = q_norm.spec.int("FEATURES") == plain.spec.int("HEAD_DIM");
            if (q, k) != (plain.q, plain.k) || !same || !of_heads {
                return None;
            }
            (plain.q, plain.k) = (q_norm.x, k_norm.x);
            let Some(Axis::Float(eps)) = q_norm.spec.axes.get("EPS") else { return None };
            let spec = norm_rope_kv_write::of(plain.spec.clone(), *eps, q_norm.spec.dtype("WEIGHT_DTYPE")?);
            let lost = vec![q, k, plain.turned];
            Some((plain.step(steps, spec, &[q_norm.weight, k_norm.weight], heads)?, lost))
        }
        [q_rope, k_rope, write] => {
            let plain = Plain::of(q_rope, k_rope, write, heads)?;
            Some((plain.step(steps, plain.spec.clone(), &[], heads)?, vec![plain.turned]))
        }
        _ => None,
    }
}

/// The norm of heads.
struct Norm<'a> {
    spec: &'a KernelSpec,
    out: BufferId,
    x: BufferId,
    weight: BufferId,
}

impl<'a> Norm<'a> {
    fn of(step: &'a Step) -> Option<Self> {
        match (step.spec.kernel == rmsnorm::KERNEL.name, step.arguments.as_slice()) {
            (
                true,
                &[Operand::Buffer(out), Operand::Buffer(x), Operand::Buffer(weight), Operand::Number(_)],
            ) => Some(Self { spec: &step.spec, out, x, weight }),
            _ => None,
        }
    }
}

/// Two rotations, and the writing of what the second turned.
struct Plain {
    spec: KernelSpec,
    pages: [BufferId; 2],
    out: BufferId,
    q: BufferId,
    k: BufferId,
    /// Keys after they were turned.
    turned: BufferId,
    v: BufferId,
    positions: BufferId,
    slots: BufferId,
    tokens: Expr,
    /// Those of keys and of values.
    scales: [f32; 2],
}

impl Plain {
    fn of(q_rope: &Step, k_rope: &Step, write: &Step, heads: usize) -> Option<Self> {
        let kernels = [&q_rope.spec.kernel, &k_rope.spec.kernel, &write.spec.kernel];
        if kernels != [rope::KERNEL.name, rope::KERNEL.name, kv_write::KERNEL.name] {
            return None;
        }
        let [Operand::Buffer(out), Operand::Buffer(q), Operand::Buffer(positions), Operand::Number(tokens)] =
            q_rope.arguments.as_slice()
        else {
            return None;
        };
        let [
            Operand::Buffer(turned),
            Operand::Buffer(k),
            Operand::Buffer(k_positions),
            Operand::Number(k_tokens),
        ] = k_rope.arguments.as_slice()
        else {
            return None;
        };
        let [
            Operand::Buffer(k_pages),
            Operand::Buffer(v_pages),
            Operand::Buffer(written),
            Operand::Buffer(v),
            Operand::Buffer(slots),
            Operand::Number(v_tokens),
            Operand::Scale(k_scale),
            Operand::Scale(v_scale),
        ] = write.arguments.as_slice()
        else {
            return None;
        };
        let but_heads = |step: &Step| {
            let mut axes = step.spec.axes.clone();
            axes.remove("NUM_HEADS");
            axes
        };
        let kv_heads = k_rope.spec.int("NUM_HEADS")?;
        let together =
            written == turned && positions == k_positions && tokens == k_tokens && tokens == v_tokens;
        let alike = but_heads(q_rope) == but_heads(k_rope)
            && write.spec.dtype("ACT_DTYPE") == k_rope.spec.dtype("ACT_DTYPE")
            && write.spec.int("WIDTH") == kv_heads.checked_mul(k_rope.spec.int("HEAD_DIM")?);
        if !together || !alike {
            return None;
        }
        let (kv_heads, kv) = (usize::try_from(kv_heads).ok()?, write.spec.dtype("KV_DTYPE")?);
        Some(Self {
            spec: rope_kv_write::of(q_rope.spec.clone(), kv_heads, kv, heads),
            pages: [*k_pages, *v_pages],
            out: *out,
            q: *q,
            k: *k,
            turned: *turned,
            v: *v,
            positions: *positions,
            slots: *slots,
            tokens: tokens.clone(),
            scales: [*k_scale, *v_scale],
        })
    }

    /// The step that takes the place of `steps`.
    fn step(&self, steps: &[Step], spec: KernelSpec, weights: &[BufferId], heads: usize) -> Option<Step> {
        let count = |axis| usize::try_from(spec.int(axis)?).ok();
        let all = count("NUM_KEY_VALUE_HEADS")?.checked_mul(2)?.checked_add(count("NUM_ATTENTION_HEADS")?)?;
        let mut buffers = vec![self.pages[0], self.pages[1], self.out, self.q, self.k, self.v];
        buffers.extend(weights);
        buffers.extend([self.positions, self.slots]);
        let mut arguments: Vec<Operand> = buffers.into_iter().map(Operand::Buffer).collect();
        arguments.push(Operand::Number(self.tokens.clone()));
        arguments.extend(self.scales.map(Operand::Scale));
        let covers: Vec<StageName> = steps.iter().flat_map(|step| step.covers.iter().copied()).collect();
        let shape = rope_kv_write::shape(all, heads, self.tokens.clone());
        Some(Step { covers, spec, shape, arguments, library: None })
    }
}
