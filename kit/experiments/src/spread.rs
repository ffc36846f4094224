//! The median and the range of several runs.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// A metric of several runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Spread {
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
    /// In the order of the runs.
    pub runs: Vec<f64>,
}

impl Spread {
    /// The spread of the runs that measured it. None if there are no runs.
    pub fn of(runs: &[f64]) -> Option<Self> {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (middle, odd) = (sorted.len() / 2, sorted.len() % 2 == 1);
        let (lowest, highest) = (*sorted.first()?, *sorted.last()?);
        let median = if odd { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Self { median, lowest, highest, runs: runs.to_vec() })
    }

    /// Every metric that any of the runs measured.
    pub fn of_metrics<'a>(runs: impl Iterator<Item = &'a BTreeMap<String, f64>>) -> BTreeMap<String, Self> {
        let mut by_name: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, value) in runs.flatten() {
            by_name.entry(name.clone()).or_default().push(*value);
        }
        by_name.into_iter().filter_map(|(name, values)| Some((name, Self::of(&values)?))).collect()
    }
}

impl fmt::Display for Spread {
    /// The median, followed by the lowest and the highest in brackets if they differ: `1.2 (1.1–1.4)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, lowest, highest] = [self.median, self.lowest, self.highest].map(short);
        if lowest == highest { f.write_str(&median) } else { write!(f, "{median} ({lowest}–{highest})") }
    }
}

/// A number without digits that mean nothing to people.
pub fn short(value: f64) -> String {
    match value.abs() {
        whole if whole.fract() == 0.0 => format!("{value:.0}"),
        ..10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_runs_is_between_the_two_middle_ones() {
        assert_eq!(Spread::of(&[3.0, 100.0, 1.0]).unwrap().to_string(), "3 (1–100)");
        assert_eq!(Spread::of(&[4.0, 2.0]).unwrap().to_string(), "3 (2–4)");
        assert_eq!(Spread::of(&[0.0, 0.0, 0.0]).unwrap().to_string(), "0");
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_metric_that_one_run_lacks_is_that_of_the_others() {
        let runs = [
            BTreeMap::from([("a".to_owned(), 1.0), ("b".to_owned(), 5.0)]),
            BTreeMap::from([("a".to_owned(), 3.0)]),
        ];
        let spreads = Spread::of_metrics(runs.iter());
        assert_eq!(spreads["a"].runs, [1.0, 3.0]);
        assert_eq!(spreads["b"].runs, [5.0]);
    }
}
