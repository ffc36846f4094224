//! The crates of a stage that have to be tested there. A crate that an earlier stage contains in the same form, with the same
//! dependencies, was tested in that stage.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use chain::workspaces::{Package, Workspace};
use sha2::{Digest, Sha256};
use stage::Course;
use toml::{Table, Value};

use crate::inputs::hex;

/// The names of the crates of a stage.
#[derive(Debug, Default)]
pub struct StageCrates {
    /// Those that have to be tested.
    pub new: Vec<String>,
    /// Those that were tested in an earlier stage.
    pub old: Vec<String>,
}

/// The crates of the stage of each chapter. `files` are the digests of all files of the repository.
///
/// # Errors
/// A manifest or lock file cannot be read.
pub fn of_each_chapter(
    course: &Course,
    workspaces: &[Workspace],
    files: &BTreeMap<PathBuf, String>,
) -> Result<BTreeMap<u32, StageCrates>> {
    let mut tested = BTreeSet::new();
    let mut all = BTreeMap::new();
    for (number, _) in course.chapters()? {
        let place = place_of(course, &course.chapter(number)?.workspace());
        let Some(workspace) = workspaces.iter().find(|workspace| Path::new(&workspace.place) == place) else {
            continue;
        };
        let sources = Sources { workspace, files, lock: Lock::read(workspace)? };
        let names = workspace.packages.iter().map(|package| package.name.clone());
        let (new, old) = names.partition(|name| tested.insert(sources.digest(name)));
        all.insert(number, StageCrates { new, old });
    }
    Ok(all)
}

/// The path of a folder, relative to the root of the course.
pub(crate) fn place_of(course: &Course, folder: &Path) -> PathBuf {
    let root = course.root.canonicalize().unwrap_or_else(|_| course.root.clone());
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.strip_prefix(&root).map(Path::to_owned).unwrap_or(folder)
}

/// Everything that determines what the tests of a stage's crates do.
struct Sources<'a> {
    workspace: &'a Workspace,
    files: &'a BTreeMap<PathBuf, String>,
    lock: Lock,
}

impl Sources<'_> {
    /// The digest of a crate: its files, those of the crates of the stage that it depends on, and the versions and features of
    /// its external dependencies.
    fn digest(&self, name: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(name);
        digest.update(format!("{:?}", self.workspace.get(&["workspace", "lints"])));
        let (mut seen, mut open) = (BTreeSet::new(), vec![name]);
        while let Some(name) = open.pop() {
            let Some(package) = self.package(name).filter(|_| seen.insert(name.to_owned())) else { continue };
            self.add_files(&mut digest, package);
            for (dependency, _) in &package.dependencies {
                digest
                    .update(format!("{:?}", self.workspace.get(&["workspace", "dependencies", dependency])));
                open.push(dependency);
            }
        }
        for external in self.lock.closure(name) {
            digest.update(external);
        }
        hex(&digest.finalize())
    }

    fn package(&self, name: &str) -> Option<&Package> {
        self.workspace.packages.iter().find(|package| package.name == name)
    }

    fn add_files(&self, digest: &mut Sha256, package: &Package) {
        let folder = Path::new(&package.place).parent().unwrap_or(Path::new(""));
        let own = self.files.iter().filter_map(|(path, file)| Some((path.strip_prefix(folder).ok()?, file)));
        for (path, file) in own {
            digest.update(format!("{} {file}\n", path.display()));
        }
    }
}

/// A lock file: the dependencies of each package, by name and version.
#[derive(Default)]
struct Lock(BTreeMap<String, Vec<String>>);

impl Lock {
    fn read(workspace: &Workspace) -> Result<Self> {
        let place = workspace.lock_place();
        let text = fs::read_to_string(workspace.folder.join("Cargo.lock"))
            .with_context(|| format!("cannot read {place}"))?;
        let lock: Table = text.parse().with_context(|| format!("{place} is not valid TOML"))?;
        let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
        let names = |package: &Value| {
            let all = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Ok(Self(packages.filter_map(|package| Some((Self::key(package)?, names(package)))).collect()))
    }

    /// `name version`, or only the name for a crate of the stage, whose version differs from chapter to chapter.
    fn key(package: &Value) -> Option<String> {
        let name = package.get("name")?.as_str()?;
        let version = package.get("version")?.as_str()?;
        Some(if package.get("source").is_some() { format!("{name} {version}") } else { name.to_owned() })
    }

    /// The external packages that a crate of the stage depends on, directly or not.
    fn closure(&self, name: &str) -> BTreeSet<&str> {
        let (mut found, mut open) = (BTreeSet::new(), vec![name]);
        while let Some(wanted) = open.pop() {
            // The lock file omits the version of a dependency that it contains once.
            let is_wanted = |key: &&String| *key == wanted || key.split(' ').next() == Some(wanted);
            let Some(key) = self.0.keys().find(is_wanted) else { continue };
            if found.insert(key.as_str()) {
                open.extend(self.0[key].iter().map(String::as_str));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A course with two stages whose crates `a` and `b` are the same; `b` depends on `a` and on an external crate.
    struct TwoStages(tempfile::TempDir);

    impl TwoStages {
        fn new() -> Self {
            let course = Self(tempfile::tempdir().unwrap());
            for number in [1, 2] {
                let stage = format!("chapters/0{number}-stage");
                let manifest = format!(
                    "number = {number}\ntitle = \"Stage\"\nminutes = {{ read = 1, build = 1, exercises = 1 }}\n\
                    [[process]]\nservice = \"b\"\n"
                );
                course.write(&format!("{stage}/chapter.toml"), &manifest);
                course.write(&format!("{stage}/Cargo.toml"), &format!(
                    "[workspace]\nmembers = [\"a\", \"b\"]\n[workspace.package]\nversion = \"0.{number}.0\"\n\
                    [workspace.dependencies]\na = {{ path = \"a\" }}\nfar = \"1\"\n"
                ));
                let package = |name: &str, dependencies: &str| {
                    format!(
                        "[package]\nname = \"{name}\"\nversion.workspace = true\n[dependencies]\n{dependencies}"
                    )
                };
                course.write(&format!("{stage}/a/Cargo.toml"), &package("a", ""));
                course.write(
                    &format!("{stage}/b/Cargo.toml"),
                    &package("b", "a.workspace = true\nfar.workspace = true\n"),
                );
                course.write(&format!("{stage}/a/src/lib.rs"), "");
                course.write(&format!("{stage}/b/src/lib.rs"), "");
                course.write(&format!("{stage}/Cargo.lock"), &format!(
                    "[[package]]\nname = \"a\"\nversion = \"0.{number}.0\"\n\
                    [[package]]\nname = \"b\"\nversion = \"0.{number}.0\"\ndependencies = [\"a\", \"far\"]\n\
                    [[package]]\nname = \"far\"\nversion = \"1.0.0\"\nsource = \"registry\"\ndependencies = [\"farther\"]\n\
                    [[package]]\nname = \"farther\"\nversion = \"1.0.0\"\nsource = \"registry\"\n"
                ));
            }
            course
        }

        fn write(&self, path: &str, text: &str) {
            let file = self.0.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }

        fn replace(&self, path: &str, old: &str, new: &str) {
            let text = fs::read_to_string(self.0.path().join(path)).unwrap();
            assert!(text.contains(old));
            self.write(path, &text.replacen(old, new, 1));
        }

        /// The crates of chapter 2 that have to be tested.
        fn new_in_chapter_2(&self) -> Vec<String> {
            let inputs = crate::inputs::Inputs::read(&Course { root: self.0.path().to_owned() }).unwrap();
            assert_eq!(inputs.crates(1).unwrap().new, ["a", "b"]);
            inputs.crates(2).unwrap().new.clone()
        }
    }

    #[test]
    fn a_crate_that_is_the_same_in_the_chapter_before_is_not_tested_again() {
        assert!(TwoStages::new().new_in_chapter_2().is_empty());
    }

    #[test]
    fn a_changed_crate_is_tested_with_the_crates_that_depend_on_it() {
        let course = TwoStages::new();
        course.write("chapters/02-stage/b/src/lib.rs", "// changed");
        assert_eq!(course.new_in_chapter_2(), ["b"]);
        course.write("chapters/02-stage/a/tests/new.rs", "");
        assert_eq!(course.new_in_chapter_2(), ["a", "b"]);
    }

    #[test]
    fn a_crate_is_tested_again_with_other_versions_or_features_of_its_dependencies() {
        let course = TwoStages::new();
        course.replace(
            "chapters/02-stage/Cargo.lock",
            "name = \"farther\"\nversion = \"1.0.0\"",
            "name = \"farther\"\nversion = \"1.0.1\"",
        );
        assert_eq!(course.new_in_chapter_2(), ["b"]);
        let course = TwoStages::new();
        course.replace(
            "chapters/02-stage/Cargo.toml",
            "far = \"1\"",
            "far = { version = \"1\", features = [\"x\"] }",
        );
        assert_eq!(course.new_in_chapter_2(), ["b"]);
    }
}
