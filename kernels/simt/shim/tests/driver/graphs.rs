//! Graphs of nodes.

use std::ffi::c_void;
use std::mem::{MaybeUninit, zeroed};
use std::ptr;

use cudarc::driver::{CudaContext, sys};

use super::{PTX, ok, program};

/// A kernel by the plain API, because cudarc keeps its handle to itself.
unsafe fn function(name: &std::ffi::CStr) -> sys::CUfunction {
    let text = std::ffi::CString::new(PTX).unwrap();
    let (mut module, mut function) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the text ends with NUL, and the pointers are to locals.
    unsafe {
        ok(sys::cuModuleLoadData(&raw mut module, text.as_ptr().cast()));
        ok(sys::cuModuleGetFunction(&raw mut function, module, name.as_ptr()));
    }
    function
}

#[test]
fn nodes_run_in_the_order_of_their_edges_and_can_be_updated() {
    program("graphs::nodes_run_in_the_order_of_their_edges_and_can_be_updated", &[], || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let stream = context.default_stream().cu_stream();
        let mut values = [0f32; 64];
        // SAFETY: pointers to locals which outlive the graph; buffers of 64 numbers; the arguments are those of the
        // kernel.
        unsafe {
            let (mut x, mut y, mut graph, mut instance) = (0u64, 0u64, ptr::null_mut(), ptr::null_mut());
            ok(sys::cuMemAlloc_v2(&raw mut x, 256));
            ok(sys::cuMemAlloc_v2(&raw mut y, 256));
            ok(sys::cuGraphCreate(&raw mut graph, 0));
            let mut nodes = [ptr::null_mut(); 4];
            // x = 1.0, y = 0; y += a x; read y.
            for (index, (dst, value)) in [(x, 0x3f80_0000), (y, 0)].into_iter().enumerate() {
                let fill = sys::CUDA_MEMSET_NODE_PARAMS {
                    dst,
                    pitch: 0,
                    value,
                    elementSize: 4,
                    width: 64,
                    height: 1,
                };
                let context = ptr::null_mut();
                ok(sys::cuGraphAddMemsetNode(
                    &raw mut nodes[index],
                    graph,
                    ptr::null(),
                    0,
                    &raw const fill,
                    context,
                ));
            }
            let (mut a, mut count) = (2f32, 64u32);
            let mut arguments: [*mut c_void; 4] =
                [(&raw mut y).cast(), (&raw mut x).cast(), (&raw mut a).cast(), (&raw mut count).cast()];
            let mut kernel: sys::CUDA_KERNEL_NODE_PARAMS = zeroed();
            kernel.func = function(c"saxpy");
            (kernel.gridDimX, kernel.gridDimY, kernel.gridDimZ) = (1, 1, 1);
            (kernel.blockDimX, kernel.blockDimY, kernel.blockDimZ) = (64, 1, 1);
            kernel.kernelParams = arguments.as_mut_ptr();
            let after = [nodes[0], nodes[1]];
            ok(sys::cuGraphAddKernelNode_v2(&raw mut nodes[2], graph, after.as_ptr(), 2, &raw const kernel));
            // Zero is no kind of memory, so the structure is whole only once both are set.
            let mut place = MaybeUninit::<sys::CUDA_MEMCPY3D>::zeroed();
            let copy = place.as_mut_ptr();
            (*copy).srcMemoryType = sys::CUmemorytype::CU_MEMORYTYPE_DEVICE;
            (*copy).srcDevice = y;
            (*copy).dstMemoryType = sys::CUmemorytype::CU_MEMORYTYPE_HOST;
            (*copy).dstHost = values.as_mut_ptr().cast();
            ((*copy).WidthInBytes, (*copy).Height, (*copy).Depth) = (256, 1, 1);
            let (no_context, before) = (ptr::null_mut(), [nodes[2]]);
            ok(sys::cuGraphAddMemcpyNode(&raw mut nodes[3], graph, before.as_ptr(), 1, copy, no_context));
            let (mut found, mut edges) = (0, 0);
            ok(sys::cuGraphGetNodes(graph, ptr::null_mut(), &raw mut found));
            let (none, nothing) = (ptr::null_mut(), ptr::null_mut());
            ok(sys::cuGraphGetEdges_v2(graph, none, none, nothing, &raw mut edges));
            assert_eq!((found, edges), (4, 3));

            ok(sys::cuGraphInstantiateWithFlags(&raw mut instance, graph, 0));
            ok(sys::cuGraphLaunch(instance, stream));
            assert_eq!(values, [2.0; 64]);
            (&raw mut a).write(5.0);
            ok(sys::cuGraphExecKernelNodeSetParams_v2(instance, nodes[2], &raw const kernel));
            ok(sys::cuGraphLaunch(instance, stream));
            assert_eq!(values, [5.0; 64]);
            // The graph itself was not changed.
            let mut result = zeroed();
            ok(sys::cuGraphExecUpdate_v2(instance, graph, &raw mut result));
            ok(sys::cuGraphLaunch(instance, stream));
            assert_eq!(values, [2.0; 64]);
            ok(sys::cuGraphDestroyNode(nodes[3]));
            assert_eq!(sys::cuGraphExecUpdate_v2(instance, graph, &raw mut result) as u32, 910);
            assert_eq!(result.result as u32, 2);
            ok(sys::cuGraphExecDestroy(instance));
            ok(sys::cuGraphDestroy(graph));
            assert_eq!(sys::cuGraphLaunch(instance, stream) as u32, 1);
            ok(sys::cuMemFree_v2(x));
            ok(sys::cuMemFree_v2(y));
        }
    });
}

#[test]
fn cycles_are_refused_and_races_are_faults() {
    let said = program("graphs::cycles_are_refused_and_races_are_faults", &[], || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let stream = context.default_stream().cu_stream();
        // SAFETY: pointers to locals, and a buffer of 64 bytes.
        unsafe {
            let (mut x, mut graph, mut instance) = (0u64, ptr::null_mut(), ptr::null_mut());
            ok(sys::cuMemAlloc_v2(&raw mut x, 64));
            ok(sys::cuGraphCreate(&raw mut graph, 0));
            let mut nodes = [ptr::null_mut(); 2];
            for node in &mut nodes {
                let fill = sys::CUDA_MEMSET_NODE_PARAMS {
                    dst: x,
                    pitch: 0,
                    value: 1,
                    elementSize: 1,
                    width: 64,
                    height: 1,
                };
                let context = ptr::null_mut();
                ok(sys::cuGraphAddMemsetNode(
                    &raw mut *node,
                    graph,
                    ptr::null(),
                    0,
                    &raw const fill,
                    context,
                ));
            }
            let data = ptr::null();
            let depend = |from: usize, to: usize| {
                let (from, to) = ([nodes[from]], [nodes[to]]);
                sys::cuGraphAddDependencies_v2(graph, from.as_ptr(), to.as_ptr(), data, 1) as u32
            };
            assert_eq!((depend(0, 1), depend(1, 0), depend(0, 1)), (0, 0, 1));
            assert_eq!(sys::cuGraphInstantiateWithFlags(&raw mut instance, graph, 0) as u32, 1);
            let remove = |from: usize, to: usize| {
                let (from, to) = ([nodes[from]], [nodes[to]]);
                sys::cuGraphRemoveDependencies_v2(graph, from.as_ptr(), to.as_ptr(), data, 1) as u32
            };
            assert_eq!(remove(1, 0), 0);
            ok(sys::cuGraphInstantiateWithFlags(&raw mut instance, graph, 0));
            ok(sys::cuGraphLaunch(instance, stream));
            ok(sys::cuCtxSynchronize());
            assert_eq!(remove(0, 1), 0);
            ok(sys::cuGraphInstantiateWithFlags(&raw mut instance, graph, 0));
            ok(sys::cuGraphLaunch(instance, stream));
            assert_eq!(sys::cuCtxSynchronize() as u32, 719);
        }
    });
    if let Some(said) = said {
        assert!(
            said.contains("wait for each other") && said.contains("fault: race: no path orders"),
            "{said}"
        );
    }
}

/// A graph of two kernels that add to `y`, without edges.
unsafe fn two_kernels(y: &mut u64, x: &mut u64) -> (sys::CUgraph, [sys::CUgraphNode; 2]) {
    let (mut graph, mut nodes) = (ptr::null_mut(), [ptr::null_mut(); 2]);
    let (mut a, mut count) = (2f32, 64u32);
    let mut arguments: [*mut c_void; 4] =
        [(&raw mut *y).cast(), (&raw mut *x).cast(), (&raw mut a).cast(), (&raw mut count).cast()];
    // SAFETY: pointers to what outlives the calls; the arguments are those of the kernel.
    unsafe {
        ok(sys::cuGraphCreate(&raw mut graph, 0));
        let mut kernel: sys::CUDA_KERNEL_NODE_PARAMS = zeroed();
        kernel.func = function(c"saxpy");
        (kernel.gridDimX, kernel.gridDimY, kernel.gridDimZ) = (1, 1, 1);
        (kernel.blockDimX, kernel.blockDimY, kernel.blockDimZ) = (64, 1, 1);
        kernel.kernelParams = arguments.as_mut_ptr();
        for node in &mut nodes {
            ok(sys::cuGraphAddKernelNode_v2(&raw mut *node, graph, ptr::null(), 0, &raw const kernel));
        }
    }
    (graph, nodes)
}

/// What edges can be: their data, and what the driver says.
const EDGES: [([u8; 3], u32); 4] = [([1, 0, 1], 0), ([2, 0, 1], 801), ([1, 0, 0], 1), ([0, 7, 0], 1)];

#[test]
fn edges_keep_their_data_and_early_accesses_are_faults() {
    let said = program("graphs::edges_keep_their_data_and_early_accesses_are_faults", &[], || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let stream = context.default_stream().cu_stream();
        // SAFETY: pointers to locals, and buffers of 64 numbers.
        unsafe {
            let (mut x, mut y, mut instance) = (0u64, 0u64, ptr::null_mut());
            for address in [&mut x, &mut y] {
                ok(sys::cuMemAlloc_v2(&raw mut *address, 256));
                ok(sys::cuMemsetD32_v2(*address, 0, 64));
            }
            let (graph, [first, second]) = two_kernels(&mut y, &mut x);
            let edge = |[from_port, to_port, type_]: [u8; 3]| sys::CUgraphEdgeData {
                from_port,
                to_port,
                type_,
                reserved: [0; 5],
            };
            for (data, code) in EDGES.into_iter().rev() {
                let data = edge(data);
                let added = sys::cuGraphAddDependencies_v2(
                    graph,
                    &raw const first,
                    &raw const second,
                    &raw const data,
                    1,
                );
                assert_eq!(added as u32, code, "{data:?}");
            }
            let (mut from, mut to, mut data, mut count) =
                (ptr::null_mut(), ptr::null_mut(), edge([9, 9, 9]), 1);
            let lost =
                sys::cuGraphGetEdges_v2(graph, &raw mut from, &raw mut to, ptr::null_mut(), &raw mut count);
            assert_eq!(lost as u32, 402);
            ok(sys::cuGraphGetEdges_v2(graph, &raw mut from, &raw mut to, &raw mut data, &raw mut count));
            assert_eq!((from, to, count), (first, second, 1));
            assert_eq!((data.from_port, data.to_port, data.type_), (1, 0, 1));
            // An edge of other data is another edge.
            let remove = |data: *const sys::CUgraphEdgeData| {
                sys::cuGraphRemoveDependencies_v2(graph, &raw const first, &raw const second, data, 1) as u32
            };
            assert_eq!(remove(ptr::null()), 1);
            ok(sys::cuGraphInstantiateWithFlags(&raw mut instance, graph, 0));
            assert_eq!(remove(&raw const data), 0);
            ok(sys::cuGraphLaunch(instance, stream));
            assert_eq!(sys::cuCtxSynchronize() as u32, 719);
        }
    });
    if let Some(said) = said {
        let fault = "fault: early_access: read of 4 bytes in";
        assert!(said.contains(fault) && said.contains("which kernel saxpy (graph node 0) writes"), "{said}");
    }
}

#[test]
fn below_9_0_nothing_is_launched_early() {
    let name = "graphs::below_9_0_nothing_is_launched_early";
    program(name, &[("SIMT_TARGET", "sm_89")], || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        // SAFETY: pointers to locals.
        unsafe {
            let (graph, [first, second]) = two_kernels(&mut 0, &mut 0);
            let data = sys::CUgraphEdgeData { from_port: 1, to_port: 0, type_: 1, reserved: [0; 5] };
            let add = |data| {
                sys::cuGraphAddDependencies_v2(graph, &raw const first, &raw const second, data, 1) as u32
            };
            assert_eq!((add(&raw const data), add(ptr::null())), (801, 0));
        }
    });
}
