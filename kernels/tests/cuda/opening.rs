//! Opening the device.

use kernels::device::{CudaDevice, cuda};

use super::find_driver;

#[test]
fn a_device_that_is_not_there_is_an_error() {
    find_driver();
    let error = CudaDevice::open(4096).map(|_| ()).unwrap_err();
    assert!(
        error.to_string().contains("device 4096") && error.to_string().contains("counted from 0"),
        "{error}"
    );
}

#[test]
fn the_compiler_is_no_newer_than_the_driver() {
    use kernels::jit::{Compiler, Nvrtc};

    find_driver();
    let (compiler, driver) = (Nvrtc::find().unwrap().version(), cuda::driver_version().unwrap());
    cuda::check_compiler(compiler, driver).unwrap();
}
