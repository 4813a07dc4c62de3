//! Fills.

use std::ffi::{c_uchar, c_uint, c_ushort};

use simt::graph::Work;

use crate::copy::waited;
use crate::handles::{Handle, stream_id};
use crate::session::session;
use crate::status::{Outcome, Status};

/// A fill of `height` rows of `width` elements as work. `element` is their size: 1, 2 or 4 bytes.
///
/// # Errors
/// Another size, an address that is no multiple of it, rows that overlap.
pub fn work(to: u64, pitch: u64, value: u32, element: u32, width: u64, height: u64) -> Outcome<Work> {
    let bytes = value.to_le_bytes();
    let pattern = match element {
        1 | 2 | 4 => bytes.get(..element as usize).ok_or(Status::INVALID_VALUE)?.to_vec(),
        _ => return Err(Status::INVALID_VALUE),
    };
    if !to.is_multiple_of(u64::from(element)) {
        return Err(Status::INVALID_VALUE);
    }
    let fill = |to| Work::Fill { to, pattern: pattern.clone(), count: width };
    if width == 0 || height == 0 {
        return Ok(Work::Rows(Vec::new()));
    }
    if height == 1 {
        return Ok(fill(to));
    }
    if width.checked_mul(u64::from(element)).is_none_or(|row| row > pitch) {
        return Err(Status::INVALID_VALUE);
    }
    let rows = (0..height).map(|row| row.checked_mul(pitch).and_then(|skip| to.checked_add(skip)).map(fill));
    rows.collect::<Option<Vec<_>>>().map(Work::Rows).ok_or(Status::INVALID_VALUE)
}

fn now(call: &'static str, to: u64, value: u32, element: u32, count: usize) -> Outcome {
    waited(&*session()?, call, work(to, 0, value, element, count as u64, 1)?)
}

fn later(call: &'static str, to: u64, value: u32, element: u32, count: usize, stream: Handle) -> Outcome {
    let work = work(to, 0, value, element, count as u64, 1)?;
    session()?.submit(call, stream_id(stream)?, work)
}

exports! {
    fn cuMemsetD8_v2(to: u64, value: c_uchar, count: usize) {
        now("cuMemsetD8", to, value.into(), 1, count)
    }
    fn cuMemsetD16_v2(to: u64, value: c_ushort, count: usize) {
        now("cuMemsetD16", to, value.into(), 2, count)
    }
    fn cuMemsetD32_v2(to: u64, value: c_uint, count: usize) {
        now("cuMemsetD32", to, value, 4, count)
    }
    fn cuMemsetD8Async(to: u64, value: c_uchar, count: usize, stream: Handle) {
        later("cuMemsetD8Async", to, value.into(), 1, count, stream)
    }
    fn cuMemsetD16Async(to: u64, value: c_ushort, count: usize, stream: Handle) {
        later("cuMemsetD16Async", to, value.into(), 2, count, stream)
    }
    fn cuMemsetD32Async(to: u64, value: c_uint, count: usize, stream: Handle) {
        later("cuMemsetD32Async", to, value, 4, count, stream)
    }
    fn cuMemsetD2D8_v2(to: u64, pitch: usize, value: c_uchar, width: usize, height: usize) {
        let work = work(to, pitch as u64, value.into(), 1, width as u64, height as u64)?;
        waited(&*session()?, "cuMemsetD2D8", work)
    }
    fn cuMemsetD2D32_v2(to: u64, pitch: usize, value: c_uint, width: usize, height: usize) {
        let work = work(to, pitch as u64, value, 4, width as u64, height as u64)?;
        waited(&*session()?, "cuMemsetD2D32", work)
    }
}
