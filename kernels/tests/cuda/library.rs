//! Matrix products of the library, where there is one.

use half::{bf16, f16};
use kernels::Dtype;
use kernels::device::{Argument, Buffer, CudaDevice, Device, DeviceError, Product};
use kernels::seam::Seam;

use super::open;

/// Small whole numbers without a pattern: sums of their products are exact in f32, whatever the order.
fn whole(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 60) as f32 - 7.0
    };
    (0..count).map(|_| next()).collect()
}

fn stored(dtype: Dtype, values: &[f32]) -> Vec<u8> {
    let each = values.iter();
    match dtype {
        Dtype::BF16 => each.flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
        _ => each.flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
    }
}

fn upload(device: &CudaDevice, name: &str, bytes: &[u8]) -> Buffer {
    let buffer = device.allocate(name, bytes.len() as u64).unwrap();
    device.write(&buffer, 0, bytes).unwrap();
    buffer
}

#[test]
fn products_are_exact_where_sums_are_or_there_is_no_library() {
    let device = open();
    match device.library() {
        Ok(name) => {
            println!("{name}");
            exact(&device);
        }
        Err(DeviceError::NoLibrary(why)) => refused(&device, &why),
        Err(error) => panic!("{error}"),
    }
}

/// Without a library a product is refused for the reason that the device gives, and nothing is written.
fn refused(device: &CudaDevice, reason: &str) {
    println!("no library: {reason}");
    assert!(reason.contains("libcublasLt.so.13"), "{reason}");
    let square = stored(Dtype::BF16, &whole(64, 1));
    let out = upload(device, "out", &[0xff; 128]);
    let (x, weight) = (upload(device, "x", &square), upload(device, "weight", &square));
    let product = Product { out_features: 8, in_features: 8, dtype: Dtype::BF16 };
    let buffers = [&out, &weight, &x].map(|buffer| Argument::Buffer(buffer, 0));
    let [out_at, weight_at, x_at] = buffers;
    let arguments = [out_at, weight_at, x_at, Argument::U32(8)];
    let error = product.multiply(device, &arguments, &Seam::empty()).unwrap_err();
    assert!(matches!(&error, DeviceError::NoLibrary(why) if why == reason), "{error}");
    let mut found = [0; 128];
    device.read(&out, 0, &mut found).unwrap();
    assert_eq!(found, [0xff; 128]);
}

fn exact(device: &CudaDevice) {
    let shapes = [(1, 8, 8), (5, 3, 7), (17, 52, 50), (64, 64, 64), (33, 65, 129), (130, 1030, 40)];
    for (dtype, (tokens, out_features, in_features)) in
        [Dtype::BF16, Dtype::F16].into_iter().flat_map(|dtype| shapes.map(|shape| (dtype, shape)))
    {
        let (x, weight) = (whole(tokens * in_features, 1), whole(out_features * in_features, 2));
        let sums: Vec<f32> = (0..tokens * out_features)
            .map(|at| {
                let (token, feature) = (at / out_features * in_features, at % out_features * in_features);
                (0..in_features).map(|i| x[token + i] * weight[feature + i]).sum()
            })
            .collect();
        // What lies behind the result may not be touched, and what lies in it may not matter.
        let size = 2 * sums.len();
        let out = upload(device, "out", &vec![0xff; size + 64]);
        let (x, weight) =
            (upload(device, "x", &stored(dtype, &x)), upload(device, "weight", &stored(dtype, &weight)));
        let product = Product { out_features: out_features as u64, in_features: in_features as u64, dtype };
        let count = u32::try_from(tokens).unwrap();
        let arguments = [
            Argument::Buffer(&out, 0),
            Argument::Buffer(&weight, 0),
            Argument::Buffer(&x, 0),
            Argument::U32(count),
        ];
        // The second time with the algorithm that was kept.
        for _ in 0..2 {
            product.multiply(device, &arguments, &Seam::empty()).unwrap();
            let mut found = vec![0; size + 64];
            device.read(&out, 0, &mut found).unwrap();
            assert_eq!(found[..size], stored(dtype, &sums), "{dtype} {tokens} {out_features} {in_features}");
            assert!(found[size..].iter().all(|byte| *byte == 0xff));
        }
        // One token more than there is memory for.
        let more = [arguments[0], arguments[1], arguments[2], Argument::U32(count + 1)];
        let error = product.multiply(device, &more, &Seam::empty()).unwrap_err();
        assert!(
            matches!(&error, DeviceError::Library { message, .. } if message.contains("leaves")),
            "{error}"
        );
    }
}
