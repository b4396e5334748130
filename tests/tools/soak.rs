//! Any steps in any order, for as long as is asked, each held against a model in memory of what the
//! answer must be.
//!
//! `cargo run --no-default-features --example soak -- [--seconds N] [--seed N]`
//!
//! The seed is printed: the same seed takes the same steps.

#[path = "../oracle/mod.rs"]
mod oracle;
#[path = "../pages/mod.rs"]
mod pages;
#[path = "soak/random.rs"]
mod random;
#[path = "soak/round.rs"]
mod round;
#[path = "soak/subject.rs"]
mod subject;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use random::Random;
use round::{Round, Tally};
use subject::Place;

/// Steps on one index before the next is begun.
const STEPS: usize = 20_000;

fn main() {
    let options = options();
    let seconds = options.get("seconds").copied().unwrap_or(60);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = options.get("seed").copied().unwrap_or(now.as_secs());
    println!("soak: seed {seed}, {seconds} s");
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let mut rounds = 0;
    while Instant::now() < end {
        let place = if rounds % 2 == 0 { Place::memory() } else { Place::folder() };
        let mut round = Round::new(place, Random::new(random.number()));
        println!("round {rounds}: {}", round.describe());
        for _ in 0..STEPS {
            if Instant::now() >= end {
                break;
            }
            round.step(&mut tally);
        }
        round.finish();
        rounds += 1;
    }
    println!("soak: seed {seed}, {rounds} rounds without a difference");
    for (step, count) in tally {
        println!("  {step:<24} {count}");
    }
}

/// `--name number` pairs.
fn options() -> BTreeMap<String, u64> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pair = |pair: &[String]| match pair {
        [name, value] => {
            let name = name.strip_prefix("--").filter(|name| ["seconds", "seed"].contains(name));
            let name = name.expect("the options are --seconds N and --seed N");
            (name.to_owned(), value.parse().expect("a whole number"))
        }
        _ => panic!("an option without a number"),
    };
    arguments.chunks(2).map(pair).collect()
}
