use crate::harness::Course;

#[test]
fn every_exercise_of_the_toy_behaves_as_declared() {
    let course = Course::new();
    course
        .run(&["prove"])
        .is(0, &["18 of 18 cases hold", "1.1 solution: 1 lines to write", "1.2 decoy endless: rejected"]);
    let cases = course.json(&["prove", "1", "--json"]);
    assert_eq!(cases.as_array().unwrap().len(), 18);
    assert!(cases.as_array().unwrap().iter().all(|case| case["holds"] == true));
}

#[test]
fn an_exercise_that_does_not_behave_as_declared_is_reported() {
    let course = Course::new();
    let total = |path: &str| format!("exercises/01-till/01-total/{path}");
    course.edit(
        &total("decoys/first-price/till/src/lib.rs"),
        "prices.first().copied().unwrap_or_default()",
        "prices.iter().sum()",
    );
    course.edit(&total("decoys/hard-coded/till/src/lib.rs"), "6", "\"6\"");
    course.edit(&total("stub/till/src/lib.rs"), "todo!(\"add them up: {prices:?}\")", "prices.len() as u32");
    course.edit("exercises/01-till/02-retry/README.md", "0 of 1", "1 of 1");
    course.edit("chapters/01-till/till/greeting.txt", "Good morning", "Hello");
    let tests_nothing = "exercises/01-till/04-find/decoys/tests-nothing/till/tests/found.rs";
    course.edit(tests_nothing, "till.give(4), Some(4)", "till.give(6), None");
    let proof = course.run(&["prove"]);
    proof.is(
        1,
        &["decoy first-price: tests::a_total_contains_every_price is declared to fail; it is Some(Passed)"],
    );
    proof.is(1, &["decoy hard-coded: it does not compile"]);
    proof.is(
        1,
        &["stub: tests::a_total_contains_every_price is declared to fail with \"not yet implemented\""],
    );
    proof.is(1, &["1.2 stub: README.md shows `1.2 Retry, but not forever: 1 of 1 pass`"]);
    proof.is(1, &["decoy tests-nothing: the_bug_is_detected is declared to fail to detect gives-too-much"]);
    proof.is(1, &["1.3 solution: 1.3 Greet: 1 of 2 pass"]);
}

#[test]
fn an_invalid_description_is_reported_with_its_key_and_the_remedy() {
    let course = Course::new();
    let file = "exercises/01-till/02-retry/exercise.toml";
    let good = course.read(file);
    let wrong = [
        (
            "hint = 1",
            "hint = 4",
            "`hint` of tests::a_failing_request_is_not_retried_forever is 4; use 1 to 3",
        ),
        ("fails = \"tests::", "fails = \"", "`fails` of the decoy endless"),
        ("minutes", "minuets", "the keys of an exercise are: id, former_ids, title, minutes"),
        ("\"endless\"", "\"never\"", "decoys/never is missing beside it; add it"),
        (
            "id = \"retry\"",
            "id = \"total\"",
            "exercises 1.1 and 1.2 share the id \"total\"; give each its own",
        ),
        ("first =", "# first =", "no `test` has a `first`"),
    ];
    for (old, new, message) in wrong {
        course.write(file, &good.replacen(old, new, 1));
        course.run(&["exercises"]).is(1, &[message]);
    }
}
