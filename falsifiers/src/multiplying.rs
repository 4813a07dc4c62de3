//! A virtual device with a library, which the host plays: where claims about one are tried without any hardware.

use std::sync::Arc;

use ::simt::Options;
use kernels::device::simt::SimtDevice;
use kernels::device::{
    Argument, Buffer, Device, DeviceError, Function, Gemm, Graph, GraphNode, Launch, Operands, Properties,
};
use kernels::jit::{Artifact, Compiler, Jit, JitOptions, Nvrtc, default_folder};
use kernels::seam::Seam;

use crate::machine::Machine;
use crate::ops::{decode, encode};

/// What the library is called.
pub(crate) const LIBRARY: &str = "a library of the host";

/// The device.
struct Multiplying(Arc<SimtDevice>);

/// A machine with it.
pub(crate) fn machine(seam: &Arc<Seam>) -> Machine {
    let compiler = Nvrtc::find().unwrap();
    let nvrtc = compiler.version();
    let device: Arc<dyn Device> = Arc::new(Multiplying(SimtDevice::new(Options::default())));
    let options = JitOptions { cache: default_folder(), seam: Arc::clone(seam) };
    let jit = Jit::new(Box::new(compiler), device.properties().target, options);
    Machine::new(device, jit, nvrtc)
}

impl Multiplying {
    /// What is stored at `count` elements from a byte of a buffer on.
    fn values(
        &self,
        (buffer, offset): (&Buffer, u64),
        gemm: &Gemm,
        count: u64,
    ) -> Result<Vec<f64>, DeviceError> {
        let mut bytes = vec![0; usize::try_from(count).unwrap() * gemm.dtype.size()];
        self.read(buffer, offset, &mut bytes)?;
        Ok(decode(&bytes, gemm.dtype))
    }
}

impl Device for Multiplying {
    fn library(&self) -> Result<String, DeviceError> {
        Ok(LIBRARY.to_owned())
    }

    /// As BLAS defines it, by columns, from the last product to the first in f32.
    fn gemm(&self, gemm: &Gemm, operands: &Operands<'_>) -> Result<(), DeviceError> {
        operands.addresses(gemm)?;
        let count = |(rows, columns, ld): (u64, u64, u64)| (columns - 1) * ld + rows;
        let [a, b, c] = gemm.layouts().map(count);
        let (a, b) = (self.values(operands.a, gemm, a)?, self.values(operands.b, gemm, b)?);
        let mut out = vec![0.0; usize::try_from(c).unwrap()];
        if gemm.accumulate {
            out = self.values(operands.c, gemm, c)?;
        }
        let at = |transposed: bool, ld: u64, row: u64, column: u64| match transposed {
            true => usize::try_from(column + row * ld).unwrap(),
            false => usize::try_from(row + column * ld).unwrap(),
        };
        for (column, row) in (0..gemm.n).flat_map(|column| (0..gemm.m).map(move |row| (column, row))) {
            let of_a = |i| a[at(gemm.transpose_a, gemm.lda, row, i)] as f32;
            let of_b = |i| b[at(gemm.transpose_b, gemm.ldb, i, column)] as f32;
            let sum: f32 = (0..gemm.k).rev().map(|i| of_a(i) * of_b(i)).sum();
            out[at(false, gemm.ldc, row, column)] += f64::from(sum);
        }
        let (buffer, offset) = operands.c;
        self.write(buffer, offset, &encode(&out, gemm.dtype))
    }

    fn properties(&self) -> &Properties {
        self.0.properties()
    }

    fn free_memory(&self) -> Result<u64, DeviceError> {
        self.0.free_memory()
    }

    fn allocate(&self, name: &str, bytes: u64) -> Result<Buffer, DeviceError> {
        self.0.allocate(name, bytes)
    }

    fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.0.write(buffer, offset, bytes)
    }

    fn read(&self, buffer: &Buffer, offset: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.0.read(buffer, offset, bytes)
    }

    fn copy(&self, from: (&Buffer, u64), to: (&Buffer, u64), bytes: u64) -> Result<(), DeviceError> {
        self.0.copy(from, to, bytes)
    }

    fn fill(&self, buffer: &Buffer, byte: u8) -> Result<(), DeviceError> {
        self.0.fill(buffer, byte)
    }

    fn load(&self, artifact: &Artifact) -> Result<Function, DeviceError> {
        self.0.load(artifact)
    }

    fn launch(
        &self,
        function: &Function,
        launch: Launch,
        arguments: &[Argument<'_>],
    ) -> Result<(), DeviceError> {
        self.0.launch(function, launch, arguments)
    }

    fn graph(&self, nodes: &[GraphNode<'_>]) -> Result<Graph, DeviceError> {
        self.0.graph(nodes)
    }

    fn replay(&self, graph: &Graph) -> Result<(), DeviceError> {
        self.0.replay(graph)
    }

    fn synchronize(&self) -> Result<(), DeviceError> {
        self.0.synchronize()
    }
}

mod tests {
    use std::path::Path;

    use contracts::{Falsifier, Lane, Tolerance};
    use evidence::Need;

    use super::*;
    use crate::kinds::cases;
    use crate::mutants;
    use crate::stop::Stop;
    use crate::subject::Subject;

    const OP: &str = "op_parity:\n  op: linear\n  kernels: [matmul]\n  cases: 16\n  library: true\n";
    const LOGITS: &str = "logits_parity:\n  model: qwen2-tiny\n  prompts: [fib]\n  library: true\n";

    fn falsifier(text: &str) -> Falsifier {
        contracts::parse::falsifier(text).unwrap()
    }

    fn on(mutant: Option<&str>) -> Subject {
        let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/zoo");
        let seam = mutant.map_or_else(Seam::empty, |name| (mutants::find(name).unwrap().seam)());
        Subject::new(&zoo, seam).on(Lane::Cuda).with_machines(Arc::new(|_, seam| Ok(machine(seam))))
    }

    fn outcomes(text: &str, subject: &Subject) -> Vec<Result<u64, Stop>> {
        let (falsifier, tolerance) = (falsifier(text), Tolerance::Derived { factor: 4.0 });
        let cases = cases(&falsifier, Some(&tolerance));
        assert!(!cases.is_empty() && cases.iter().all(|case| case.id.ends_with(",products=library)")));
        cases.iter().map(|case| (case.attempt)(subject).map(|passed| passed.elements)).collect()
    }

    #[test]
    fn a_library_that_multiplies_survives() {
        for text in [OP, LOGITS] {
            for outcome in outcomes(text, &on(None)) {
                assert!(matches!(&outcome, Ok(elements) if *elements > 0), "{text}: {outcome:?}");
            }
        }
    }

    #[test]
    fn without_a_library_claims_about_one_are_blocked() {
        let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/zoo");
        let subject = Subject::new(&zoo, Seam::empty()).on(Lane::Simt);
        for text in [OP, LOGITS] {
            for outcome in outcomes(text, &subject) {
                assert_eq!(outcome, Err(Stop::Blocked(Need::Library)), "{text}");
            }
        }
    }

    #[test]
    fn mutants_of_what_it_is_asked_for_are_killed() {
        for mutant in ["library@weight-not-transposed", "library@beta-one", "library@token-stride-of-result"]
        {
            for text in [OP, LOGITS] {
                let subject = on(Some(mutant));
                let outcomes = outcomes(text, &subject);
                let killed = outcomes.iter().any(|outcome| matches!(outcome, Err(Stop::Falsified(_))));
                assert!(killed && subject.seam().applied() > 0, "{mutant}, {text}: {outcomes:?}");
            }
        }
    }
}
