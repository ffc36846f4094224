//! Says good morning.

fn main() {
    println!("{}", till::greeting());
}
