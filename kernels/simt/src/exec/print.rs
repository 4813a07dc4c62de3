//! `printf` and `assert`.

use std::fmt::Write as _;

use super::core::Core;
use super::reach::{Outcome, plain, reach, space_of};
use super::run::each;
use super::warp::Warp;
use crate::memory::{AccessKind, Violation};
use crate::ptx::Space;

/// Bytes of a format, of a text argument, and of everything that a block prints.
const LONGEST: usize = 4096;
const MOST_PRINTED: usize = 1 << 20;

/// Bytes at an address of a lane, which are checked as if the kernel read them.
fn bytes(
    core: &mut Core<'_>,
    warp: &mut Warp,
    lane: u32,
    space: Space,
    address: u64,
    count: u32,
) -> Result<u64, Box<Violation>> {
    let mut value = 0;
    for index in (0..count).rev() {
        let addresses = [address.wrapping_add(u64::from(index)); crate::WARP];
        reach(core, warp, space, &plain(AccessKind::Load, 1, 1 << lane, &addresses))?;
        let pointer = core.resolved.pointers[lane as usize];
        // SAFETY: the access was resolved, for one byte; kernels that print run on one thread of the host.
        value = value << 8 | if pointer.is_null() { 0 } else { u64::from(unsafe { *pointer }) };
    }
    Ok(value)
}

/// The text at a generic address, up to its zero byte.
fn text(core: &mut Core<'_>, warp: &mut Warp, lane: u32, address: u64) -> Result<String, Box<Violation>> {
    let mut all = Vec::new();
    while all.len() < LONGEST {
        let address = address.wrapping_add(all.len() as u64);
        let (space, begin) = space_of(address);
        match bytes(core, warp, lane, space, address - begin, 1)? {
            0 => break,
            byte => all.push(byte as u8),
        }
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}

/// `vprintf`: both parameters are generic addresses, at these offsets of local memory.
pub(super) fn print(
    core: &mut Core<'_>,
    warp: &mut Warp,
    format: u32,
    arguments: u32,
    result: Option<u32>,
    lanes: u32,
) -> Outcome {
    for lane in each(lanes) {
        // Whoever prints without end is stopped as whoever loops.
        core.budget = core.budget.saturating_sub(1 + core.work.printed.len() as u64 / 64);
        if core.work.printed.len() >= MOST_PRINTED {
            break;
        }
        let format = bytes(core, warp, lane, Space::Local, u64::from(format), 8)?;
        let mut at = bytes(core, warp, lane, Space::Local, u64::from(arguments), 8)?;
        let format = text(core, warp, lane, format)?;
        let mut out = String::new();
        let mut rest = format.as_str();
        while let Some((before, after)) = rest.split_once('%') {
            if out.len() > LONGEST {
                break;
            }
            out.push_str(before);
            let end = after.find(|c: char| c.is_ascii_alphabetic() && !"hlLzjt".contains(c) || c == '%');
            let Some(end) = end else {
                rest = "";
                break;
            };
            let (flags, letter) = (&after[..end], after[end..].chars().next().unwrap_or('%'));
            rest = &after[end + letter.len_utf8()..];
            if letter == '%' {
                out.push('%');
                continue;
            }
            let wide = flags.contains("ll") || flags.contains('l') || "fFeEgGaAsp".contains(letter);
            let size = if wide { 8 } else { 4 };
            at = at.next_multiple_of(size);
            let (space, begin) = space_of(at);
            let value = bytes(core, warp, lane, space, at - begin, size as u32)?;
            at += size;
            let _ = match letter {
                'd' | 'i' if wide => write!(out, "{}", value as i64),
                'd' | 'i' => write!(out, "{}", value as i32),
                'x' => write!(out, "{value:x}"),
                'X' => write!(out, "{value:X}"),
                'o' => write!(out, "{value:o}"),
                'p' => write!(out, "{value:#x}"),
                'c' => write!(out, "{}", char::from(value as u8)),
                's' => write!(out, "{}", text(core, warp, lane, value)?),
                'e' | 'E' => write!(out, "{:e}", f64::from_bits(value)),
                'g' | 'G' => write!(out, "{}", f64::from_bits(value)),
                'f' | 'F' => {
                    let digits =
                        flags.split_once('.').and_then(|(_, digits)| digits.parse().ok()).unwrap_or(6usize);
                    write!(out, "{:.*}", digits.min(40), f64::from_bits(value))
                }
                _ => write!(out, "{value}"),
            };
        }
        out.push_str(rest);
        if core.work.printed.len() + out.len() <= MOST_PRINTED {
            core.work.printed.push_str(&out);
        }
        if let Some(offset) = result {
            // The result counts as written: how many arguments there were is not asked by anyone.
            let addresses = [u64::from(offset); crate::WARP];
            reach(core, warp, Space::Local, &plain(AccessKind::Store, 4, 1 << lane, &addresses))?;
        }
    }
    Ok(())
}

/// What a failed `assert` says.
pub(super) fn assertion(core: &mut Core<'_>, warp: &mut Warp, message: u32, line: u32, lane: u32) -> String {
    let said = bytes(core, warp, lane, Space::Local, u64::from(message), 8)
        .and_then(|at| text(core, warp, lane, at));
    let line = bytes(core, warp, lane, Space::Local, u64::from(line), 4).unwrap_or(0);
    format!("assertion failed at line {line}: {}", said.unwrap_or_else(|_| "(no text)".to_owned()))
}
