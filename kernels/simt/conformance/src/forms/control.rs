//! Branches, loops, calls and barriers (PTX ISA 9.0, sections 9.7.12 and 9.7.13).

use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "control";

fn form(name: &str, inputs: &[Input], body: &str) -> Form {
    let registers = ".reg .b32 %x, %y, %z;\n.reg .pred %p, %q;\n";
    Form::new(FAMILY, name, inputs, &[Output::B32], &format!("{registers}{body}")).of_threads(1024)
}

const ADD: &str = "\
.func (.param .b32 sum) add_twice(.param .b32 left, .param .b32 right)
{
\t.reg .b32 %l, %r;
\tld.param.b32 %l, [left];
\tld.param.b32 %r, [right];
\tadd.u32 %l, %l, %r;
\tadd.u32 %l, %l, %r;
\tst.param.b32 [sum], %l;
\tret;
}
";

const STRUCTURE: &str = "\
.func (.param .align 16 .b8 both[16]) swap(.param .align 16 .b8 pair[16], .param .b32 by)
{
\t.reg .b64 %l, %r;
\t.reg .b32 %s;
\tld.param.v2.b64 {%l, %r}, [pair];
\tld.param.b32 %s, [by];
\tshl.b64 %l, %l, %s;
\tst.param.b64 [both], %r;
\tst.param.b64 [both+8], %l;
\tret;
}
";

const CALL: &str = "\
{
.param .b32 left;
.param .b32 right;
.param .b32 sum;
st.param.b32 [left], %i0;
st.param.b32 [right], %i1;
call.uni (sum), add_twice, (left, right);
ld.param.b32 %o0, [sum];
}";

pub(super) fn forms() -> Vec<Form> {
    let (int, few) = (Input::I32, Input::Below(9));
    let divergent_call = format!(
        "mov.u32 %o0, %i0;\nsetp.gt.s32 %p, %i1, 0;\n@%p bra DONE;\n{}\nDONE:",
        CALL.replace("call.uni", "call")
    );
    vec![
        form("a loop of as many turns as the lane wants", &[int, few], "mov.u32 %x, 0;\nmov.u32 %o0, %i0;\nLOOP:\nsetp.ge.u32 %p, %x, %i1;\n@%p bra DONE;\nmad.lo.u32 %o0, %o0, 3, %x;\nadd.u32 %x, %x, 1;\nbra LOOP;\nDONE:\nadd.u32 %o0, %o0, 1;"),
        form("a loop in a loop", &[few, few], "mov.u32 %x, 0;\nmov.u32 %o0, 1;\nOUTER:\nmov.u32 %y, 0;\nINNER:\nsetp.ge.u32 %p, %y, %i1;\n@%p bra NEXT;\nmad.lo.u32 %o0, %o0, 5, %y;\nadd.u32 %y, %y, 1;\nbra.uni INNER;\nNEXT:\nxor.b32 %o0, %o0, %x;\nadd.u32 %x, %x, 1;\nsetp.le.u32 %q, %x, %i0;\n@%q bra OUTER;".replace("bra.uni", "bra").as_str()),
        form("a branch both ways, and together again", &[int, int], "setp.lt.s32 %p, %i0, %i1;\n@!%p bra ELSE;\nsub.s32 %o0, %i1, %i0;\nbra END;\nELSE:\nmul.lo.s32 %o0, %i0, %i1;\nEND:\nbar.warp.sync 0xffffffff;\nshfl.sync.bfly.b32 %x, %o0, 1, 31, 0xffffffff;\nadd.u32 %o0, %o0, %x;"),
        form("threads that leave early", &[int, few], "mov.u32 %o0, %i0;\nst.global.b32 [%out], %o0;\nsetp.lt.u32 %p, %i1, 3;\n@%p exit;\nsetp.lt.u32 %q, %i1, 5;\n@%q ret;\nadd.u32 %o0, %o0, 7;"),
        form("brx.idx", &[int, Input::Below(4)], "TABLE: .branchtargets A, B, C, D;\nbrx.idx %i1, TABLE;\nA:\nadd.u32 %o0, %i0, 1;\nbra END;\nB:\nmul.lo.u32 %o0, %i0, 3;\nbra END;\nC:\nnot.b32 %o0, %i0;\nbra END;\nD:\nmov.u32 %o0, %index;\nEND:"),
        form("call.uni", &[int, int], CALL).with_module(ADD),
        form("call of some lanes", &[int, int], &divergent_call).with_module(ADD),
        Form::new(FAMILY, "call with structures", &[Input::I64, Input::I64, few], &[Output::B64; 2], "{\n.param .align 16 .b8 pair[16];\n.param .b32 by;\n.param .align 16 .b8 both[16];\nst.param.b64 [pair], %i0;\nst.param.b64 [pair+8], %i1;\nst.param.b32 [by], %i2;\ncall.uni (both), swap, (pair, by);\nld.param.v2.b64 {%o0, %o1}, [both];\n}").with_module(STRUCTURE).of_threads(512),
        form("bar.sync", &[int], ".shared .align 4 .b8 room[512];\nmov.u32 %z, room;\nmad.lo.u32 %x, %thread, 4, %z;\nst.shared.u32 [%x], %i0;\nbar.sync 0;\nxor.b32 %y, %thread, 127;\nmad.lo.u32 %y, %y, 4, %z;\nld.shared.u32 %o0, [%y];"),
        form("bar.sync of half a block", &[int], ".shared .align 4 .b8 room[512];\nmov.u32 %z, room;\nmad.lo.u32 %x, %thread, 4, %z;\nst.shared.u32 [%x], %i0;\nshr.u32 %y, %thread, 6;\nadd.u32 %y, %y, 1;\nbar.sync %y, 64;\nxor.b32 %y, %thread, 63;\nmad.lo.u32 %y, %y, 4, %z;\nld.shared.u32 %o0, [%y];"),
        form("barrier.sync.aligned", &[int], ".shared .align 4 .b8 room[512];\nmov.u32 %z, room;\nmad.lo.u32 %x, %thread, 4, %z;\nst.shared.u32 [%x], %i0;\nbarrier.sync.aligned 1;\nxor.b32 %y, %thread, 96;\nmad.lo.u32 %y, %y, 4, %z;\nld.shared.u32 %o0, [%y];"),
        form("bar.arrive", &[int], ".shared .align 4 .b8 room[512];\nmov.u32 %z, room;\nmad.lo.u32 %x, %thread, 4, %z;\nmov.u32 %o0, 0;\nsetp.lt.u32 %p, %thread, 64;\n@%p bra WRITER;\nbar.sync 2, 128;\nxor.b32 %y, %thread, 64;\nmad.lo.u32 %y, %y, 4, %z;\nld.shared.u32 %o0, [%y];\nbra.uni END;\nWRITER:\nst.shared.u32 [%x], %i0;\nbar.arrive 2, 128;\nEND:"),
        form("bar.red.popc.u32", &[Input::Pred], "bar.red.popc.u32 %o0, 0, %i0;"),
        form("bar.red.and.pred", &[int], "and.b32 %x, %i0, 255;\nsetp.lt.u32 %p, %x, 254;\nbar.red.and.pred %q, 0, %p;\nselp.u32 %o0, 1, 0, %q;"),
        form("bar.red.or.pred !p", &[int], "and.b32 %x, %i0, 255;\nsetp.lt.u32 %p, %x, 254;\nbar.red.or.pred %q, 0, !%p;\nselp.u32 %o0, 1, 0, %q;"),
        form("bar.warp.sync, memory of lanes", &[int], ".shared .align 4 .b8 room[512];\nmov.u32 %z, room;\nmad.lo.u32 %x, %thread, 4, %z;\nst.shared.u32 [%x], %i0;\nbar.warp.sync 0xffffffff;\nxor.b32 %y, %thread, 21;\nmad.lo.u32 %y, %y, 4, %z;\nld.shared.u32 %o0, [%y];"),
        form("membar.gl, fence", &[int], "st.global.u32 [%out], %i0;\nmembar.gl;\nfence.acq_rel.gpu;\nfence.sc.cta;\nmembar.cta;\nld.global.u32 %o0, [%out];"),
        form("one thread of each block, membar.gl", &[int], "setp.ne.u32 %p, %thread, 0;\nmov.u32 %o0, 0;\n@%p bra END;\natom.global.add.u32 %x, [%scratch], 1;\nmembar.gl;\nEND:").with_scratch(vec![0; 16]),
        form("nanosleep.u32", &[int], "nanosleep.u32 20;\nmov.u32 %o0, %i0;"),
    ]
}
