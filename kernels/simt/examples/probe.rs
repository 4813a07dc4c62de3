//! Loads every PTX file given, and says which are refused.
use simt::{Device, Options};
fn main() {
    let device = Device::new(Options::default());
    let (mut good, mut bad) = (0, std::collections::BTreeMap::<String, usize>::new());
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).unwrap();
        match device.load(&text) {
            Ok(_) => good += 1,
            Err(error) => {
                *bad.entry(error.to_string().split_once(": ").unwrap().1.to_owned()).or_default() += 1
            }
        }
    }
    println!("{good} loaded");
    for (error, count) in bad {
        println!("{count} {error}");
    }
}
