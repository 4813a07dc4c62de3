//! Statistics of stages.

use kernels::device::Buffer;

use super::Call;
use super::ops::Done;

/// Counts, sums and extremes of some numbers, one after the other.
pub(crate) fn of(row: &[f32]) -> [f64; 8] {
    let finite: Vec<f64> = row.iter().filter(|x| x.is_finite()).map(|x| f64::from(*x)).collect();
    let (count, sum) = (finite.len() as f64, finite.iter().sum::<f64>());
    let mean = if finite.is_empty() { 0.0 } else { sum / count };
    [
        count,
        sum,
        finite.iter().map(|x| x * x).sum(),
        finite.iter().copied().fold(f64::INFINITY, f64::min),
        finite.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        row.iter().filter(|x| x.is_nan()).count() as f64,
        row.iter().filter(|x| x.is_infinite()).count() as f64,
        finite.iter().map(|x| (x - mean).powi(2)).sum(),
    ]
}

/// Each stage is where the table says, counted from `x`, and has to be a whole allocation.
pub(super) fn statistics(call: &mut Call<'_>) -> Done {
    let (rows, stages) = (call.number, call.int("STAGES"));
    let dtype = call.spec.dtype("ACT_DTYPE").unwrap();
    let table = call.indices("stages", 3 * stages)?;
    let base = call.buffers["x"].address();
    for (at, entry) in table.chunks(3).enumerate() {
        let [low, high, width] = [entry[0], entry[1], entry[2]].map(|word| u64::from(word.cast_unsigned()));
        let address = base.wrapping_add((high << 32 | low).wrapping_mul(dtype.size() as u64));
        let elements = rows * width as usize;
        let stage =
            Buffer::new("a tapped stage", address, (elements * dtype.size()) as u64, Box::new(|_| {}));
        let values = call.heap.floats(&stage, dtype, elements)?;
        for (row, values) in values.chunks(width as usize).enumerate() {
            let results: Vec<u8> = of(values).iter().flat_map(|x| x.to_le_bytes()).collect();
            let place = 64 * (row * stages + at) as u64;
            call.heap.bytes(call.buffers["out"], place, 64)?.copy_from_slice(&results);
        }
    }
    Ok(())
}
