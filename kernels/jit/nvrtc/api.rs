//! The functions of `libnvrtc` that are used, bound by name. Signatures: NVRTC 13.0 documentation, chapter 3; they
//! are the same since CUDA 11.1.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

use libloading::Library;

use crate::jit::Version;

/// `nvrtcProgram`.
type Handle = *mut c_void;
/// `nvrtcResult`; 0 is success, 6 a refused source.
type Status = c_int;
/// Asks for a size.
type GetSize = unsafe extern "C" fn(Handle, *mut usize) -> Status;
/// Fills a buffer of that size.
type GetBytes = unsafe extern "C" fn(Handle, *mut c_char) -> Status;

/// `NVRTC_ERROR_COMPILATION`.
const REFUSED: Status = 6;

/// The bound functions. NVRTC may be called from many threads at once.
pub(super) struct Api {
    error_string: unsafe extern "C" fn(Status) -> *const c_char,
    version: unsafe extern "C" fn(*mut c_int, *mut c_int) -> Status,
    create: unsafe extern "C" fn(
        *mut Handle,
        *const c_char,
        *const c_char,
        c_int,
        *const *const c_char,
        *const *const c_char,
    ) -> Status,
    compile: unsafe extern "C" fn(Handle, c_int, *const *const c_char) -> Status,
    destroy: unsafe extern "C" fn(*mut Handle) -> Status,
    log: (GetSize, GetBytes),
    ptx: (GetSize, GetBytes),
    cubin: (GetSize, GetBytes),
}

impl Api {
    /// Binds the functions of a library. The caller keeps the library loaded for as long as the process runs.
    pub(super) fn bind(library: &Library) -> Result<Self, String> {
        // SAFETY: each name is that of a function of NVRTC, and the type of the field is its documented signature.
        unsafe {
            Ok(Self {
                error_string: symbol(library, "nvrtcGetErrorString")?,
                version: symbol(library, "nvrtcVersion")?,
                create: symbol(library, "nvrtcCreateProgram")?,
                compile: symbol(library, "nvrtcCompileProgram")?,
                destroy: symbol(library, "nvrtcDestroyProgram")?,
                log: (symbol(library, "nvrtcGetProgramLogSize")?, symbol(library, "nvrtcGetProgramLog")?),
                ptx: (symbol(library, "nvrtcGetPTXSize")?, symbol(library, "nvrtcGetPTX")?),
                cubin: (symbol(library, "nvrtcGetCUBINSize")?, symbol(library, "nvrtcGetCUBIN")?),
            })
        }
    }

    /// The version of the library.
    pub(super) fn version(&self) -> Result<Version, String> {
        let (mut major, mut minor) = (0, 0);
        // SAFETY: both pointers are valid for a write.
        self.check("nvrtcVersion", unsafe { (self.version)(&raw mut major, &raw mut minor) })?;
        match (u32::try_from(major), u32::try_from(minor)) {
            (Ok(major), Ok(minor)) => Ok(Version { major, minor }),
            _ => Err(format!("nvrtcVersion says {major}.{minor}")),
        }
    }

    /// A program of this text, under this name.
    pub(super) fn program(&self, name: &str, source: &str) -> Result<Program<'_>, String> {
        let (name, source) = (terminated(name)?, terminated(source)?);
        let mut handle = ptr::null_mut();
        // SAFETY: both strings end with NUL and outlive the call; no headers are given, so their lists may be null.
        let status = unsafe {
            (self.create)(&raw mut handle, source.as_ptr(), name.as_ptr(), 0, ptr::null(), ptr::null())
        };
        self.check("nvrtcCreateProgram", status)?;
        Ok(Program { api: self, handle })
    }

    fn check(&self, function: &str, status: Status) -> Result<(), String> {
        if status == 0 { Ok(()) } else { Err(format!("{function}: {}", self.describe(status))) }
    }

    fn describe(&self, status: Status) -> String {
        // SAFETY: the function takes any number, and returns a string that is never freed.
        let text = unsafe { (self.error_string)(status) };
        if text.is_null() {
            return format!("error {status}");
        }
        // SAFETY: not null, and ends with NUL.
        let text = unsafe { CStr::from_ptr(text) };
        format!("{} ({status})", text.to_string_lossy())
    }
}

/// One function of the library.
///
/// # Safety
/// `T` must be a function pointer of the signature that the library has under this name.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
    // SAFETY: as the caller promises.
    unsafe { library.get::<T>(name) }
        .map(|symbol| *symbol)
        .map_err(|_| format!("it has no function `{name}`; NVRTC 11.1 or newer is needed"))
}

fn terminated(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|error| format!("a zero byte at {} of what is compiled", error.nul_position()))
}

/// A program, freed when dropped.
pub(super) struct Program<'a> {
    api: &'a Api,
    handle: Handle,
}

impl Program<'_> {
    /// Compiles. The inner error is a refusal of the source or of an option, about which the log says more.
    pub(super) fn compile(&self, options: &[String]) -> Result<Result<(), String>, String> {
        let options: Vec<CString> =
            options.iter().map(|option| terminated(option)).collect::<Result<_, _>>()?;
        let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        let count = c_int::try_from(pointers.len()).map_err(|_| "too many options".to_owned())?;
        // SAFETY: `count` pointers to strings that end with NUL; all outlive the call.
        let status = unsafe { (self.api.compile)(self.handle, count, pointers.as_ptr()) };
        match status {
            0 => Ok(Ok(())),
            REFUSED => Ok(Err(self.api.describe(status))),
            _ => {
                let log = self.log().unwrap_or_default();
                Err(format!("{} {}", self.api.describe(status), log.trim()).trim_end().to_owned())
            }
        }
    }

    /// What the compiler and the assembler said.
    pub(super) fn log(&self) -> Result<String, String> {
        text(self.bytes("the log", self.api.log)?)
    }

    /// The PTX.
    pub(super) fn ptx(&self) -> Result<String, String> {
        text(self.bytes("PTX", self.api.ptx)?)
    }

    /// The machine code.
    pub(super) fn cubin(&self) -> Result<Vec<u8>, String> {
        let cubin = self.bytes("machine code", self.api.cubin)?;
        if cubin.is_empty() {
            Err("no machine code; the target must be a real one (sm_90)".to_owned())
        } else {
            Ok(cubin)
        }
    }

    fn bytes(&self, what: &str, (size, get): (GetSize, GetBytes)) -> Result<Vec<u8>, String> {
        let mut bytes = 0;
        // SAFETY: the handle is alive, the pointer valid for a write.
        self.api.check(what, unsafe { size(self.handle, &raw mut bytes) })?;
        let mut buffer = vec![0u8; bytes];
        // SAFETY: the buffer has the size that was asked for.
        self.api.check(what, unsafe { get(self.handle, buffer.as_mut_ptr().cast()) })?;
        Ok(buffer)
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from `nvrtcCreateProgram` and is destroyed once.
        let _ = unsafe { (self.api.destroy)(&raw mut self.handle) };
    }
}

/// Text without the NUL at its end.
fn text(mut bytes: Vec<u8>) -> Result<String, String> {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| "what it returns is not UTF-8".to_owned())
}
