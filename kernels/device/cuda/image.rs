//! Whether machine code is whole. The driver is given its address and no size: it would read on after the end of a
//! file that was cut.

/// Offsets within `Elf64_Ehdr` (System V ABI, chapter 4): where a table begins, and the size of its entries; the number
/// of entries follows.
const PROGRAM_HEADERS: (usize, usize) = (32, 54);
const SECTION_HEADERS: (usize, usize) = (40, 58);
/// `SHT_NOBITS`: a section that takes no room in the file.
const NO_BITS: u64 = 8;

/// Whether these bytes are an ELF file, 64 bits and little-endian, with everything that its headers name inside.
pub(super) fn is_whole(image: &[u8]) -> bool {
    image.starts_with(b"\x7fELF\x02\x01")
        && table(image, PROGRAM_HEADERS).is_some()
        && table(image, SECTION_HEADERS).is_some_and(|headers| {
            headers.into_iter().all(|header| section_end(image, header).is_some_and(|end| end <= image.len()))
        })
}

/// Where the entries of a table begin; `None` where the table leaves the file.
fn table(image: &[u8], (start, size): (usize, usize)) -> Option<Vec<usize>> {
    let (start, size, count) =
        (number::<8>(image, start)?, number::<2>(image, size)?, number::<2>(image, size + 2)?);
    let end = start.checked_add(size.checked_mul(count)?)?;
    (end <= image.len()).then(|| (0..count).map(|index| start + index * size).collect())
}

/// Where the content of a section ends, given its `Elf64_Shdr`.
fn section_end(image: &[u8], header: usize) -> Option<usize> {
    if number::<4>(image, header + 4)? as u64 == NO_BITS {
        return Some(0);
    }
    number::<8>(image, header + 24)?.checked_add(number::<8>(image, header + 32)?)
}

/// The little-endian number of `N` bytes.
fn number<const N: usize>(image: &[u8], at: usize) -> Option<usize> {
    let field: [u8; N] = image.get(at..at.checked_add(N)?)?.try_into().ok()?;
    let value = field.iter().rev().fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header, one section of 8 bytes, and the table of that section.
    fn image() -> Vec<u8> {
        let mut image = vec![0u8; 64 + 8 + 64];
        image[..6].copy_from_slice(b"\x7fELF\x02\x01");
        image[40] = 72; // e_shoff
        image[58] = 64; // e_shentsize
        image[60] = 1; // e_shnum
        image[72 + 4] = 1; // sh_type
        image[72 + 24] = 64; // sh_offset
        image[72 + 32] = 8; // sh_size
        image
    }

    #[test]
    fn an_image_that_was_cut_is_not_whole() {
        let image = image();
        assert!(is_whole(&image));
        for length in 0..image.len() {
            assert!(!is_whole(&image[..length]), "{length}");
        }
    }

    #[test]
    fn a_section_beyond_the_end_is_not_whole_unless_it_takes_no_room() {
        let mut long = image();
        long[72 + 34] = 1;
        assert!(!is_whole(&long));
        long[72 + 4] = 8;
        assert!(is_whole(&long));
        let mut huge = image();
        huge[40..48].fill(0xff);
        assert!(!is_whole(&huge));
        let mut huge = image();
        huge[72 + 24..72 + 32].fill(0xff);
        assert!(!is_whole(&huge));
    }
}
