use super::*;
use crate::forms::forms;
use crate::fragment::Element;

fn form(name: &str) -> Form {
    forms().into_iter().find(|form| form.name == name).unwrap()
}

#[test]
fn one_bit_of_an_exact_form_is_found() {
    for name in ["add.u16", "setp.lt.f32", "fma.rn.f32", "atom.global.add.u32 by all", "{32, 32} mov.b64"] {
        let form = form(name);
        let recorded: Vec<u8> = (0..form.packed_bytes()).map(|at| at as u8).collect();
        assert_eq!(compare(&form, &recorded, &recorded).wrong, 0, "{name}");
        for at in [0, recorded.len() / 2, recorded.len() - 1] {
            let mut planted = recorded.clone();
            planted[at] ^= 1;
            let outcome = compare(&form, &planted, &recorded);
            assert_eq!((outcome.wrong, outcome.different), (1, 1), "{name}");
            assert!(outcome.first.unwrap().contains("hardware has"), "{name}");
        }
        assert_eq!(compare(&form, &recorded[1..], &recorded).wrong, 1, "{name}");
    }
}

#[test]
fn an_approximate_form_may_be_its_bound_away_and_no_farther() {
    let form = form("ex2.approx.f32");
    let bytes = |bits: u32| bits.to_le_bytes().repeat(form.threads as usize);
    let one = 1.0_f32.to_bits();
    assert_eq!(compare(&form, &bytes(one + 2), &bytes(one)).wrong, 0);
    assert_eq!(compare(&form, &bytes(one + 2), &bytes(one)).worst, 2.0);
    assert_eq!(compare(&form, &bytes(one + 3), &bytes(one)).wrong, form.threads as usize);
    // Another NaN is no deviation; a number where hardware has NaN is.
    assert_eq!(compare(&form, &bytes(0x7fc0_0000), &bytes(0x7fff_ffff)).wrong, 0);
    assert_eq!(compare(&form, &bytes(one), &bytes(0x7fff_ffff)).wrong, form.threads as usize);
    // Neighbours on both sides of zero, and of the greatest number.
    assert_eq!(Float::F32.ulps(1, 0x8000_0001), 2);
    assert_eq!(Float::F32.ulps(0, 0x8000_0000), 0);
    assert_eq!(Float::F32.ulps(0x7f7f_ffff, 0x7f80_0000), 1);
}

#[test]
fn one_bit_of_one_sum_is_found() {
    let form = form("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32");
    let Class::Accumulation { shape, .. } = form.class else { panic!("{:?}", form.class) };
    let inputs = form.input_bytes();
    let mut recorded = vec![0; form.packed_bytes()];
    let size = 4 * form.threads as usize;
    for warp in 0..form.threads as usize / 32 {
        let operands: Vec<Vec<u64>> = (0..32).map(|lane| form.operands(&inputs, warp * 32 + lane)).collect();
        for (row, column) in (0..16).flat_map(|row| (0..8).map(move |column| (row, column))) {
            let sum = shape.sum(&operands, row, column).unwrap();
            assert_eq!(sum.factors.len(), 16);
            let exact = sum.factors.iter().map(|(a, b)| a * b).sum::<f64>() + sum.c;
            let (lane, register, _) = shape.place(row, column);
            let at = register * size + (warp * 32 + lane) * 4;
            recorded[at..at + 4].copy_from_slice(&(exact as f32).to_le_bytes());
        }
    }
    assert_eq!(compare(&form, &recorded, &recorded).wrong, 0);
    let mut planted = recorded.clone();
    planted[0] ^= 1;
    let outcome = compare(&form, &planted, &recorded);
    assert_eq!(outcome.wrong, 1);
    assert!(outcome.worst > 0.0 && outcome.worst < 1e-5, "{outcome:?}");
}

/// Each lane holds what the tables of the ISA say (section 9.7.14.5.8, figures of m16n8k16).
#[test]
fn fragments_lie_as_the_isa_says() {
    let shape = Shape { m: 16, n: 8, k: 16, sum: Element::F32, factor: Element::F16 };
    assert_eq!(shape.registers(), (4, 4, 2));
    assert_eq!(shape.place(9, 3), (5, 3, 0));
    let byte = Shape { m: 16, n: 8, k: 32, sum: Element::S32, factor: Element::Byte };
    assert_eq!(byte.registers(), (4, 4, 2));
    let packed = Shape { m: 16, n: 8, k: 8, sum: Element::F16, factor: Element::F16 };
    assert_eq!(packed.registers(), (2, 2, 1));
    assert_eq!(packed.place(9, 3), (5, 1, 1));
}
