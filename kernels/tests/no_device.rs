//! What is said where there is no device. Runs everywhere; where there is one, it opens.

use kernels::device::{CudaDevice, DeviceError, cuda};

#[test]
fn a_device_opens_or_it_is_said_why_not_and_nothing_panics() {
    match (cuda::available(), CudaDevice::open(0)) {
        (Ok(properties), Ok(device)) => {
            assert_eq!(&properties, kernels::device::Device::properties(&*device));
        }
        (Err(first), Err(second)) => {
            assert_eq!(first, second);
            assert!(
                matches!(
                    first,
                    DeviceError::NoDriver(_) | DeviceError::NoDevice { .. } | DeviceError::Unsupported { .. }
                ),
                "{first:?}"
            );
        }
        (first, second) => panic!("{first:?} and {:?}", second.map(|_| ())),
    }
}

#[test]
fn without_a_driver_there_is_no_version_of_it() {
    if let Err(error) = cuda::driver_version() {
        assert!(matches!(error, DeviceError::NoDriver(_)), "{error:?}");
        assert!(error.to_string().contains("install the NVIDIA driver, or ask for --device cpu"), "{error}");
    }
}
