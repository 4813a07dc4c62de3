//! The memory of the double, and numbers in it.

use std::collections::BTreeMap;

use half::{bf16, f16};
use kernels::Dtype;
use kernels::device::{Buffer, DeviceError};

/// Allocations by address.
pub(crate) struct Heap {
    total: u64,
    next: u64,
    allocations: BTreeMap<u64, Vec<u8>>,
}

impl Heap {
    pub(crate) fn new(total: u64) -> Self {
        Self { total, next: 1 << 20, allocations: BTreeMap::new() }
    }

    pub(crate) fn free(&self) -> u64 {
        self.total - self.allocations.values().map(|bytes| bytes.len() as u64).sum::<u64>()
    }

    pub(crate) fn allocate(&mut self, bytes: u64) -> Option<u64> {
        assert!(bytes > 0, "an allocation of nothing");
        if bytes > self.free() {
            return None;
        }
        let address = self.next;
        self.next += bytes.next_multiple_of(256) + 256;
        self.allocations.insert(address, vec![0xff; usize::try_from(bytes).unwrap()]);
        Some(address)
    }

    pub(crate) fn release(&mut self, address: u64) {
        assert!(self.allocations.remove(&address).is_some(), "freed twice");
    }

    /// Some bytes of a buffer, which have to lie in it.
    pub(crate) fn bytes(&mut self, buffer: &Buffer, at: u64, count: u64) -> Result<&mut [u8], DeviceError> {
        let fault = || DeviceError::Fault(format!("{count} bytes at {at} leave {buffer:?}"));
        let allocation = self.allocations.get_mut(&buffer.address()).ok_or_else(fault)?;
        let (from, to) = (usize::try_from(at).unwrap(), usize::try_from(at + count).unwrap());
        allocation.get_mut(from..to).ok_or_else(fault)
    }

    /// The first numbers of a buffer, widened.
    pub(crate) fn floats(
        &mut self,
        buffer: &Buffer,
        dtype: Dtype,
        count: usize,
    ) -> Result<Vec<f32>, DeviceError> {
        Ok(read_floats(dtype, self.bytes(buffer, 0, (count * dtype.size()) as u64)?))
    }

    /// The first indices of a buffer.
    pub(crate) fn indices(&mut self, buffer: &Buffer, count: usize) -> Result<Vec<i32>, DeviceError> {
        let bytes = self.bytes(buffer, 0, 4 * count as u64)?;
        Ok(bytes.as_chunks().0.iter().map(|raw| i32::from_le_bytes(*raw)).collect())
    }

    /// Stores numbers from element `at` on.
    pub(crate) fn store(
        &mut self,
        buffer: &Buffer,
        dtype: Dtype,
        at: usize,
        values: &[f32],
    ) -> Result<(), DeviceError> {
        let bytes = write_floats(dtype, values);
        self.bytes(buffer, (at * dtype.size()) as u64, bytes.len() as u64)?.copy_from_slice(&bytes);
        Ok(())
    }
}

/// The value of an E4M3, by its definition.
fn e4m3(code: u8) -> f32 {
    let (exponent, fraction) = (i32::from(code >> 3 & 15), f32::from(code & 7));
    let magnitude = match (exponent, code & 7) {
        (15, 7) => f32::NAN,
        (0, _) => fraction / 512.0,
        _ => (1.0 + fraction / 8.0) * 2f32.powi(exponent - 7),
    };
    if code >> 7 == 1 { -magnitude } else { magnitude }
}

/// Numbers, widened.
fn read_floats(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    match dtype {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|raw| f32::from_le_bytes(*raw)).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|raw| f16::from_le_bytes(*raw).to_f32()).collect(),
        Dtype::BF16 => bytes.as_chunks().0.iter().map(|raw| bf16::from_le_bytes(*raw).to_f32()).collect(),
        Dtype::E4M3 => bytes.iter().map(|code| e4m3(*code)).collect(),
        Dtype::F64 => unreachable!("no kernel of a plan reads F64"),
    }
}

/// Numbers, rounded to nearest; E4M3 saturates.
fn write_floats(dtype: Dtype, values: &[f32]) -> Vec<u8> {
    match dtype {
        Dtype::F32 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
        Dtype::E4M3 => values.iter().map(|x| nearest_e4m3(*x)).collect(),
        Dtype::F64 => unreachable!("no kernel of a plan writes F64"),
    }
}

/// The nearest of all codes; of two that are as near, the even one.
fn nearest_e4m3(x: f32) -> u8 {
    if x.is_nan() {
        return 0x7f;
    }
    let distance = |code: u8| (f64::from(e4m3(code)) - f64::from(x.abs())).abs();
    let best = (0..0x7f_u8).min_by(|a, b| distance(*a).total_cmp(&distance(*b)).then((a & 1).cmp(&(b & 1))));
    best.unwrap() | if x.is_sign_negative() { 0x80 } else { 0 }
}
