//! The products and the searches of a benchmark, the same in every run.

use std::sync::LazyLock;

use fastrand::Rng;
use shop_client::model::{Money, NewProduct};

const ADJECTIVES: [&str; 16] = [
    "amber", "brisk", "coarse", "dark", "early", "faint", "gentle", "hollow", "ivory", "jolly", "keen",
    "light", "mellow", "narrow", "oblong", "plain",
];
const MATERIALS: [&str; 10] =
    ["brass", "cotton", "glass", "granite", "leather", "linen", "oak", "paper", "steel", "wool"];
const THINGS: [&str; 16] = [
    "anvil", "basket", "candle", "drawer", "easel", "funnel", "goblet", "hammock", "inkwell", "jug",
    "kettle", "lantern", "mirror", "needle", "oven", "pillow",
];

/// The number of products: 100,000, or `STEPWISE_PRODUCTS` for a quick try.
pub static PRODUCTS: LazyLock<u32> = LazyLock::new(|| {
    std::env::var("STEPWISE_PRODUCTS").ok().and_then(|products| products.parse().ok()).unwrap_or(100_000)
});

/// Product `n`: about 160 bytes of name and description, and more stock than any run sells.
pub fn product(n: u32) -> NewProduct {
    let mut rng = Rng::with_seed(n.into());
    let (adjective, material, thing) = words(&mut rng);
    let (other, lining, neighbour) = words(&mut rng);
    NewProduct {
        name: format!("{adjective} {material} {thing} {n}"),
        description: format!(
            "Made by hand of {material} and {lining}, {adjective} at first and {other} with the years. \
             Goes well with a {neighbour}."
        ),
        price: Money::eur(rng.u64(100..50_000)),
        stock: 1_000_000,
    }
}

/// A search as part of a URL: two words, which about one product in a hundred contains.
pub fn search(rng: &mut Rng) -> String {
    let (adjective, _, thing) = words(rng);
    format!("{adjective}%20{thing}")
}

fn words(rng: &mut Rng) -> (&'static str, &'static str, &'static str) {
    let mut pick = |words: &[&'static str]| words[rng.usize(..words.len())];
    (pick(&ADJECTIVES), pick(&MATERIALS), pick(&THINGS))
}

/// The id of product `n` in the program `limits`, in the form of the shop's ids.
pub fn bare_id(n: u32) -> String {
    format!("018bcfe5-6800-7000-8000-{n:012x}")
}
