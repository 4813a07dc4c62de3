//! Where `warpgroup.cuh` says that matrices lie: its own functions, run on the virtual device, are held to what the PTX ISA
//! says of copies by tensor map and of descriptors.
//!
//! Products and copies do not run there. What is compiled is the header without its guard, and a kernel that writes down what
//! its functions answer; what copies and products would touch is worked out here.

use kernels::jit::{Compiler, Nvrtc};
use kernels::launch::HEADERS;
use simt::{Device, Launch, Options};

/// `[0]`: offsets that are written by hand; `[1]`: the descriptor; `[2]`, `[3]`: steps along rows and down.
const KERNEL: &str = r#"
extern "C" __global__ void probe(u64* out, u32 rows, u32 columns) {
    u64* at = out;
    for (u32 row = 0; row < rows; ++row)
        for (u32 column = 0; column < columns; column += 8) *at++ = swizzled(rows, row, column);
    *at++ = descriptor(0x12400u, rows * PANEL_ROW);
    for (u32 step = 0; step < columns / 16; ++step) *at++ = along_rows(rows, step);
    for (u32 step = 0; step < rows / 16; ++step) *at++ = down_rows(step);
}
"#;

/// What the functions answer for a matrix of `[rows, columns]`.
struct Answers {
    swizzled: Vec<u64>,
    descriptor: u64,
    along: Vec<u64>,
    down: Vec<u64>,
}

fn answers(rows: usize, columns: usize) -> Answers {
    let header = |name: &str| HEADERS.iter().find(|(found, _)| *found == name).unwrap().1;
    // The guard is taken out, since the virtual device runs what sm_90 has, and instructions of sm_90a are not called.
    let warpgroup = header("warpgroup.cuh").replace("#error", "// ");
    let source = format!("{}{}{warpgroup}{KERNEL}", header("common.cuh"), header("tensor.cuh"));
    let options = ["--gpu-architecture=sm_90", "--std=c++17", "--ptxas-options=-v"].map(str::to_owned);
    let nvrtc = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
    let compiled = nvrtc.compile("probe.cu", "probe", &source, &options).unwrap();
    let device = Device::new(Options::default());
    let function = device.load(&compiled.ptx).unwrap().function("probe").unwrap();
    let pieces = rows * columns / 8;
    let count = pieces + 1 + columns / 16 + rows / 16;
    let address = device.allocate("out", 8 * count as u64).unwrap();
    let mut parameters = address.to_le_bytes().to_vec();
    parameters.extend((rows as u32).to_le_bytes());
    parameters.extend((columns as u32).to_le_bytes());
    let launch =
        Launch { grid: [1, 1, 1], block: [1, 1, 1], shared: 0, cooperative: false, max_dynamic_shared: None };
    device.launch(&function, &launch, &parameters).unwrap();
    let mut bytes = vec![0; 8 * count];
    device.read(address, &mut bytes).unwrap();
    let mut words = bytes.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
    let mut next = |count: usize| words.by_ref().take(count).collect::<Vec<u64>>();
    Answers {
        swizzled: next(pieces),
        descriptor: next(1)[0],
        along: next(columns / 16),
        down: next(rows / 16),
    }
}

/// The swizzle of 128 bytes: bits 4 to 6 of an address are exchanged by themselves ^ bits 7 to 9 (PTX ISA 8.8, section 5.5.7).
const fn exchanged(address: u64) -> u64 {
    address ^ (address >> 7 & 7) << 4
}

/// A descriptor, read as section 9.7.15.5.1.2 says.
struct Descriptor {
    address: u64,
    leading: u64,
    stride: u64,
}

impl Descriptor {
    fn of(bits: u64) -> Self {
        let field = |from: u64| (bits >> from & 0x3fff) << 4;
        assert_eq!(bits >> 62, 1, "128 bytes of swizzle");
        assert_eq!(bits >> 49 & 7, 0, "patterns begin at multiples of 1024");
        Self { address: field(0), leading: field(16), stride: field(32) }
    }

    /// Element [row, k] of a matrix whose rows hold what is summed over, k below 16.
    fn k_major(&self, row: u64, k: u64) -> u64 {
        exchanged(self.address + row / 8 * self.stride + row % 8 * 128 + k * 2)
    }

    /// Element [k, column] of a matrix whose rows are what is summed over, k below 16.
    fn mn_major(&self, k: u64, column: u64) -> u64 {
        exchanged(
            self.address + column / 64 * self.leading + column % 64 * 2 + k / 8 * self.stride + k % 8 * 128,
        )
    }
}

/// Where a copy in boxes of `[tokens, 64]` puts element [row, column] of a matrix of `rows` rows that begins at `base`.
fn copied(base: u64, rows: u64, tokens: u64, row: u64, column: u64) -> u64 {
    let to = base + column / 64 * rows * 128 + row / tokens * tokens * 128;
    exchanged(to + row % tokens * 128 + column % 64 * 2)
}

#[test]
fn copies_products_and_writes_by_hand_agree_on_where_elements_lie() {
    for (rows, columns) in [(64, 64), (128, 64), (128, 128), (192, 64), (192, 128), (64, 128)] {
        let Answers { swizzled, descriptor, along, down } = answers(rows, columns);
        let (rows, columns) = (rows as u64, columns as u64);
        // Of the descriptor.
        const BASE: u64 = 0x12400;
        for row in 0..rows {
            for column in 0..columns {
                let place = copied(BASE, rows, 8, row, column);
                for tokens in [16, 32, 64] {
                    assert_eq!(place, copied(BASE, rows, tokens, row, column), "boxes of {tokens}");
                }
                let by_hand = BASE + swizzled[(row * columns / 8 + column / 8) as usize] + column % 8 * 2;
                assert_eq!(place, by_hand, "[{row}, {column}] of [{rows}, {columns}]");
                // Keys and queries: step column / 16.
                let k_major = Descriptor::of(descriptor + along[(column / 16) as usize]);
                assert_eq!(place, k_major.k_major(row, column % 16), "K-major [{row}, {column}]");
                // Values: step row / 16.
                let mn_major = Descriptor::of(descriptor + down[(row / 16) as usize]);
                assert_eq!(place, mn_major.mn_major(row % 16, column), "MN-major [{row}, {column}]");
            }
        }
        assert_eq!(Descriptor::of(descriptor).address, BASE & 0x3ffff);
    }
}

#[test]
fn a_descriptor_without_the_swizzle_of_its_rows_reads_elsewhere() {
    let Answers { descriptor, .. } = answers(64, 64);
    let right = Descriptor::of(descriptor);
    // What a swizzle of 64 bytes would exchange.
    let other = |address: u64| address ^ (address >> 7 & 3) << 4;
    let apart = (0..64).filter(|&row| {
        let plain = right.address + row / 8 * right.stride + row % 8 * 128;
        other(plain) != right.k_major(row, 0)
    });
    assert_eq!(apart.count(), 32, "half of the rows");
}
