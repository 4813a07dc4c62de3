//! One safetensors file, memory-mapped. The `safetensors` crate decides what a valid file is; this module says,
//! where it refuses, which tensor is at fault and what to do, and refuses duplicate names, which it accepts.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ::safetensors::{Dtype, SafeTensorError, SafeTensors};
use kernels::Real;
use memmap2::Mmap;
use serde::Deserialize;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{DeserializeOwned, IgnoredAny, IntoDeserializer};

use super::element::{self, UnsupportedDtype};
use super::entries::Entries;

mod error;

use error::HEADER_LIMIT;
pub use error::{HeaderError, SafetensorsError};

/// Bytes in front of the header that give its length.
const LENGTH_BYTES: usize = 8;

/// A tensor of a file, still as stored.
#[derive(Clone, Copy, PartialEq)]
pub struct TensorView<'file> {
    /// Its name in the file.
    pub name: &'file str,
    /// How its elements are stored.
    pub dtype: Dtype,
    /// Its shape, row-major.
    pub shape: &'file [usize],
    /// Its elements, little-endian; the length always agrees with dtype and shape.
    pub bytes: &'file [u8],
}

impl TensorView<'_> {
    /// The elements of a floating-point tensor.
    pub fn floats<T: Real>(&self) -> Result<Vec<T>, UnsupportedDtype> {
        element::decode(self.dtype, self.bytes)
    }

    /// The elements of an integer tensor.
    pub fn integers(&self) -> Result<Vec<i64>, UnsupportedDtype> {
        element::decode_integers(self.dtype, self.bytes)
    }
}

impl fmt::Debug for TensorView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} ({} bytes)", self.name, self.dtype, self.shape, self.bytes.len())
    }
}

/// Where a tensor lies in a file that was found to be valid.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    range: Range<usize>,
}

/// An open safetensors file.
///
/// The file stays memory-mapped. Changing or truncating it while it is open is outside of the contract of this
/// type, as it is for every program that maps its weights: values that change under the reader make any result
/// worthless, and a truncation ends the process with a bus error.
pub struct SafetensorsFile {
    path: PathBuf,
    map: Mmap,
    entries: BTreeMap<String, Entry>,
}

impl SafetensorsFile {
    /// Maps the file and checks all of its header.
    pub fn open(path: &Path) -> Result<Self, SafetensorsError> {
        let failed = |source| SafetensorsError::Open { path: path.to_owned(), source };
        let invalid = |source| SafetensorsError::Invalid { path: path.to_owned(), source };
        // Before it is opened: opening a pipe waits for whoever writes into it.
        let metadata = path.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(SafetensorsError::NotAFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        // An empty file cannot be mapped everywhere, so the length is checked first.
        if metadata.len() < LENGTH_BYTES as u64 {
            return Err(invalid(HeaderError::TooShort { length: metadata.len() as usize }));
        }
        // SAFETY: the mapping is read-only and private to this value, and all reads go through the slice that it
        // lends. Nobody may change the file while it is mapped: that is the documented contract of this type.
        let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
        let entries = parse(&map).map_err(invalid)?;
        Ok(Self { path: path.to_owned(), map, entries })
    }

    /// The path that it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// All tensors, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = TensorView<'_>> {
        self.entries.iter().map(|(name, entry)| self.view(name, entry))
    }

    /// One tensor by its name in the file.
    pub fn tensor(&self, name: &str) -> Option<TensorView<'_>> {
        self.entries.get_key_value(name).map(|(name, entry)| self.view(name, entry))
    }

    fn view<'file>(&'file self, name: &'file str, entry: &'file Entry) -> TensorView<'file> {
        TensorView { name, dtype: entry.dtype, shape: &entry.shape, bytes: &self.map[entry.range.clone()] }
    }
}

impl fmt::Debug for SafetensorsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SafetensorsFile")
            .field("path", &self.path)
            .field("tensors", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// Reads the header; every range in the answer lies inside of `bytes`.
fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Entry>, HeaderError> {
    let (length, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| explain(bytes, error))?;
    let start = LENGTH_BYTES + length;
    // The crate keeps the last of two entries of the same name, which can be valid by itself.
    let _ = declared::<IgnoredAny>(&bytes[LENGTH_BYTES..start])?;
    let entries = metadata.tensors().into_iter().map(|(name, info)| {
        let (from, to) = info.data_offsets;
        (name, Entry { dtype: info.dtype, shape: info.shape.clone(), range: start + from..start + to })
    });
    Ok(entries.collect())
}

/// A tensor's entry in the header, before anything about it is known to hold.
#[derive(Deserialize)]
struct Declared {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// The error in our words; the crate's own error where no single tensor is at fault.
fn explain(bytes: &[u8], error: SafeTensorError) -> HeaderError {
    let refused = || HeaderError::Refused { message: one_line(&error) };
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return HeaderError::TooShort { length: bytes.len() };
    };
    let declared_length = u64::from_le_bytes(*length);
    if declared_length > HEADER_LIMIT {
        return HeaderError::HeaderTooLarge { declared: declared_length };
    }
    let Some(header) = rest.get(..declared_length as usize) else {
        return HeaderError::HeaderTruncated { declared: declared_length, available: rest.len() };
    };
    if let SafeTensorError::InvalidHeader(error) = error {
        return HeaderError::HeaderNotUtf8 { offset: error.valid_up_to() };
    }
    let mut tensors = match declared::<Declared>(header) {
        Ok(tensors) => tensors,
        Err(duplicate @ HeaderError::DuplicateTensor { .. }) => return duplicate,
        // A header of another form: the crate's own error says what it expected.
        Err(_) if matches!(error, SafeTensorError::InvalidHeaderDeserialization(_)) => {
            return HeaderError::HeaderJson { message: one_line(&error) };
        }
        Err(other) => return other,
    };
    tensors.sort_by_key(|(_, tensor)| tensor.data_offsets);
    let mut expected = 0;
    for (name, tensor) in tensors {
        if let Err(error) = check(name, tensor, &mut expected) {
            return error;
        }
    }
    let found = (rest.len() - header.len()) as u64;
    if expected == found { refused() } else { HeaderError::Coverage { declared: expected, found } }
}

/// Checks one entry; `position` is where the tensor before it ends, and moves to where this one ends.
fn check(tensor: String, declared: Declared, position: &mut u64) -> Result<(), HeaderError> {
    let Declared { dtype, shape, data_offsets: (start, end) } = declared;
    let deserializer: StrDeserializer<'_, ValueError> = dtype.as_str().into_deserializer();
    let Ok(known) = Dtype::deserialize(deserializer) else {
        return Err(HeaderError::UnknownDtype { tensor, dtype });
    };
    if start != *position || end < start {
        return Err(HeaderError::Offsets { tensor, start, end, expected: *position });
    }
    let elements = shape.iter().try_fold(1_u64, |product, length| product.checked_mul(*length));
    let Some(expected) = elements.and_then(|count| count.checked_mul(known.bitsize() as u64)) else {
        return Err(HeaderError::SizeOverflow { tensor, shape });
    };
    let found = end - start;
    if found.checked_mul(8) != Some(expected) {
        return Err(HeaderError::SizeMismatch { tensor, dtype: known, shape, expected, found });
    }
    *position = end;
    Ok(())
}

/// The tensors that a header declares, in its order; a name that comes twice is an error.
fn declared<V: DeserializeOwned>(header: &[u8]) -> Result<Vec<(String, V)>, HeaderError> {
    let entries = serde_json::from_slice::<Entries<V>>(header)
        .map_err(|error| HeaderError::HeaderJson { message: one_line(&error) })?;
    match entries.duplicate() {
        Some(name) => Err(HeaderError::DuplicateTensor { tensor: name.to_owned() }),
        None => Ok(entries.0),
    }
}

fn one_line(message: &impl fmt::Display) -> String {
    message.to_string().replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{honest, raw};
    use super::*;

    /// Two tensors, one of them empty, and metadata.
    fn example() -> Vec<u8> {
        let header = concat!(
            r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#,
            r#""b":{"dtype":"BF16","shape":[3,1],"data_offsets":[8,14]},"#,
            r#""empty":{"dtype":"F16","shape":[0,7],"data_offsets":[14,14]}}"#
        );
        raw(header, &[0, 0, 128, 63, 0, 0, 0, 192, 128, 63, 0, 64, 0, 0])
    }

    /// What no accepted file may break.
    fn assert_sound(bytes: &[u8], entries: &BTreeMap<String, Entry>) {
        let mut ranges: Vec<_> = entries.values().map(|entry| entry.range.clone()).collect();
        ranges.sort_by_key(|range| (range.start, range.end));
        for pair in ranges.windows(2) {
            assert!(pair[0].end <= pair[1].start, "overlap: {pair:?}");
        }
        for (name, entry) in entries {
            assert!(
                entry.range.start <= entry.range.end && entry.range.end <= bytes.len(),
                "{name}: {entry:?}"
            );
            let bits = entry.shape.iter().product::<usize>() * entry.dtype.bitsize();
            assert_eq!(entry.range.len() * 8, bits, "{name}: {entry:?}");
        }
    }

    /// Parses, and checks the answer, whatever it is.
    fn attempt(bytes: &[u8]) -> Result<BTreeMap<String, Entry>, HeaderError> {
        let answer = parse(bytes);
        match &answer {
            Ok(entries) => assert_sound(bytes, entries),
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
        answer
    }

    fn one(entry: &str, data: &[u8]) -> HeaderError {
        attempt(&raw(&format!("{{\"w\":{entry}}}"), data)).unwrap_err()
    }

    #[test]
    fn a_valid_file_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        std::fs::write(&path, example()).unwrap();
        let file = SafetensorsFile::open(&path).unwrap();
        let names: Vec<_> = file.tensors().map(|tensor| tensor.name).collect();
        assert_eq!(names, ["a", "b", "empty"]);
        assert_eq!(file.tensor("a").unwrap().floats::<f32>().unwrap(), [1.0, -2.0]);
        let b = file.tensor("b").unwrap();
        assert_eq!((b.dtype, b.shape), (Dtype::BF16, [3, 1].as_slice()));
        assert_eq!(b.floats::<f64>().unwrap(), [1.0, 2.0, 0.0]);
        assert!(file.tensor("empty").unwrap().bytes.is_empty() && file.tensor("c").is_none());
        assert!(b.integers().is_err());
    }

    #[test]
    fn a_file_written_by_the_formats_own_crate_is_read_back() {
        let bytes = honest(&[("x", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), ("y", &[], &[5.0])]);
        let entries = attempt(&bytes).unwrap();
        assert_eq!(entries["x"].shape, [2, 2]);
        assert!(entries["y"].shape.is_empty());
    }

    #[test]
    fn every_truncation_is_refused() {
        let whole = example();
        for length in 0..whole.len() {
            let error = attempt(&whole[..length]).unwrap_err();
            let header = u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize + LENGTH_BYTES;
            match error {
                HeaderError::TooShort { .. } => assert!(length < LENGTH_BYTES),
                HeaderError::HeaderTruncated { .. } => assert!((LENGTH_BYTES..header).contains(&length)),
                HeaderError::Coverage { .. } => assert!(length >= header),
                other => panic!("at {length}: {other}"),
            }
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(attempt(&longer), Err(HeaderError::Coverage { declared: 14, found: 15 }));
    }

    #[test]
    fn a_lying_header_length_is_refused() {
        let whole = example();
        for lie in [0, 1, 2, u64::from(u32::MAX), u64::MAX, u64::MAX - 7, HEADER_LIMIT, HEADER_LIMIT + 1] {
            let mut bytes = whole.clone();
            bytes[..LENGTH_BYTES].copy_from_slice(&lie.to_le_bytes());
            let error = attempt(&bytes).unwrap_err();
            match lie {
                0..=2 => assert!(matches!(error, HeaderError::HeaderJson { .. }), "{lie}: {error}"),
                HEADER_LIMIT => {
                    assert!(matches!(error, HeaderError::HeaderTruncated { .. }), "{lie}: {error}")
                }
                _ => assert_eq!(error, HeaderError::HeaderTooLarge { declared: lie }),
            }
        }
    }

    #[test]
    fn lying_offsets_name_the_tensor() {
        let offsets =
            |start, end, expected| HeaderError::Offsets { tensor: "w".into(), start, end, expected };
        let cases = [
            (r#"{"dtype":"F32","shape":[1],"data_offsets":[4,0]}"#, offsets(4, 0, 0)),
            (r#"{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#, offsets(4, 8, 0)),
            (
                r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4000]}"#,
                HeaderError::SizeMismatch {
                    tensor: "w".into(),
                    dtype: Dtype::F32,
                    shape: vec![1],
                    expected: 32,
                    found: 4000,
                },
            ),
            (
                r#"{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}"#,
                HeaderError::Coverage { declared: 4000, found: 4 },
            ),
            (
                r#"{"dtype":"F16","shape":[3],"data_offsets":[0,4]}"#,
                HeaderError::SizeMismatch {
                    tensor: "w".into(),
                    dtype: Dtype::F16,
                    shape: vec![3],
                    expected: 48,
                    found: 4,
                },
            ),
            (
                r#"{"dtype":"F4","shape":[3],"data_offsets":[0,4]}"#,
                HeaderError::SizeMismatch {
                    tensor: "w".into(),
                    dtype: Dtype::F4,
                    shape: vec![3],
                    expected: 12,
                    found: 4,
                },
            ),
            (
                r#"{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}"#,
                HeaderError::SizeOverflow { tensor: "w".into(), shape: vec![1 << 32, 1 << 32] },
            ),
            (
                r#"{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}"#,
                HeaderError::SizeOverflow { tensor: "w".into(), shape: vec![u64::MAX] },
            ),
            (
                r#"{"dtype":"F33","shape":[1],"data_offsets":[0,4]}"#,
                HeaderError::UnknownDtype { tensor: "w".into(), dtype: "F33".into() },
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(one(entry, &[0; 4]), expected, "{entry}");
        }
        let max = u64::MAX;
        let entry = format!(r#"{{"dtype":"U8","shape":[{max}],"data_offsets":[0,{max}]}}"#);
        assert!(matches!(one(&entry, &[0; 4]), HeaderError::SizeOverflow { .. }));
    }

    #[test]
    fn overlaps_and_holes_are_refused() {
        for (second, expected) in [("[2,6]", 4), ("[5,9]", 4), ("[0,4]", 4)] {
            let header = format!(
                r#"{{"a":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}},
                    "b":{{"dtype":"F32","shape":[1],"data_offsets":{second}}}}}"#
            );
            let error = attempt(&raw(&header, &[0; 9])).unwrap_err();
            assert!(
                matches!(error, HeaderError::Offsets { expected: e, .. } if e == expected),
                "{second}: {error}"
            );
        }
    }

    #[test]
    fn duplicate_names_are_refused_even_where_the_rest_is_valid() {
        let entry = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
        let duplicate = raw(&format!("{{\"w\":{entry},\"w\":{entry}}}"), &[0; 4]);
        let expected = HeaderError::DuplicateTensor { tensor: "w".into() };
        // The crate alone accepts it; this is the fault that the check is for.
        assert!(SafeTensors::read_metadata(&duplicate).is_ok());
        assert_eq!(attempt(&duplicate), Err(expected.clone()));
        let escaped = raw(&format!("{{\"w\":{entry},\"\\u0077\":{entry}}}"), &[0; 4]);
        assert_eq!(attempt(&escaped), Err(expected));
    }

    #[test]
    fn headers_of_another_form_are_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for header in ["", "null", "[]", "3", "{", "{\"w\":3}", "{\"w\":{\"shape\":[-1]}}", "{} {}", &deep] {
            let error = attempt(&raw(header, &[])).unwrap_err();
            assert!(matches!(error, HeaderError::HeaderJson { .. }), "{error}");
        }
        let mut binary = raw("{\"w\":\"xx\"}", &[]);
        binary[LENGTH_BYTES + 6] = 0xff;
        assert_eq!(attempt(&binary), Err(HeaderError::HeaderNotUtf8 { offset: 6 }));
        assert!(attempt(&raw("{}", &[])).unwrap().is_empty());
    }

    #[test]
    fn files_that_cannot_be_mapped_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = SafetensorsFile::open(&folder.path().join("nowhere")).unwrap_err();
        assert!(missing.to_string().contains("nowhere"), "{missing}");
        assert!(matches!(SafetensorsFile::open(folder.path()), Err(SafetensorsError::NotAFile { .. })));
        let empty = folder.path().join("empty");
        std::fs::write(&empty, []).unwrap();
        let error = SafetensorsFile::open(&empty).unwrap_err();
        assert!(matches!(
            error,
            SafetensorsError::Invalid { source: HeaderError::TooShort { length: 0 }, .. }
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = attempt(&bytes);
        }

        #[test]
        fn arbitrary_headers_never_panic(header in "[\\[\\]{}\":,a0-9 \\\\]{0,60}", data in 0_usize..20) {
            let _ = attempt(&raw(&header, &vec![0; data]));
        }

        /// Any shape, offsets and dtype: whatever is accepted is sound.
        #[test]
        fn arbitrary_entries_never_lie(
            entries in prop::collection::vec(
                ("[ab]", prop::sample::select(vec!["F32", "BF16", "F64", "F4", "BOOL", "X"]),
                 prop::collection::vec(prop_oneof![0_u64..5, any::<u64>()], 0..3),
                 prop_oneof![0_u64..17, any::<u64>()], prop_oneof![0_u64..17, any::<u64>()]),
                0..3,
            ),
            data in 0_usize..17,
        ) {
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(name, dtype, shape, start, end)| {
                    format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}")
                })
                .collect();
            let _ = attempt(&raw(&format!("{{{}}}", entries.join(",")), &vec![0; data]));
        }

        /// A valid file with some bytes changed, some removed and some repeated.
        #[test]
        fn mutated_files_never_lie(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in prop::option::of((any::<prop::sample::Index>(), 0_usize..9)),
            repeated in prop::option::of((any::<prop::sample::Index>(), 0_usize..40)),
        ) {
            let mut bytes = example();
            for (index, value) in changes {
                let index = index.index(bytes.len());
                bytes[index] = value;
            }
            if let Some((index, length)) = cut {
                let start = index.index(bytes.len());
                bytes.drain(start..(start + length).min(bytes.len()));
            }
            if let Some((index, length)) = repeated {
                let start = index.index(bytes.len().max(1));
                let piece = bytes[start..(start + length).min(bytes.len())].to_vec();
                bytes.splice(start..start, piece);
            }
            let _ = attempt(&bytes);
        }
    }
}
