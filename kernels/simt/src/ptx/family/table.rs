//! The table of instructions: what decodes them, and how they are written.

use super::super::Op;
use super::super::cursor::shorten;
use super::super::instruction::{Checked, Inst};
use super::{
    arithmetic, atomic, compare, control, convert, copy, float, integer, logic, matrix, memory, moves, sync,
    warp,
};

/// What decodes an instruction.
type Decode = for<'i, 't> fn(&mut Inst<'i, 't>) -> Checked<Op>;

/// An instruction.
pub(super) struct Form {
    name: &'static str,
    pub(super) decode: Decode,
    /// How it is written; for messages.
    pub(super) syntax: &'static str,
}

const fn form(name: &'static str, decode: Decode, syntax: &'static str) -> Form {
    Form { name, decode, syntax }
}

/// In the order of their names.
#[rustfmt::skip]
pub(super) static FORMS: &[Form] = &[
    form("abs", arithmetic::sign, "abs.s16|s32|s64|f64|bf16|bf16x2, abs{.ftz}.f32|f16|f16x2"),
    form("activemask", warp::active, "activemask.b32"),
    form("add", arithmetic::add_sub, "add.u16|s16|u32|s32|u64|s64, add.sat.s32, add.cc.u32|s32|u64|s64, add{.rn|rz|rm|rp}{.ftz}{.sat}.f32, add{.rn|rz|rm|rp}.f64, add{.rn}{.ftz}{.sat}.f16|f16x2, add{.rn}.bf16|bf16x2"),
    form("addc", arithmetic::add_sub_carry, "addc{.cc}.u32|s32|u64|s64"),
    form("and", logic::bits, "and.b16|b32|b64|pred"),
    form("atom", atomic::atomic, "atom{.relaxed|acquire|release|acq_rel}{.cta|gpu|sys}{.global|shared|shared::cta}{.L2::cache_hint} with .add.u32|s32|u64|f32|f64, .add.noftz.f16|f16x2|bf16|bf16x2, .min|max.u32|s32|u64|s64, .and|or|xor|exch.b32|b64, .cas.b16|b32|b64, .inc|dec.u32, .add.v2|v4.f32, .add|min|max.noftz.v2|v4|v8.f16|f16x2|bf16|bf16x2 up to 16 bytes"),
    form("bar", sync::barrier, "bar{.cta}.sync|arrive, bar{.cta}.red.popc.u32, bar{.cta}.red.and|or.pred, bar.warp.sync"),
    form("barrier", sync::barrier, "barrier{.cta}.sync|arrive{.aligned}, barrier{.cta}.red.popc{.aligned}.u32, barrier{.cta}.red.and|or{.aligned}.pred"),
    form("bfe", integer::bfe, "bfe.u32|s32|u64|s64"),
    form("bfi", integer::bfi, "bfi.b32|b64"),
    form("bfind", integer::bfind, "bfind{.shiftamt}.u32|s32|u64|s64"),
    form("bra", control::branch, "bra{.uni} label"),
    form("brev", integer::brev, "brev.b32|b64"),
    form("brkpt", control::end, "brkpt"),
    form("brx", control::indexed, "brx.idx{.uni} index, targets"),
    form("call", control::call, "call{.uni} {(result),} name {, (arguments)}"),
    form("clz", integer::count, "clz.b32|b64"),
    form("cnot", logic::bits, "cnot.b16|b32|b64"),
    form("copysign", float::copysign, "copysign.f32|f64"),
    form("cos", float::approx, "cos.approx{.ftz}.f32"),
    form("cp", copy::copy, "cp.async.ca|cg.shared{::cta}.global{.L2::cache_hint}{.L2::64B|128B|256B} [to], [from], bytes{, source_bytes}{, policy}, cp.async.commit_group, cp.async.wait_group, cp.async.wait_all"),
    form("cvt", convert::cvt, "cvt{.rni|rzi|rmi|rpi|rn|rz|rm|rp}{.ftz}{.sat}{.relu} between u8..u64, s8..s64, f16, bf16, f32, f64; cvt.rn|rz{.relu}.f16x2|bf16x2.f32 d, a, b; cvt.rn.satfinite{.relu}.e4m3x2|e5m2x2.f32|f16x2; cvt.rn{.relu}.f16x2.e4m3x2|e5m2x2; cvt.rna|rn|rz{.relu}.tf32.f32"),
    form("cvta", moves::cvta, "cvta{.to}.global|shared|shared::cta|local|const.u64"),
    form("div", arithmetic::div, "div.u16|s16|u32|s32|u64|s64, div.approx|full{.ftz}.f32, div.rn|rz|rm|rp{.ftz}.f32, div.rn|rz|rm|rp.f64"),
    form("dp2a", integer::dot, "dp2a.lo|hi.u32|s32.u32|s32"),
    form("dp4a", integer::dot, "dp4a.u32|s32.u32|s32"),
    form("elect", warp::elect, "elect.sync d|p, mask"),
    form("ex2", float::approx, "ex2.approx{.ftz}.f32, ex2.approx.f16|f16x2, ex2.approx.ftz.bf16|bf16x2"),
    form("exit", control::end, "exit"),
    form("fence", sync::fence, "fence{.sc|acq_rel}.cta|gpu|sys"),
    form("fma", float::fma, "fma.rn|rz|rm|rp{.ftz}{.sat}.f32, fma.rn|rz|rm|rp.f64, fma.rn{.ftz}{.sat}.f16|f16x2, fma.rn{.ftz}.relu.f16|f16x2, fma.rn{.relu}.bf16|bf16x2"),
    form("griddepcontrol", control::dependency, "griddepcontrol.wait|launch_dependents"),
    form("isspacep", moves::isspacep, "isspacep.global|shared|shared::cta|local|const"),
    form("ld", memory::load, "ld{.weak|volatile}{.global|shared|shared::cta|local|const|param|param::entry|param::func}, ld.relaxed|acquire.cta|gpu|sys{.global|shared|local}, ld.global.nc, with {.ca|cg|cs|lu|cv}{.L1::..}{.L2::..}{.v2|v4}.b8..b64|u8..u64|s8..s64|f32|f64 up to 16 bytes"),
    form("ldmatrix", matrix::load, "ldmatrix.sync.aligned.m8n8.x1|x2|x4{.trans}.shared{::cta}.b16"),
    form("lg2", float::approx, "lg2.approx{.ftz}.f32"),
    form("lop3", logic::lop3, "lop3.b32"),
    form("mad", arithmetic::mad, "mad.lo|hi.u16|s16|u32|s32|u64|s64, mad.wide.u16|s16|u32|s32, mad.rn|rz|rm|rp{.ftz}{.sat}.f32, mad.rn|rz|rm|rp.f64"),
    form("match", warp::matches, "match.any|all.sync.b32|b64"),
    form("max", arithmetic::extreme, "max.u16|s16|u32|s32|u64|s64|f64, max{.ftz}{.NaN}{.xorsign.abs}.f32|f16|f16x2, max{.NaN}{.xorsign.abs}.bf16|bf16x2"),
    form("membar", sync::membar, "membar.cta|gl|sys"),
    form("min", arithmetic::extreme, "min.u16|s16|u32|s32|u64|s64|f64, min{.ftz}{.NaN}{.xorsign.abs}.f32|f16|f16x2, min{.NaN}{.xorsign.abs}.bf16|bf16x2"),
    form("mma", matrix::mma, "mma.sync.aligned.SHAPE.row.col{.satfinite}.D.A.B.D: m16n8k8|m16n8k16 of f16 to f16|f32 and of bf16 to f32, m16n8k4|m16n8k8 of tf32 to f32, m16n8k32 of e4m3|e5m2 to f32, m16n8k16|m16n8k32 of s8|u8 to s32, m8n8k4 of f64"),
    form("mov", moves::mov, "mov.b16|b32|b64|u16..u64|s16..s64|f32|f64|pred of values, of addresses, and of {parts}"),
    form("movmatrix", matrix::transpose, "movmatrix.sync.aligned.m8n8.trans.b16"),
    form("mul", arithmetic::mul, "mul.lo|hi.u16|s16|u32|s32|u64|s64, mul.wide.u16|s16|u32|s32, mul{.rn|rz|rm|rp}{.ftz}{.sat}.f32, mul{.rn|rz|rm|rp}.f64, mul{.rn}{.ftz}{.sat}.f16|f16x2, mul{.rn}.bf16|bf16x2"),
    form("nanosleep", control::sleep, "nanosleep.u32"),
    form("neg", arithmetic::sign, "neg.s16|s32|s64|f64|bf16|bf16x2, neg{.ftz}.f32|f16|f16x2"),
    form("not", logic::bits, "not.b16|b32|b64|pred"),
    form("or", logic::bits, "or.b16|b32|b64|pred"),
    form("popc", integer::count, "popc.b32|b64"),
    form("prefetch", memory::prefetch, "prefetch{.global|local}.L1|L2, prefetch.global.L2::evict_last|L2::evict_normal"),
    form("prefetchu", memory::prefetch, "prefetchu.L1"),
    form("prmt", logic::prmt, "prmt.b32{.f4e|b4e|rc8|ecl|ecr|rc16}"),
    form("rcp", float::root, "rcp.approx|rn|rz|rm|rp{.ftz}.f32, rcp.rn|rz|rm|rp.f64, rcp.approx.ftz.f64"),
    form("red", atomic::atomic, "red as atom, with .relaxed|release, without .exch and .cas"),
    form("redux", warp::redux, "redux.sync.add|min|max.u32|s32, redux.sync.and|or|xor.b32"),
    form("rem", arithmetic::rem, "rem.u16|s16|u32|s32|u64|s64"),
    form("ret", control::end, "ret{.uni}"),
    form("rsqrt", float::approx, "rsqrt.approx{.ftz}.f32|f64"),
    form("sad", integer::sad, "sad.u16|s16|u32|s32|u64|s64"),
    form("selp", compare::selp, "selp.b16|b32|b64|u16..u64|s16..s64|f32|f64"),
    form("set", compare::set, "set.COMPARISON{.ftz}.u32|s32|f32 of integers, .f32 and .f64; .u32|s32 and themselves of f16|bf16|f16x2|bf16x2"),
    form("setp", compare::setp, "setp.COMPARISON{.and|or|xor}{.ftz}.b16..b64|u16..u64|s16..s64|f16|f16x2|bf16|bf16x2|f32|f64; bits have eq ne, signed lt le gt ge besides, unsigned lo ls hi hs besides, floats equ neu ltu leu gtu geu num nan besides"),
    form("shf", logic::funnel, "shf.l|r.wrap|clamp.b32"),
    form("shfl", warp::shuffle, "shfl.sync.up|down|bfly|idx.b32"),
    form("shl", logic::shift, "shl.b16|b32|b64"),
    form("shr", logic::shift, "shr.b16..b64|u16..u64|s16..s64"),
    form("sin", float::approx, "sin.approx{.ftz}.f32"),
    form("slct", compare::slct, "slct.TYPE.s32, slct{.ftz}.TYPE.f32"),
    form("sqrt", float::root, "sqrt.approx|rn|rz|rm|rp{.ftz}.f32, sqrt.rn|rz|rm|rp.f64"),
    form("st", memory::store, "st{.weak|volatile}{.global|shared|shared::cta|local|param|param::func}, st.relaxed|release.cta|gpu|sys{.global|shared|local}, with {.wb|cg|cs|wt}{.L1::..}{.L2::..}{.v2|v4}.b8..b64|u8..u64|s8..s64|f32|f64 up to 16 bytes"),
    form("stmatrix", matrix::store, "stmatrix.sync.aligned.m8n8.x1|x2|x4{.trans}.shared{::cta}.b16"),
    form("sub", arithmetic::add_sub, "sub.u16|s16|u32|s32|u64|s64, sub.sat.s32, sub.cc.u32|s32|u64|s64, sub{.rn|rz|rm|rp}{.ftz}{.sat}.f32, sub{.rn|rz|rm|rp}.f64, sub{.rn}{.ftz}{.sat}.f16|f16x2, sub{.rn}.bf16|bf16x2"),
    form("subc", arithmetic::add_sub_carry, "subc{.cc}.u32|s32|u64|s64"),
    form("tanh", float::approx, "tanh.approx.f32|f16|f16x2|bf16|bf16x2"),
    form("testp", float::testp, "testp.finite|infinite|number|notanumber|normal|subnormal.f32|f64"),
    form("trap", control::end, "trap"),
    form("vote", warp::vote, "vote.sync.all|any|uni.pred, vote.sync.ballot.b32"),
    form("xor", logic::bits, "xor.b16|b32|b64|pred"),
];

/// The instruction of a name.
pub(super) fn find(name: &str) -> Option<&'static Form> {
    FORMS.binary_search_by(|form| form.name.cmp(name)).ok().and_then(|index| FORMS.get(index))
}

/// Why an instruction is not known, and what can be used instead.
pub(super) fn refusal(name: &str) -> String {
    let why = match name {
        "mbarrier" | "multimem" | "red_async" | "cp_bulk" => {
            "barriers in memory are not run here; use bar.sync"
        }
        "wgmma" | "setmaxnreg" | "tensormap" => "warpgroups of sm_90a are not run here; use mma.sync",
        "tcgen05" | "clusterlaunchcontrol" => "tensor memory of sm_100 is not run here; use mma.sync",
        "wmma" => "fragments of wmma have no fixed layout; use mma.sync",
        "tex" | "tld4" | "txq" | "suld" | "sust" | "sured" | "suq" | "istypep" => {
            "textures and surfaces are not run here; use ld.global.nc"
        }
        "mapa" | "getctarank" => "clusters are not run here",
        _ => "it is not among the instructions that are run here",
    };
    let known: Vec<_> = FORMS.iter().map(|form| form.name).collect();
    format!("`{}` is not known: {why}; known are {}", shorten(name), known.join(" "))
}
