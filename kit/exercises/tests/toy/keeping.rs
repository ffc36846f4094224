use std::process::Command;

use crate::harness::{Course, Ended};

const LIB: &str = "work/1.1/till/src/lib.rs";
const TODO: &str = "    todo!(\"add them up: {prices:?}\")\n";

#[test]
fn a_deleted_or_weakened_test_is_restored_and_the_learners_version_is_kept() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    let stub = course.read(LIB);
    let without = stub.split("#[cfg(test)]").next().unwrap();
    let weakened = stub.replace("assert_eq!(total", "let _ = (total");
    let ignored = stub.replace("#[test]", "#[test]\n    #[ignore]");
    let commented = stub.replace("#[cfg(test)]", "/*\n#[cfg(test)]") + "*/\n";
    for (n, cheat) in [without, &weakened, &ignored, &commented].into_iter().enumerate() {
        course.write(LIB, cheat);
        let kept = format!("work/1.1-kept-{}/till/src/lib.rs", n + 1);
        let restored =
            format!("restored the tests in till/src/lib.rs and left the rest; your version: {kept}");
        course.run(&["check", "1.1"]).is(1, &[&restored, "1 of 2 pass"]);
        assert_eq!(course.read(&kept), cheat);
    }
}

#[test]
fn code_that_is_commented_out_hard_coded_or_not_compiled_does_not_pass() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    let stub = course.read(LIB);
    for body in ["    // prices.iter().sum()\n    0\n", "    6\n", "    if cfg!(test) { 6 } else { 0 }\n"] {
        course.write(LIB, &stub.replace(TODO, body));
        course.run(&["check", "1.1"]).is(1, &["1 of 2 pass"]);
    }
    course.write(LIB, &stub.replace(TODO, "    prices.iter().sum()\n"));
    course.run(&["check", "1.1"]).is(0, &["2 of 2 pass"]);
}

#[test]
fn test_files_and_manifests_are_restored() {
    let course = Course::new();
    course.run(&["start", "1.3"]);
    course.write("work/1.3/till/tests/shop.rs", "#[test]\nfn a_customer_is_greeted() {}\n");
    std::fs::remove_file(course.path("work/1.3/till/tests/greeting.rs")).unwrap();
    course.edit("work/1.3/till/Cargo.toml", "publish", "autotests = false\npublish");
    let parts = [
        "restored till/Cargo.toml, which belongs to the exercise; your version: work/1.3-kept-1/",
        "restored till/tests/greeting.rs, which was missing",
        "1 of 2 pass",
    ];
    course.run(&["check", "1.3"]).is(1, &parts);
    assert!(course.read("work/1.3-kept-1/till/tests/shop.rs").contains("fn a_customer_is_greeted() {}"));
    course.solve("1.3", "till/greeting.txt");
    course.run(&["check", "1.3"]).is(0, &["2 of 2 pass"]);
}

#[test]
fn changes_in_other_files_are_left_alone() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    course.edit("work/1.1/till/src/receipt.rs", "{price}", "{price} cents");
    course.edit(LIB, TODO, "    prices.iter().sum()\n");
    let check = course.run(&["check", "1.1"]);
    check.is(0, &["2 of 2 pass"]);
    assert!(!check.err.contains("restored"), "{check:?}");
    assert!(course.read("work/1.1/till/src/receipt.rs").contains("cents"));
}

#[test]
fn a_reset_never_deletes_earlier_work() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    for n in 1..3 {
        course.write(LIB, &format!("fn mine() -> u8 {{ {n} }}"));
        course.run(&["start", "1.1"]).is(0, &["exists already", "just reset 1.1"]);
        assert!(course.read(LIB).contains("mine"));
        course.run(&["reset", "1.1"]).is(0, &[&format!("Your earlier work is now in work/1.1-old-{n}")]);
        let old = course.read(&format!("work/1.1-old-{n}/till/src/lib.rs"));
        assert_eq!(old, format!("fn mine() -> u8 {{ {n} }}"));
        assert!(course.read(LIB).contains("todo!"));
    }
    // Each folder needs its own version, because Cargo shares build output between workspaces of the same version.
    let version = |folder: &str| course.read(&format!("work/{folder}/Cargo.toml"));
    assert!(version("1.1").contains("\"0.1.0-work.1-1\""));
    assert!(version("1.1-old-1").contains("\"0.1.0-work.1-1.old-1\""));
    assert!(version("1.1-old-2").contains("\"0.1.0-work.1-1.old-2\""));
}

#[test]
fn a_start_that_is_cut_short_leaves_no_half_folder_and_the_next_one_succeeds() {
    let course = Course::new();
    let program = env!("CARGO_BIN_EXE_exercises");
    let mut start = Command::new("sh");
    // The kernel ends a process that writes more than a block into a file, as if the disk were full.
    start.args(["-c", "ulimit -f 1 && exec \"$0\" start 1.1", program]).current_dir(course.path(""));
    assert!(!start.output().unwrap().status.success());
    assert!(course.path("work/.new-1.1").exists() && !course.path("work/1.1").exists());

    course.run(&["start", "1.1"]).is(0, &["just check 1.1"]);
    assert!(course.read(LIB).contains("todo!"));
    assert!(!course.path("work/.new-1.1").exists());
}

#[test]
fn a_work_folder_contains_every_file_of_the_stage_whatever_the_users_machine_ignores() {
    let clean = Course::new();
    clean.run(&["start", "1.1"]).is(0, &[]);
    let course = Course::new();
    let ignored = "*.rs\n*.toml\n*.txt\n";
    course.write("../.gitignore", "*\n");
    course.write("../.ignore", "*\n");
    course.write("../home/.gitconfig", "[core]\nexcludesFile = ~/ignored\n");
    course.write("../home/ignored", ignored);
    course.write("../home/.config/git/ignore", ignored);
    course.write(".git/info/exclude", ignored);
    let home = course.path("../home");
    let mut start = course.command(&["start", "1.1"]);
    start.env("HOME", &home).env("XDG_CONFIG_HOME", home.join(".config"));
    Ended::from(start.output().unwrap()).is(0, &[LIB]);

    let files = |course: &Course| chain::files::tracked(&course.path("work/1.1")).unwrap();
    assert_eq!(files(&course), files(&clean));
    assert!(files(&course).len() > 4);
}

#[test]
fn a_room_is_one_page_with_the_progress_of_its_participants() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    course.edit(LIB, TODO, "    prices.iter().sum()\n");
    course.run(&["check"]);
    for (file, name) in [("a", "Ada"), ("b", "<Bob>")] {
        let list = course.run(&["exercises", "--json", "--name", name]).out;
        course.write(&format!("room/{file}.json"), &list);
    }
    course.run(&["exercises", "--room", "room"]).is(0, &["<th>Ada</th>", "&lt;Bob&gt;", "passed", "2 of 2"]);
    course.run(&["exercises", "--room", "work"]).is(1, &["is not what `just exercises --json` prints"]);
}
