//! The example as a program of its own.

use super::{built, run};

#[test]
fn an_unmodified_program_runs() {
    let output = run(&built().join("examples/saxpy"), &[], &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, "Touchstone virtual device (sm_90)\ny[1] = 4, y[999] = 3996\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn one_that_goes_past_its_buffer_ends_with_the_line() {
    let output = run(&built().join("examples/saxpy"), &["--beyond"], &[("SIMT_TARGET", "sm_80")]);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && said.contains("sm_80"), "{said}{errors}");
    assert!(errors.contains("simt: fault: out_of_bounds") && errors.contains("kernels.cu:14"), "{errors}");
    assert!(errors.contains("CUDA_ERROR_ILLEGAL_ADDRESS"), "{errors}");
}
