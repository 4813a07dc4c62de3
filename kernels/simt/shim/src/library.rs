//! Libraries: modules that belong to no context. Here they are the same, and a `CUkernel` is a `CUfunction`.

use std::ffi::{c_char, c_int, c_uint};

use crate::boundary::{Host, In, Out, Text};
use crate::handles::{Handle, Kind, handle, parts};
use crate::module::{handles, kernel, load_into, named};
use crate::session::session;
use crate::status::Status;

exports! {
    fn cuLibraryLoadData(
        library: Out<Handle>, image: Host, options: In<c_int>, values: In<Host>, count: c_uint,
        library_options: In<c_int>, library_values: In<Host>, library_count: c_uint,
    ) {
        // Where binaries are kept and how universal functions are: nothing to do for PTX.
        let _ = (library_options, library_values, library_count);
        load_into("cuLibraryLoadData", library, image, (count, options, values))
    }
    fn cuLibraryUnload(library: Handle) {
        session()?.modules.remove(library).map(|_| ())
    }
    fn cuLibraryGetKernel(found: Out<Handle>, library: Handle, name: Text) {
        found.set(named(&*session()?, library, name)?)
    }
    fn cuLibraryGetModule(module: Out<Handle>, library: Handle) {
        session()?.modules.with(library, |_| ())?;
        module.set(library)
    }
    fn cuLibraryGetKernelCount(count: Out<c_uint>, library: Handle) {
        count.set(handles(&*session()?, library)?.len() as c_uint)
    }
    fn cuLibraryEnumerateKernels(kernels: Out<Handle>, count: c_uint, library: Handle) {
        kernels.list(handles(&*session()?, library)?.into_iter().take(count as usize));
        Ok(())
    }
    fn cuLibraryGetGlobal(address: Out<u64>, bytes: Out<usize>, library: Handle, name: Text) {
        let name = name.get()?;
        let found = session()?.modules.with(library, |loaded| loaded.module.variable(&name))?;
        let (at, size) = found.ok_or(Status::NOT_FOUND)?;
        address.offer(at);
        bytes.offer(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(())
    }
    fn cuKernelGetFunction(function: Out<Handle>, of: Handle) {
        kernel(&*session()?, of)?;
        function.set(of)
    }
    fn cuKernelGetLibrary(library: Out<Handle>, of: Handle) {
        kernel(&*session()?, of)?;
        library.set(handle(Kind::Module, parts(Kind::Function, of)?.0, 0))
    }
    fn cuKernelGetAttribute(value: Out<c_int>, attribute: c_int, of: Handle, device: c_int) {
        crate::device::device(device)?;
        value.set(crate::function::attribute(&*session()?, attribute, of)?)
    }
    fn cuKernelSetAttribute(attribute: c_int, value: c_int, of: Handle, device: c_int) {
        crate::device::device(device)?;
        crate::function::set_attribute(&*session()?, of, attribute, value)
    }
    fn cuKernelGetParamInfo(of: Handle, index: usize, offset: Out<usize>, bytes: Out<usize>) {
        crate::function::parameter(&*session()?, of, index, offset, bytes)
    }
    fn cuKernelGetName(name: Out<*const c_char>, of: Handle) {
        crate::function::name(&*session()?, name, of)
    }
}
