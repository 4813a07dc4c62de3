//! Entry points by name (`cuGetProcAddress`).

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::sync::OnceLock;

use crate::boundary::{Out, Text};
use crate::status::Status;
use crate::{
    capture, context, copy, copy2d, device, edge, event, fill, function, graph, instance, launch, library,
    memory, module, node, occupancy, pinned, pointer, pool, status, stream,
};

/// Every function by its name in the library.
fn addresses() -> &'static BTreeMap<&'static str, usize> {
    static ADDRESSES: OnceLock<BTreeMap<&'static str, usize>> = OnceLock::new();
    ADDRESSES.get_or_init(|| {
        [
            capture::entries,
            context::entries,
            copy::entries,
            copy2d::entries,
            device::entries,
            edge::entries,
            event::entries,
            fill::entries,
            function::entries,
            graph::entries,
            instance::entries,
            launch::entries,
            library::entries,
            memory::entries,
            module::entries,
            node::entries,
            occupancy::entries,
            pinned::entries,
            pointer::entries,
            pool::entries,
            status::entries,
            stream::entries,
            entries,
        ]
        .into_iter()
        .flat_map(|entries| entries())
        .collect()
    })
}

/// The CUDA version that a suffix came with, where a name of the header means an older function for older programs.
fn since(name: &str) -> c_int {
    match name {
        "cuCtxCreate_v4"
        | "cuGraphGetEdges_v2"
        | "cuGraphAddDependencies_v2"
        | "cuGraphRemoveDependencies_v2" => 13_000,
        "cuStreamGetCaptureInfo_v3" => 12_030,
        "cuEventElapsedTime_v2" => 12_080,
        "cuGraphAddKernelNode_v2"
        | "cuGraphKernelNodeSetParams_v2"
        | "cuGraphExecKernelNodeSetParams_v2"
        | "cuGraphExecUpdate_v2" => 12_000,
        _ => 0,
    }
}

/// The function that a name of the header means in a version: the newest that is not newer.
#[must_use]
pub fn find(name: &str, version: c_int) -> Option<usize> {
    let known = addresses();
    ["_v4", "_v3", "_v2", ""].iter().find_map(|suffix| {
        let full = format!("{name}{suffix}");
        known.get(full.as_str()).copied().filter(|_| since(&full) <= version)
    })
}

fn address(name: Text, into: Out<usize>, version: c_int) -> Result<bool, Status> {
    // A header can name an instantiation of its own.
    let name = name.get()?;
    let name =
        if name == "cuGraphInstantiate" && version >= 12_000 { "cuGraphInstantiateWithFlags" } else { &name };
    let found = find(name, version);
    into.set(found.unwrap_or(0))?;
    Ok(found.is_some())
}

exports! {
    fn cuGetProcAddress(name: Text, into: Out<usize>, version: c_int, flags: u64) {
        let _ = flags;
        if address(name, into, version)? { Ok(()) } else { Err(Status::NOT_FOUND) }
    }
    fn cuGetProcAddress_v2(name: Text, into: Out<usize>, version: c_int, flags: u64, found: Out<c_int>) {
        let _ = flags;
        let known = address(name, into, version)?;
        // The symbol is not there.
        found.offer(c_int::from(!known));
        if known { Ok(()) } else { Err(Status::NOT_FOUND) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_header_is_the_newest_function_that_the_version_has() {
        let exactly = |name: &str| addresses().get(name).copied();
        assert_eq!(find("cuMemAlloc", 13_000), exactly("cuMemAlloc_v2"));
        assert_eq!(find("cuMemAlloc_v2", 13_000), exactly("cuMemAlloc_v2"));
        assert_eq!(find("cuGraphAddDependencies", 12_000), exactly("cuGraphAddDependencies"));
        assert_eq!(find("cuGraphAddDependencies", 13_000), exactly("cuGraphAddDependencies_v2"));
        assert_eq!(find("cuGetProcAddress", 13_000), exactly("cuGetProcAddress_v2"));
        assert_eq!(find("cuTexRefCreate", 13_000), None);
        assert!(exactly("cuLaunchKernel").is_some() && addresses().values().all(|&address| address != 0));
    }
}
