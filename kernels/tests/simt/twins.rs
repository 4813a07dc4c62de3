//! Fused products give bit by bit what the steps give that they replace, for rows of every length and dealing.

use std::sync::Arc;

use kernels::Dtype;
use kernels::device::Target;
use kernels::jit::{Jit, JitOptions, KernelSpec, Nvrtc};
use kernels::launch::matmul::Axes;
use kernels::launch::stream::{Geometry, Norm};
use kernels::launch::{
    Expr, Extent, LaunchShape, bias, matvec, matvec_add, matvec_stream, norm_gate_up_matvec, norm_matvec,
    norm_qkv_bias_matvec, norm_qkv_matvec, residual_add, rmsnorm, silu_and_mul,
};
use kernels::seam::Seam;
use rayon::prelude::*;
use simt::{Device, Launch, Options};

use crate::clean::draw::Draw;

/// Tokens of every launch.
const TOKENS: usize = 2;
const EPS: f64 = 1e-3;

/// Features of the result and of the sum, the storage of weights and activations, and how rows are dealt out where that is
/// not left to the kernel: chunks that are not full, several batches, segments, and rounds of which the last is not full.
type Shape = (usize, usize, Dtype, Dtype, Option<(usize, usize, usize)>);
const SHAPES: &[Shape] = &[
    (9, 8, Dtype::BF16, Dtype::BF16, None),
    (72, 40, Dtype::F16, Dtype::F16, None),
    (41, 1000, Dtype::F32, Dtype::F32, None),
    (20, 3336, Dtype::E4M3, Dtype::F16, None),
    (150, 520, Dtype::F32, Dtype::BF16, Some((3, 8, 1))),
    (67, 2056, Dtype::BF16, Dtype::BF16, Some((2, 16, 3))),
    (11, 4864, Dtype::BF16, Dtype::BF16, None),
    (37, 4360, Dtype::F16, Dtype::F16, Some((3, 8, 2))),
];

struct Bench {
    device: Arc<Device>,
    jit: Jit,
}

impl Bench {
    fn new() -> Self {
        let nvrtc = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
        let options = JitOptions { cache: None, seam: Arc::new(Seam::empty()) };
        Self {
            device: Device::new(Options::default()),
            jit: Jit::new(Box::new(nvrtc), Target::new(9, 0), options),
        }
    }

    /// The outputs of a launch, of so many bytes each.
    fn run(
        &self,
        spec: &KernelSpec,
        shape: &LaunchShape,
        outputs: &[usize],
        inputs: &[&[u8]],
    ) -> Vec<Vec<u8>> {
        let artifact = self.jit.artifact(spec).unwrap();
        let function = self.device.load(&artifact.ptx).unwrap().function(&spec.kernel).unwrap();
        let out: Vec<u64> =
            outputs.iter().map(|&bytes| self.device.allocate("out", bytes as u64).unwrap()).collect();
        let given = inputs.iter().map(|bytes| {
            let address = self.device.allocate("in", bytes.len() as u64).unwrap();
            self.device.write(address, bytes).unwrap();
            address
        });
        let all: Vec<u64> = out.iter().copied().chain(given).collect();
        let mut parameters: Vec<u8> = all.iter().flat_map(|address| address.to_le_bytes()).collect();
        parameters.extend((TOKENS as u32).to_le_bytes());
        let extent = Extent { tokens: TOKENS as u64, batch: 1, max_kv: 1 };
        let launch = Launch {
            grid: shape.grid.clone().map(|blocks| blocks.at(extent).unwrap() as u32),
            block: shape.block,
            shared: shape.shared,
            cooperative: false,
            max_dynamic_shared: None,
        };
        self.device.launch(&function, &launch, &parameters).unwrap_or_else(|error| panic!("{spec}: {error}"));
        let read = out.iter().zip(outputs).map(|(&address, &bytes)| {
            let mut found = vec![0; bytes];
            self.device.read(address, &mut found).unwrap();
            found
        });
        let found = read.collect();
        all.iter().for_each(|&address| self.device.free(address).unwrap());
        found
    }

    fn one(&self, spec: &KernelSpec, shape: &LaunchShape, bytes: usize, inputs: &[&[u8]]) -> Vec<u8> {
        self.run(spec, shape, &[bytes], inputs).remove(0)
    }
}

/// Everything that a shape is tried with.
struct Case<'a> {
    bench: &'a Bench,
    axes: Axes,
    dealt: Option<Geometry>,
    draw: Draw,
}

impl Case<'_> {
    fn activations(&mut self, features: usize) -> Vec<u8> {
        self.draw.values(TOKENS * features, self.axes.activation)
    }

    fn weights(&mut self, rows: usize) -> Vec<u8> {
        self.draw.values(rows * self.axes.in_features, self.axes.weight)
    }

    fn bytes(&self, features: usize) -> usize {
        TOKENS * features * self.axes.activation.size()
    }

    fn plain(&self, weight: &[u8], x: &[u8], out_features: usize) -> Vec<u8> {
        // The segments are those of the whole shape.
        let splits = self.splits();
        let spec = matvec::spec(&Axes { out_features, ..self.axes }).with("SPLITS", splits);
        self.bench.one(
            &spec,
            &matvec::shape(Expr::Tokens, out_features),
            self.bytes(out_features),
            &[weight, x],
        )
    }

    fn splits(&self) -> usize {
        self.dealt.map_or(matvec::splits(self.axes.out_features, self.axes.in_features), |dealt| dealt.splits)
    }

    fn geometry(&self, matrices: usize, norm: bool) -> Geometry {
        let own = Geometry::of(self.axes.out_features, &self.axes, self.splits(), matrices, norm);
        self.dealt.map_or(own, |dealt| Geometry { batch: own.batch, ..dealt })
    }

    fn problems(&mut self) -> Vec<String> {
        let Axes { out_features, in_features, activation, weight } = self.axes;
        let norm = Norm { eps: EPS, weight: activation };
        let (x, residual) = (self.activations(in_features), self.activations(out_features));
        let gain = self.draw.values(in_features, activation);
        let (w, up) = (self.weights(out_features), self.weights(out_features));
        let bytes = self.bytes(out_features);
        let mut problems = Vec::new();
        let mut hold = |what: &str, found: &[u8], truth: &[u8]| {
            if found != truth {
                let apart = found.iter().zip(truth).filter(|(a, b)| a != b).count();
                problems.push(format!(
                    "{what} {out_features}x{in_features} {weight} {activation}: {apart} bytes differ"
                ));
            }
        };

        let product = self.plain(&w, &x, out_features);
        let geometry = self.geometry(1, false);
        let shape = geometry.shape(Expr::Tokens);
        let found = self.bench.one(&matvec_stream::laid(&self.axes, geometry), &shape, bytes, &[&w, &x]);
        hold("matvec_stream", &found, &product);

        let add = residual_add::spec(&residual_add::Axes { features: out_features, activation });
        let sum = self.bench.one(&add, &residual_add::shape(Expr::Tokens), bytes, &[&residual, &product]);
        let found =
            self.bench.one(&matvec_add::laid(&self.axes, geometry), &shape, bytes, &[&w, &x, &residual]);
        hold("matvec_add", &found, &sum);

        let spec =
            rmsnorm::spec(&rmsnorm::Axes { features: in_features, eps: EPS, weight: activation, activation });
        let normed =
            self.bench.one(&spec, &rmsnorm::shape(Expr::Tokens), self.bytes(in_features), &[&x, &gain]);
        let gate = self.plain(&w, &normed, out_features);
        let geometry = self.geometry(1, true);
        let spec = norm_matvec::laid(&self.axes, norm, geometry);
        let found = self.bench.one(&spec, &geometry.shape(Expr::Tokens), bytes, &[&x, &gain, &w]);
        hold("norm_matvec", &found, &gate);

        let other = self.plain(&up, &normed, out_features);
        let spec = silu_and_mul::spec(&silu_and_mul::Axes { features: out_features, activation });
        let gated = self.bench.one(&spec, &silu_and_mul::shape(Expr::Tokens), bytes, &[&gate, &other]);
        let geometry = self.geometry(2, true);
        let spec = norm_gate_up_matvec::laid(&self.axes, norm, geometry);
        let found = self.bench.one(&spec, &geometry.shape(Expr::Tokens), bytes, &[&x, &gain, &w, &up]);
        hold("norm_gate_up_matvec", &found, &gated);

        let kv_features = out_features.div_ceil(4);
        let widths = [out_features - 2 * kv_features, kv_features, kv_features];
        let axes = norm_qkv_matvec::Axes {
            q_features: widths[0],
            kv_features,
            in_features,
            weight,
            activation,
            norm,
        };
        let geometry = self.geometry(1, true);
        let row = in_features * weight.size();
        let parts = [0, widths[0], widths[0] + kv_features];
        let weights: Vec<&[u8]> =
            parts.iter().zip(widths).map(|(at, rows)| &w[at * row..][..rows * row]).collect();
        let products: Vec<Vec<u8>> =
            weights.iter().zip(widths).map(|(weight, rows)| self.plain(weight, &normed, rows)).collect();
        let outputs = widths.map(|width| self.bytes(width));
        let inputs = [&[x.as_slice(), &gain], weights.as_slice()].concat();
        let spec = norm_qkv_matvec::laid(&axes, geometry);
        let found = self.bench.run(&spec, &geometry.shape(Expr::Tokens), &outputs, &inputs);
        hold("norm_qkv_matvec", &found.concat(), &products.concat());

        let biases = widths.map(|width| self.draw.values(width, activation));
        let biased: Vec<Vec<u8>> = (0..3)
            .map(|part| {
                let spec = bias::spec(&bias::Axes { features: widths[part], bias: activation, activation });
                let given = [products[part].as_slice(), &biases[part]];
                self.bench.one(&spec, &bias::shape(Expr::Tokens), outputs[part], &given)
            })
            .collect();
        let inputs: Vec<&[u8]> = inputs.into_iter().chain(biases.iter().map(Vec::as_slice)).collect();
        let spec = norm_qkv_bias_matvec::laid(&axes, activation, geometry);
        let found = self.bench.run(&spec, &geometry.shape(Expr::Tokens), &outputs, &inputs);
        hold("norm_qkv_bias_matvec", &found.concat(), &biased.concat());
        problems
    }
}

#[test]
fn fused_products_give_the_bits_of_the_steps_that_they_replace() {
    let bench = Bench::new();
    let problems: Vec<String> = SHAPES
        .par_iter()
        .enumerate()
        .flat_map_iter(|(number, &(out_features, in_features, weight, activation, dealt))| {
            let axes = Axes { out_features, in_features, weight, activation };
            let dealt = dealt.map(|(blocks, groups, splits)| Geometry {
                blocks,
                warps: groups.div_ceil(splits) * splits,
                splits,
                batch: 1,
            });
            Case { bench: &bench, axes, dealt, draw: Draw(number as u64) }.problems()
        })
        .collect();
    crate::hold(SHAPES.len(), &problems);
}
