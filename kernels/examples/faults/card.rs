//! One launch, through the driver. Unlike the engine's device it checks nothing: what is wrong is to reach the driver.

use std::ffi::{CString, c_void};
use std::ptr;
use std::time::{Duration, Instant};

use cudarc::driver::sys::{self, CUdeviceptr, CUfunction_attribute as Attribute, CUresult};

use crate::corpus::{Case, Parameter, expected};

/// How long a kernel may run. The ones that end need less than a millisecond, under a tool less than a second.
const LIMIT: Duration = Duration::from_secs(6);

/// Launches a case on the first GPU and says how it ended.
pub(crate) fn run(case: &Case, cubin: &[u8]) -> Result<String, String> {
    // SAFETY: opens the library and closes it again; its initialisers have no preconditions.
    if !unsafe { sys::is_culib_present() } {
        return Err("no driver".to_owned());
    }
    let functions = functions(case, cubin)?;
    let mut buffers: Vec<(&str, CUdeviceptr, usize)> = Vec::new();
    for parameter in &case.parameters {
        let Parameter::Buffer { name, elements, fill, freed } = parameter else { continue };
        let mut address = 0;
        // SAFETY: the pointer is valid for a write.
        check("cuMemAlloc", unsafe { sys::cuMemAlloc_v2(&raw mut address, 4 * elements) })?;
        let contents = fill.contents(*elements);
        if !contents.is_empty() {
            // SAFETY: `contents` has that many numbers of four bytes, and the buffer no fewer.
            let status =
                unsafe { sys::cuMemcpyHtoD_v2(address, contents.as_ptr().cast(), 4 * contents.len()) };
            check("cuMemcpyHtoD", status)?;
        }
        if *freed {
            // SAFETY: it was allocated above.
            check("cuMemFree", unsafe { sys::cuMemFree_v2(address) })?;
        }
        buffers.push((name, address, *elements));
    }
    let found = |name: &str| buffers.iter().find(|(known, ..)| *known == name);
    let parameters = case.parameter_bytes(|name| found(name).map(|buffer| buffer.1))?;
    for (index, function) in functions.into_iter().enumerate() {
        launch(case, function, parameters.clone(), index > 0)?;
    }
    if !wait()? {
        return Ok("timeout".to_owned());
    }
    let Some((_, address, elements)) = found(case.expect.0) else { return Ok("ok".to_owned()) };
    let mut held = vec![0u32; *elements];
    // SAFETY: `held` has as many bytes as the buffer.
    let status = unsafe { sys::cuMemcpyDtoH_v2(held.as_mut_ptr().cast(), *address, 4 * elements) };
    check("cuMemcpyDtoH", status)?;
    let expected = expected::expected(case)?;
    let differs = held.iter().zip(&expected).position(|(held, expected)| held != expected);
    Ok(differs.map_or_else(|| "ok".to_owned(), |at| format!("wrong from element {at}")))
}

/// Loads the machine code and asks for the shared memory: the kernels that come before it, and the kernel itself.
fn functions(case: &Case, cubin: &[u8]) -> Result<Vec<sys::CUfunction>, String> {
    let (mut device, mut context, mut module) = (0, ptr::null_mut(), ptr::null_mut());
    // SAFETY: every pointer is valid for a write, and the image is what a compiler wrote, whole.
    unsafe {
        check("cuInit", sys::cuInit(0))?;
        check("cuDeviceGet", sys::cuDeviceGet(&raw mut device, 0))?;
        check("cuDevicePrimaryCtxRetain", sys::cuDevicePrimaryCtxRetain(&raw mut context, device))?;
        check("cuCtxSetCurrent", sys::cuCtxSetCurrent(context))?;
        check("cuModuleLoadData", sys::cuModuleLoadData(&raw mut module, cubin.as_ptr().cast()))?;
    }
    case.before.iter().chain([&case.name]).map(|name| function(case, module, name)).collect()
}

fn function(case: &Case, module: sys::CUmodule, name: &str) -> Result<sys::CUfunction, String> {
    let name = CString::new(name).map_err(|error| error.to_string())?;
    let mut function = ptr::null_mut();
    // SAFETY: the pointer is valid for a write, the module is loaded, and the name ends with NUL.
    let status = unsafe { sys::cuModuleGetFunction(&raw mut function, module, name.as_ptr()) };
    check("cuModuleGetFunction", status)?;
    let asked = case.shape.asked.unwrap_or(case.shape.shared);
    if asked > 48 << 10 {
        let bytes = i32::try_from(asked).map_err(|error| error.to_string())?;
        let attribute = Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        // SAFETY: the function is alive.
        check("cuFuncSetAttribute", unsafe { sys::cuFuncSetAttribute(function, attribute, bytes) })?;
    }
    Ok(function)
}

/// `early`: before the kernel that was launched before it has ended.
fn launch(
    case: &Case,
    function: sys::CUfunction,
    mut parameters: Vec<u8>,
    early: bool,
) -> Result<(), String> {
    let shape = case.shape;
    let mut attribute = sys::CUlaunchAttribute {
        id: sys::CUlaunchAttributeID_enum::CU_LAUNCH_ATTRIBUTE_COOPERATIVE,
        pad: [0; 4],
        value: sys::CUlaunchAttributeValue { cooperative: 1 },
    };
    if early {
        attribute.id = sys::CUlaunchAttributeID_enum::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
        attribute.value = sys::CUlaunchAttributeValue { programmaticStreamSerializationAllowed: 1 };
    }
    let config = sys::CUlaunchConfig {
        gridDimX: shape.grid[0],
        gridDimY: shape.grid[1],
        gridDimZ: shape.grid[2],
        blockDimX: shape.block[0],
        blockDimY: shape.block[1],
        blockDimZ: shape.block[2],
        sharedMemBytes: shape.shared,
        hStream: ptr::null_mut(),
        attrs: &raw mut attribute,
        numAttrs: u32::from(shape.cooperative || early),
    };
    let mut bytes = parameters.len();
    // CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE, CU_LAUNCH_PARAM_END.
    let mut extra: [*mut c_void; 5] = [
        ptr::without_provenance_mut(1),
        parameters.as_mut_ptr().cast(),
        ptr::without_provenance_mut(2),
        (&raw mut bytes).cast(),
        ptr::null_mut(),
    ];
    // SAFETY: the function is alive, and everything that is pointed to outlives the call, which copies it. What the
    // kernel does to the memory of the device is what is looked at.
    let status =
        unsafe { sys::cuLaunchKernelEx(&raw const config, function, ptr::null_mut(), extra.as_mut_ptr()) };
    check("cuLaunchKernel", status)
}

/// Whether everything ended in time.
fn wait() -> Result<bool, String> {
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        // SAFETY: the default stream of the current context.
        match unsafe { sys::cuStreamQuery(ptr::null_mut()) } {
            CUresult::CUDA_ERROR_NOT_READY => std::thread::sleep(Duration::from_millis(1)),
            status => return check("kernel", status).map(|()| true),
        }
    }
    Ok(false)
}

fn check(what: &str, status: CUresult) -> Result<(), String> {
    match status {
        CUresult::CUDA_SUCCESS => Ok(()),
        status => Err(format!("{status:?} of {what}")),
    }
}
