//! What a clean twin computes.

use super::{Case, Parameter};

/// What is in the buffer that a case looks at, after the launch. Numbers come from the buffer `x`.
pub(crate) fn expected(case: &Case) -> Result<Vec<u32>, String> {
    let contents = |wanted: &str| {
        case.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Buffer { name, elements, fill, .. } if name == wanted => {
                Some((*elements, fill.contents(*elements)))
            }
            _ => None,
        })
    };
    let (buffer, function, numbers) = &case.expect;
    let (count, _) = contents(buffer).ok_or_else(|| format!("{}: no buffer {buffer}", case.name))?;
    let x = contents("x").map(|(_, x)| x).unwrap_or_default();
    let element = element(function, numbers, &x).ok_or_else(|| {
        format!("{}: `{function}` with {} numbers is no function", case.name, numbers.len())
    })?;
    Ok((0..count).map(element).collect())
}

/// The function of a name: from the number of an element to its value.
fn element(function: &str, numbers: &[u32], x: &[u32]) -> Option<Box<dyn Fn(usize) -> u32>> {
    let (count, all, x) = (x.len(), x.to_vec(), x.to_vec());
    // Beyond the end there are zeros.
    let x = move |i: usize| x.get(i).copied().unwrap_or(0);
    let rows = move |width: usize, column: usize| all.iter().skip(column).step_by(width).sum();
    let mirrored = |i: usize, width: usize| i / width * width + (width - 1 - i % width);
    Some(match (function, numbers) {
        ("constant", &[value]) => Box::new(move |_| value),
        ("constant_to", &[value, end]) => Box::new(move |i| if i < end as usize { value } else { 0 }),
        ("ones", []) => Box::new(|_| 1),
        ("copy", []) => Box::new(x),
        ("times", &[factor]) => Box::new(move |i| factor * x(i)),
        ("zero_from", &[end]) => Box::new(move |i| if i < end as usize { x(i) } else { 0 }),
        ("next", &[last]) => Box::new(move |i| if i + 1 < count { x(i + 1) } else { last }),
        ("previous", &[first]) => Box::new(move |i| if i > 0 { x(i - 1) } else { first }),
        ("neighbour", []) => Box::new(move |i| x(i ^ 1)),
        ("neighbour_to", &[end]) => Box::new(move |i| if i < end as usize { x(i ^ 1) } else { 0 }),
        ("evens_swapped", &[end]) => {
            Box::new(move |i| if i < end as usize && i % 2 == 0 { x(i ^ 2) } else { 0 })
        }
        ("reverse", &[width]) => Box::new(move |i| x(mirrored(i, width as usize))),
        ("twice_reverse", &[width]) => Box::new(move |i| 2 * x(mirrored(i, width as usize))),
        ("plus_reverse", &[width]) => Box::new(move |i| x(i) + x(mirrored(i, width as usize))),
        ("transpose", &[width]) => {
            Box::new(move |i| x(i % width as usize * width as usize + i / width as usize))
        }
        ("columns", &[width]) => Box::new(move |i| rows(width as usize, i)),
        ("reverse_columns", &[width]) => Box::new(move |i| rows(width as usize, width as usize - 1 - i)),
        ("sum", []) => Box::new(move |_| rows(1, 0)),
        ("pairs", []) => Box::new(move |i| x(2 * i) + x(2 * i + 1)),
        ("fours", []) => Box::new(move |i| (4 * i..4 * i + 4).map(&x).sum()),
        ("last_of_four", []) => Box::new(move |i| x(4 * i + 3)),
        _ => return None,
    })
}
