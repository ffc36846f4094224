//! The exercises of the course itself, as far as they can be checked without a compiler.

#![cfg(test)]

use std::path::Path;

use exercises::Catalogue;
use stage::Course;

fn catalogue() -> Catalogue {
    Catalogue::of(&Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()).unwrap()
}

#[test]
fn the_exercise_minutes_of_a_chapter_are_the_sum_of_its_exercises() {
    let catalogue = catalogue();
    for chapter in catalogue.chapters() {
        let declared = catalogue.course.chapter(chapter).unwrap().manifest.minutes.exercises;
        let sum: u32 = catalogue.of_chapter(chapter).map(|exercise| exercise.manifest.minutes).sum();
        assert_eq!(sum, declared, "`exercises` of chapter {chapter} in chapter.toml");
    }
}

#[test]
fn an_exercise_takes_10_to_25_minutes_and_has_a_readme_of_one_page() {
    for exercise in catalogue().exercises {
        assert!((10..=25).contains(&exercise.manifest.minutes), "{}", exercise.number);
        let lines = exercise.task().unwrap().lines().count();
        assert!(lines < 80, "the README of {} has {lines} lines, more than a page", exercise.number);
    }
}

#[test]
fn every_exercise_has_at_least_two_decoys() {
    for exercise in catalogue().exercises {
        assert!(exercise.manifest.decoys.len() > 1, "{}", exercise.number);
    }
}

#[test]
fn every_chapter_has_an_exercise_of_each_kind() {
    let catalogue = catalogue();
    for chapter in catalogue.chapters() {
        let has = |is_kind: fn(&exercises::exercise::Manifest) -> bool| {
            catalogue.of_chapter(chapter).any(|exercise| is_kind(&exercise.manifest))
        };
        assert!(has(|manifest| manifest.bugs.is_empty() && manifest.answers.is_empty()), "write: {chapter}");
        assert!(
            has(|manifest| manifest.bugs.iter().any(|bug| bug.prints.is_none())),
            "find the bug: {chapter}"
        );
        assert!(has(|manifest| manifest.bugs.iter().any(|bug| bug.prints.is_some())), "break it: {chapter}");
        assert!(has(|manifest| !manifest.answers.is_empty()), "measure it: {chapter}");
    }
}
