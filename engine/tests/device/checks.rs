//! Every check of a plan, each seen to fail on a planted fault.

use engine::device::DeviceOptions;
use engine::plan::{BufferId, Element, Input, Operand, Phase, Plan, PlanBuffer, Role, build, check};
use engine::stage::StageName;
use kernels::Dtype;
use kernels::device::Target;
use kernels::jit::Axis;
use kernels::launch::{Expr, Extent};

use crate::support::{open, options};

/// A plan, what it covers, and where it is checked.
struct Case {
    plan: Plan,
    expected: Vec<StageName>,
    extents: Vec<Extent>,
}

impl Case {
    fn new(phase: Phase) -> Self {
        let loaded = open("qwen2-tiny");
        let options = DeviceOptions { fusion: false, ..options(&loaded) };
        let [prefill, decode] = build(&loaded, &options, &Target::new(9, 0).limits()).unwrap();
        let (plan, tokens) = match phase {
            Phase::Prefill => (prefill, 24),
            Phase::Decode => (decode, 4),
        };
        let fused: Vec<StageName> = plan.fused().into_iter().map(|(stage, _)| stage).collect();
        let expected = plan.measured().chain(fused).collect();
        let smallest = Extent { tokens: 1, batch: 1, max_kv: 1 };
        Self { plan, expected, extents: vec![smallest, Extent { tokens, batch: 4, max_kv: 48 }] }
    }

    fn refusal(&self) -> Option<String> {
        let limits = Target::new(9, 0).limits();
        check(&self.plan, &limits, &self.extents, &self.expected).err().map(|error| error.to_string())
    }

    /// The first step of a kernel.
    fn step(&mut self, kernel: &str) -> &mut engine::plan::Step {
        self.plan.steps.iter_mut().find(|step| step.spec.kernel == kernel).unwrap()
    }

    fn id(&self, name: &str) -> BufferId {
        BufferId(self.plan.buffers.iter().position(|buffer| buffer.name == name).unwrap())
    }

    fn buffer(&mut self, name: &str) -> &mut PlanBuffer {
        let id = self.id(name);
        &mut self.plan.buffers[id.0]
    }

    fn axis(&mut self, kernel: &str, axis: &str, value: impl Into<Axis>) {
        self.step(kernel).spec.axes.insert(axis.to_owned(), value.into());
    }
}

/// What is planted, and what the refusal says.
type Fault = (&'static str, fn(&mut Case));

const LAYER: &str = "model.layers.0.self_attn";

/// Faults of launches and arguments.
const LAUNCHES: &[Fault] = &[
    ("has no step", |c| c.plan.steps.clear()),
    ("no kernel has this name", |c| c.step("bias").spec.kernel = "bais".to_owned()),
    ("3 arguments for 4 parameters", |c| drop(c.step("bias").arguments.pop())),
    ("parameter `tokens` takes a number", |c| {
        c.step("bias").arguments[3] = Operand::Buffer(BufferId(0));
    }),
    ("parameter `x` takes a buffer", |c| c.step("bias").arguments[1] = Operand::Number(Expr::Tokens)),
    ("names buffer 9999", |c| c.step("bias").arguments[1] = Operand::Buffer(BufferId(9999))),
    ("grid y is 96000", |c| c.step("matmul").shape.grid[1] = Expr::Tokens * 4000),
    ("grid x is 0", |c| c.step("bias").shape.grid[0] = Expr::Const(0)),
    ("grid z is 70000", |c| c.step("attention_flash").shape.grid[2] = Expr::Const(70_000)),
    ("grid x = 24 * ", |c| c.step("bias").shape.grid[0] = Expr::Const(24) * usize::MAX),
    ("block x is 2048", |c| c.step("bias").shape.block[0] = 2048),
    ("block z is 65", |c| c.step("bias").shape.block[2] = 65),
    ("threads of a block is 1026", |c| c.step("bias").shape.block = [513, 2, 1]),
    ("bytes of shared memory is 232449", |c| c.step("bias").shape.shared = 232_449),
];

/// Faults between axes and buffers.
const BUFFERS: &[Fault] = &[
    ("axis FEATURES is missing", |c| {
        c.step("bias").spec.axes.retain(|axis, _| axis != "FEATURES");
    }),
    ("axis ACT_DTYPE is missing", |c| c.axis("bias", "ACT_DTYPE", 1)),
    ("parameter `out` needs tokens * 512", |c| c.axis("attention_flash", "HEAD_DIM", 128)),
    ("parameter `k_pages` needs a multiple of 2048", |c| {
        c.axis("attention_flash", "NUM_KEY_VALUE_HEADS", 8);
        // The number of pages hides a factor; an odd one does not.
        c.buffer(&format!("{LAYER}.k_pages")).rows = Expr::Const(4 * 49);
    }),
    ("parameter `kv_page_indices` needs", |c| c.axis("attention_flash", "PAGE_SIZE", 2)),
    ("parameter `k_pages` is specialised for E4M3", |c| {
        c.axis("attention_flash", "KV_DTYPE", Dtype::E4M3);
    }),
    ("parameter `k_pages` is specialised for F16", |c| c.axis("kv_write", "KV_DTYPE", Dtype::F16)),
    ("parameter `k` needs tokens * 64", |c| c.axis("kv_write", "WIDTH", 64)),
    ("parameter `out` is specialised for F16", |c| c.axis("residual_add", "ACT_DTYPE", Dtype::F16)),
    ("parameter `weight` is specialised for F32", |c| c.axis("rmsnorm", "WEIGHT_DTYPE", Dtype::F32)),
    ("parameter `weight` is specialised for F16", |c| c.axis("matmul", "WEIGHT_DTYPE", Dtype::F16)),
    ("parameter `bias` is specialised for F32", |c| c.axis("bias", "BIAS_DTYPE", Dtype::F32)),
    ("parameter `table` is specialised for F32", |c| c.axis("embedding", "TABLE_DTYPE", Dtype::F32)),
    ("parameter `out` needs tokens * 255", |c| c.axis("embedding", "FEATURES", 255)),
    ("parameter `weight` needs 32768", |c| c.axis("matmul", "IN_FEATURES", 128)),
    ("parameter `out` needs tokens * 257", |c| c.axis("matmul", "OUT_FEATURES", 257)),
    ("parameter `out` needs tokens * 128", |c| c.axis("rmsnorm", "FEATURES", 128)),
    ("parameter `out` needs tokens * 192", |c| c.axis("rope", "NUM_HEADS", 3)),
    ("parameter `out` needs tokens * 511", |c| c.axis("silu_and_mul", "FEATURES", 511)),
    ("parameter `out` needs batch * 256", |c| {
        *c.step("bias").arguments.last_mut().unwrap() = Operand::Number(Expr::Batch);
    }),
    ("parameter `v_scale` takes a scale", |c| {
        *c.step("kv_write").arguments.last_mut().unwrap() = Operand::Number(Expr::Tokens);
    }),
    ("parameter `tokens` takes a number", |c| {
        *c.step("bias").arguments.last_mut().unwrap() = Operand::Scale(1.0);
    }),
    ("parameter `v_scale` is the scale NaN", |c| {
        *c.step("kv_write").arguments.last_mut().unwrap() = Operand::Scale(f32::NAN);
    }),
    ("parameter `v_scale` is the scale 0", |c| {
        *c.step("kv_write").arguments.last_mut().unwrap() = Operand::Scale(0.0);
    }),
    ("parameter `positions` needs", |c| c.buffer("positions").rows = Expr::Batch),
    ("parameter `qo_indptr` needs", |c| c.buffer("qo_indptr").rows = Expr::Batch),
    ("parameter `kv_len` needs", |c| c.buffer("kv_len").rows = Expr::Const(1)),
    ("parameter `input_ids` is specialised for I32", |c| {
        c.buffer("input_ids").element = Element::Float(Dtype::F32);
    }),
    ("does not fit 64 bits", |c| c.buffer("model.norm").rows = Expr::Tokens * usize::MAX),
    ("rows that indices name is 2147483648", |c| {
        c.buffer(&format!("{LAYER}.k_pages")).rows = Expr::Const(1 << 31);
    }),
];

/// Faults of order and memory.
const ORDER: &[Fault] = &[
    ("reads \"model.embed_tokens\", which no step", |c| c.plan.steps.swap(0, 1)),
    ("reads \"model.layers.0.self_attn.k_pages\", which no step", |c| {
        let write = c.plan.steps.iter().position(|step| step.spec.kernel == "kv_write").unwrap();
        c.plan.steps.swap(write, write + 1);
    }),
    ("reads \"model.layers.1.self_attn.k_pages\", which no step", |c| {
        // Attention of a layer over the pages of another.
        let other = c.id("model.layers.1.self_attn.k_pages");
        c.step("attention_flash").arguments[2] = Operand::Buffer(other);
    }),
    ("writes \"model.embed_tokens\", which was written before", |c| {
        let first = c.plan.steps[0].clone();
        c.plan.steps.push(first);
    }),
    ("which it also reads", |c| {
        let add = c.step("residual_add");
        add.arguments[0] = add.arguments[1].clone();
    }),
    ("writes \"model.norm.weight\", which is only to be read", |c| {
        // At one token the sizes agree, so that only the role is wrong.
        let weight = c.id("model.norm.weight");
        c.step("rmsnorm").arguments[0] = Operand::Buffer(weight);
        c.extents.truncate(1);
    }),
    ("has no slot", |c| c.buffer("model.norm").slot = None),
    ("overwrites \"model.embed_tokens\" in slot", |c| {
        // The residual stream is read again after attention; queries are computed before that.
        let slot = c.buffer("model.embed_tokens").slot;
        c.buffer(&format!("{LAYER}.q_proj")).slot = slot;
    }),
    ("overwrites \"model.norm\" in slot", |c| {
        let slot = c.buffer("model.norm").slot;
        c.buffer("lm_head").slot = slot;
    }),
    ("reads \"model.layers.9.extra.weight\" nowhere", |c| {
        let extra = PlanBuffer {
            name: "model.layers.9.extra.weight".to_owned(),
            element: Element::Float(Dtype::BF16),
            rows: Expr::Const(1),
            width: 8,
            role: Role::Weight,
            slot: None,
        };
        c.plan.buffers.push(extra);
    }),
    ("stores model.embed_tokens in step", |c| c.plan.steps[0].covers.clear()),
    ("computes lm_head nowhere", |c| drop(c.plan.steps.pop())),
    ("computes model.layers.0.self_attn.probs nowhere", |c| {
        c.step("attention_flash").covers.retain(|stage| !stage.to_string().ends_with("probs"));
    }),
    ("computes model.layers.0.mlp.act_fn twice", |c| {
        c.plan.steps.last_mut().unwrap().covers.insert(0, StageName::layer(0, "mlp.act_fn"));
    }),
    ("computes model.layers.9, which the model does not have", |c| {
        c.plan.steps.last_mut().unwrap().covers.insert(0, StageName::layer(9, ""));
    }),
];

#[test]
fn a_good_plan_passes_and_every_planted_fault_is_named() {
    for phase in [Phase::Prefill, Phase::Decode] {
        assert_eq!(Case::new(phase).refusal(), None);
    }
    let tables = [LAUNCHES, BUFFERS, ORDER];
    assert!(tables.iter().map(|table| table.len()).sum::<usize>() > 50);
    for (expected, plant) in tables.concat() {
        let mut case = Case::new(Phase::Prefill);
        plant(&mut case);
        let refusal = case.refusal().unwrap_or_else(|| panic!("nothing said {expected:?}"));
        assert!(refusal.contains(expected), "{refusal:?} does not say {expected:?}");
    }
}

#[test]
fn faults_of_a_decode_plan_are_named() {
    let faults: &[Fault] = &[
        ("grid y is 65536", |c| c.extents[1] = Extent { tokens: 65_536, batch: 65_536, max_kv: 48 }),
        ("parameter `k_pages` is specialised for E4M3", |c| {
            c.axis("attention_split", "KV_DTYPE", Dtype::E4M3);
        }),
        ("parameter `out` needs tokens * 512", |c| c.axis("attention_merge", "HEAD_DIM", 128)),
        ("parameter `x` needs tokens * 255", |c| {
            c.axis("matvec", "IN_FEATURES", 255);
            c.axis("matvec", "OUT_FEATURES", 256);
            // The weight agrees, so that the activation is what is wrong.
            let BufferId(weight) = c.id(&format!("{LAYER}.q_proj.weight"));
            c.plan.buffers[weight].width = 255;
        }),
        ("parameter `kv_len` needs", |c| {
            c.plan.buffers.iter_mut().filter(|b| b.role == Role::Input(Input::KvLen)).for_each(|b| {
                b.rows = Expr::Const(3);
            });
        }),
    ];
    for (expected, plant) in faults {
        let mut case = Case::new(Phase::Decode);
        plant(&mut case);
        let refusal = case.refusal().unwrap_or_else(|| panic!("nothing said {expected:?}"));
        assert!(refusal.contains(expected), "{refusal:?} does not say {expected:?}");
    }
}

#[test]
fn values_that_are_not_needed_together_share_memory() {
    for phase in [Phase::Prefill, Phase::Decode] {
        let case = Case::new(phase);
        let slots: std::collections::BTreeSet<usize> =
            case.plan.buffers.iter().filter_map(|buffer| buffer.slot).collect();
        let stored = case.plan.measured().count();
        // q, k, v and the residual stream, in places that are named apart while they turn.
        assert!(slots.len() <= 8 && stored > 30, "{} slots for {stored} stages", slots.len());
    }
}
