use crate::harness::Course;

#[test]
fn every_exercise_of_the_toy_does_as_it_declares() {
    let course = Course::new();
    course
        .run(&["prove"])
        .is(0, &["10 of 10 hold", "1.1 solution: 1 lines to write", "1.2 decoy for-ever: found out"]);
    let cases = course.json(&["prove", "1", "--json"]);
    assert_eq!(cases.as_array().unwrap().len(), 10);
    assert!(cases.as_array().unwrap().iter().all(|case| case["holds"] == true));
}

#[test]
fn an_exercise_that_does_otherwise_is_told() {
    let course = Course::new();
    let total = |path: &str| format!("exercises/01-till/01-total/{path}");
    course.edit(
        &total("decoys/first/till/src/lib.rs"),
        "prices.first().copied().unwrap_or_default()",
        "prices.iter().sum()",
    );
    course.edit(&total("decoys/hard-coded/till/src/lib.rs"), "6", "\"6\"");
    course.edit(&total("stub/till/src/lib.rs"), "todo!(\"add them up: {prices:?}\")", "prices.len() as u32");
    course.edit("exercises/01-till/02-ask/README.md", "0 of 1", "1 of 1");
    course.edit("chapters/01-till/till/greeting.txt", "Good morning", "Hello");
    let told = course.run(&["prove"]);
    told.is(1, &["decoy first: tests::a_total_has_every_price is declared to fail; it is Some(Passed)"]);
    told.is(1, &["decoy hard-coded: it does not compile"]);
    told.is(1, &["stub: tests::a_total_has_every_price is declared to fail with \"not yet implemented\""]);
    told.is(1, &["1.2 stub: README.md shows `1.2 Ask, and not for ever: 1 of 1 pass`"]);
    told.is(1, &["1.3 solution: 1.3 Greet: 1 of 2 pass"]);
}

#[test]
fn a_wrong_description_is_told_with_its_file_its_key_and_the_remedy() {
    let course = Course::new();
    let file = "exercises/01-till/02-ask/exercise.toml";
    let good = course.read(file);
    let wrong = [
        ("hint = 1", "hint = 3", "`hint` of tests::who_says_no_is_not_asked_for_ever is 3; 1 or 2"),
        ("fails = \"tests::", "fails = \"", "`fails` of the decoy for-ever"),
        ("minutes", "minuets", "an exercise has: id, title, minutes"),
        ("\"for-ever\"", "\"never\"", "there is no decoys/never beside it; add it"),
        ("id = \"ask\"", "id = \"total\"", "exercises 1.1 and 1.2 have one id, \"total\"; give each its own"),
        ("first =", "# first =", "no `test` has a `first`"),
    ];
    for (old, new, said) in wrong {
        course.write(file, &good.replacen(old, new, 1));
        course.run(&["exercises"]).is(1, &[said]);
    }
}
