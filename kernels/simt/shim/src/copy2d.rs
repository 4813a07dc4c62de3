//! Copies of several rows.

use simt::graph::Work;

use crate::boundary::{Host, In};
use crate::copy::{End, waited, work};
use crate::handles::{Handle, stream_id};
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// `CUDA_MEMCPY2D`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Copy2d {
    from_x: usize,
    from_y: usize,
    from_kind: u32,
    from_host: Host,
    from_device: u64,
    from_array: usize,
    from_pitch: usize,
    to_x: usize,
    to_y: usize,
    to_kind: u32,
    to_host: Host,
    to_device: u64,
    to_array: usize,
    to_pitch: usize,
    width: usize,
    height: usize,
}

/// `CUDA_MEMCPY3D`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Copy3d {
    from_x: usize,
    from_y: usize,
    from_z: usize,
    from_level: usize,
    from_kind: u32,
    from_host: Host,
    from_device: u64,
    from_array: usize,
    reserved_from: usize,
    from_pitch: usize,
    from_height: usize,
    to_x: usize,
    to_y: usize,
    to_z: usize,
    to_level: usize,
    to_kind: u32,
    to_host: Host,
    to_device: u64,
    to_array: usize,
    reserved_to: usize,
    to_pitch: usize,
    to_height: usize,
    width: usize,
    height: usize,
    depth: usize,
}

/// Where the rows of one end are.
#[derive(Debug, Clone, Copy)]
struct Rows {
    first: End,
    pitch: u64,
    /// Rows of a slice.
    height: u64,
}

impl Rows {
    /// Row `y` of slice `z`.
    fn row(self, y: u64, z: u64) -> Outcome<End> {
        let rows = z.checked_mul(self.height).and_then(|rows| rows.checked_add(y));
        Ok(self.first.skip(rows.and_then(|rows| rows.checked_mul(self.pitch)).ok_or(Status::INVALID_VALUE)?))
    }
}

/// An end, by its kind (`CUmemorytype`). Arrays are not supported.
fn end(session: &Session, kind: u32, host: Host, device: u64) -> Outcome<End> {
    match kind {
        1 => Ok(End::Host(host)),
        2 => Ok(End::Device(device)),
        4 => Ok(End::of(session, device)),
        3 => Err(Status::NOT_SUPPORTED),
        _ => Err(Status::INVALID_VALUE),
    }
}

impl Copy2d {
    const fn deep(self) -> Copy3d {
        Copy3d {
            from_x: self.from_x,
            from_y: self.from_y,
            from_z: 0,
            from_level: 0,
            from_kind: self.from_kind,
            from_host: self.from_host,
            from_device: self.from_device,
            from_array: self.from_array,
            reserved_from: 0,
            from_pitch: self.from_pitch,
            from_height: 0,
            to_x: self.to_x,
            to_y: self.to_y,
            to_z: 0,
            to_level: 0,
            to_kind: self.to_kind,
            to_host: self.to_host,
            to_device: self.to_device,
            to_array: self.to_array,
            reserved_to: 0,
            to_pitch: self.to_pitch,
            to_height: 0,
            width: self.width,
            height: self.height,
            depth: 1,
        }
    }
}

impl Copy3d {
    /// The copy as work, row by row.
    ///
    /// # Errors
    /// Arrays, kinds of memory that are none, rows that overlap, sizes beyond memory.
    pub fn work(self, session: &Session) -> Outcome<Work> {
        // A pitch of 0 is the width.
        let pitch = |pitch: usize| if pitch == 0 { self.width } else { pitch };
        let (from_pitch, to_pitch) = (pitch(self.from_pitch), pitch(self.to_pitch));
        let height = |height: usize| if height == 0 { self.height } else { height };
        if self.from_level != 0 || self.to_level != 0 {
            return Err(Status::INVALID_VALUE);
        }
        let reaches = |x: usize, pitch: usize| x.checked_add(self.width).is_some_and(|end| end <= pitch);
        let rows = self.height.checked_mul(self.depth).ok_or(Status::INVALID_VALUE)?;
        if rows > 1 && !(reaches(self.from_x, from_pitch) && reaches(self.to_x, to_pitch)) {
            return Err(Status::INVALID_VALUE);
        }
        let from = Rows {
            first: end(session, self.from_kind, self.from_host, self.from_device)?.skip(self.from_x as u64),
            pitch: from_pitch as u64,
            height: height(self.from_height) as u64,
        };
        let to = Rows {
            first: end(session, self.to_kind, self.to_host, self.to_device)?.skip(self.to_x as u64),
            pitch: to_pitch as u64,
            height: height(self.to_height) as u64,
        };
        let mut copies = Vec::new();
        for z in 0..self.depth as u64 {
            for y in 0..self.height as u64 {
                let source = from.row(self.from_y as u64 + y, self.from_z as u64 + z)?;
                let target = to.row(self.to_y as u64 + y, self.to_z as u64 + z)?;
                copies.push(work(target, source, self.width as u64));
            }
        }
        Ok(match copies.len() {
            1 => copies.pop().unwrap_or(Work::Empty),
            _ => Work::Rows(copies),
        })
    }
}

exports! {
    fn cuMemcpy2D_v2(copy: In<Copy2d>) {
        let session = session()?;
        let work = copy.get()?.deep().work(&session)?;
        waited(&session, "cuMemcpy2D", work)
    }
    fn cuMemcpy2DUnaligned_v2(copy: In<Copy2d>) {
        let session = session()?;
        let work = copy.get()?.deep().work(&session)?;
        waited(&session, "cuMemcpy2DUnaligned", work)
    }
    fn cuMemcpy2DAsync_v2(copy: In<Copy2d>, stream: Handle) {
        let session = session()?;
        let work = copy.get()?.deep().work(&session)?;
        session.submit("cuMemcpy2DAsync", stream_id(stream)?, work)
    }
    fn cuMemcpy3D_v2(copy: In<Copy3d>) {
        let session = session()?;
        let work = copy.get()?.work(&session)?;
        waited(&session, "cuMemcpy3D", work)
    }
    fn cuMemcpy3DAsync_v2(copy: In<Copy3d>, stream: Handle) {
        let session = session()?;
        let work = copy.get()?.work(&session)?;
        session.submit("cuMemcpy3DAsync", stream_id(stream)?, work)
    }
}
