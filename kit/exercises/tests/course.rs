//! The exercises of the course itself, as far as it takes no compiler.

#![cfg(test)]

use std::path::Path;

use exercises::Catalogue;
use stage::Course;

#[test]
fn the_minutes_of_a_chapter_are_those_of_its_exercises() {
    let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let catalogue = Catalogue::of(&course).unwrap();
    for chapter in catalogue.chapters() {
        let declared = course.chapter(chapter).unwrap().manifest.minutes.exercises;
        let taken: u32 = catalogue.of_chapter(chapter).map(|exercise| exercise.manifest.minutes).sum();
        assert_eq!(
            declared, taken,
            "`exercises` of chapter {chapter} in chapter.toml, and the sum of its exercises"
        );
    }
}

#[test]
fn an_exercise_takes_10_to_25_minutes_and_has_two_decoys() {
    let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    for exercise in Catalogue::of(&course).unwrap().exercises {
        assert!((10..=25).contains(&exercise.manifest.minutes), "{}", exercise.number);
        assert!(exercise.manifest.decoys.len() > 1, "{}", exercise.number);
        assert!(
            exercise.task().unwrap().lines().count() < 60,
            "the README of {} is longer than a page",
            exercise.number
        );
    }
}
