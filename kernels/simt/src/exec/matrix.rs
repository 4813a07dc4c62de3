//! `ldmatrix`, `stmatrix`, `movmatrix`: 8 by 8 matrices of 16-bit elements, spread over a warp (PTX ISA 9.0, section
//! 9.7.14.5.15).
//!
//! Lane `l` holds, of each matrix, the elements at row `l / 4` and columns `2 (l % 4)` and the next; transposed, those at
//! column `l / 4` and these rows. The address of row `r` of matrix `m` comes from lane `8 m + r`.

use super::core::Core;
use super::program::{Code, Where};
use super::reach::{Outcome, addresses, plain};
use super::warp::{ALL, Warp};
use crate::WARP;
use crate::memory::{AccessKind, Layout, SHARED_WINDOW, WINDOW_BYTES};
use crate::registers::Slot;

/// Runs one of them; all lanes are here.
pub(super) fn run(core: &mut Core<'_>, warp: &mut Warp, code: &Code, lanes: u32) -> Outcome {
    let program = core.grid.program;
    match code {
        Code::LoadMatrix { transposed, address, to } => {
            let to = program.operands(*to);
            let rows = rows(warp, *address);
            resolve(core, AccessKind::Load, &rows, to.len())?;
            let pointers = core.resolved.pointers;
            for (matrix, &slot) in to.iter().enumerate() {
                touch(core, warp, AccessKind::Load, &rows, matrix, *transposed)?;
                warp.registers.set_narrow(slot, lanes, |lane| {
                    let [first, second] = elements(lane, *transposed);
                    let value = |(row, column): (usize, usize)| {
                        let pointer = pointers[matrix * 8 + row];
                        if pointer.is_null() {
                            return 0;
                        }
                        // SAFETY: 16 bytes of each row were resolved. Shared memory belongs to this thread of the host.
                        u32::from(unsafe { pointer.cast::<u16>().add(column).read_unaligned() })
                    };
                    value(first) | value(second) << 16
                });
            }
            Ok(())
        }
        Code::StoreMatrix { transposed, address, from } => {
            let from = program.operands(*from);
            let rows = rows(warp, *address);
            resolve(core, AccessKind::Store, &rows, from.len())?;
            let pointers = core.resolved.pointers;
            for (matrix, &slot) in from.iter().enumerate() {
                touch(core, warp, AccessKind::Store, &rows, matrix, *transposed)?;
                for lane in 0..WARP as u32 {
                    let value = warp.registers.narrow(slot, lane);
                    for ((row, column), half) in
                        elements(lane, *transposed).into_iter().zip([value, value >> 16])
                    {
                        let pointer = pointers[matrix * 8 + row];
                        if !pointer.is_null() {
                            // SAFETY: as above.
                            unsafe { pointer.cast::<u16>().add(column).write_unaligned(half as u16) };
                        }
                    }
                }
            }
            Ok(())
        }
        Code::MoveMatrix { to, from } => {
            transpose(warp, *to, *from);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The rows and columns of a lane's two elements.
const fn elements(lane: u32, transposed: bool) -> [(usize, usize); 2] {
    let (one, two) = ((lane / 4) as usize, (lane % 4 * 2) as usize);
    if transposed { [(two, one), (two + 1, one)] } else { [(one, two), (one, two + 1)] }
}

/// The address of each row, in shared memory.
fn rows(warp: &Warp, place: Where) -> [u64; WARP] {
    let mut rows = addresses(&warp.registers, place);
    for row in &mut rows {
        if row.wrapping_sub(SHARED_WINDOW) < WINDOW_BYTES {
            *row -= SHARED_WINDOW;
        }
    }
    rows
}

fn resolve(core: &mut Core<'_>, kind: AccessKind, rows: &[u64; WARP], matrices: usize) -> Outcome {
    let active = if matrices >= 4 { ALL } else { (1 << (8 * matrices)) - 1 };
    core.shared.resolve(&plain(kind, 16, active, rows), &mut core.resolved)
}

/// Tells the history which lane touches which bytes: not the one that gives the address.
fn touch(
    core: &mut Core<'_>,
    warp: &Warp,
    kind: AccessKind,
    rows: &[u64; WARP],
    matrix: usize,
    transposed: bool,
) -> Outcome {
    if !core.grid.checks.races {
        return Ok(());
    }
    let (pieces, bytes) = if transposed { (2, 2) } else { (1, 4) };
    for piece in 0..pieces {
        let mut at = [0; WARP];
        for (lane, at) in (0..).zip(&mut at) {
            let (row, column) = elements(lane, transposed)[piece];
            *at = rows[matrix * 8 + row].wrapping_add(2 * column as u64);
        }
        core.history.shared(warp.number, &plain(kind, bytes, ALL, &at), Layout::Scattered)?;
    }
    Ok(())
}

fn transpose(warp: &mut Warp, to: Slot, from: Slot) {
    let mut matrix = [[0u16; 8]; 8];
    for lane in 0..WARP as u32 {
        let value = warp.registers.narrow(from, lane);
        for ((row, column), half) in elements(lane, false).into_iter().zip([value, value >> 16]) {
            matrix[row][column] = half as u16;
        }
    }
    warp.registers.set_narrow(to, ALL, |lane| {
        let [(row, column), (next_row, next_column)] = elements(lane, true);
        u32::from(matrix[row][column]) | u32::from(matrix[next_row][next_column]) << 16
    });
}
