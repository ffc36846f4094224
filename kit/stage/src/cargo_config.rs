//! The user's own configuration of Cargo: in the home folder, and in the folders above the course.
//!
//! Cargo merges it into every build below. Most of it is welcome: a mirror of the registry, a proxy, the number of jobs. The target
//! folder and `rustflags` are overridden in [`crate::environment`]. What remains is found here, so that `just doctor` can name it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml::Table;

use crate::course::Course;

/// A configuration file, parsed. Empty if it cannot be read or parsed, which Cargo reports itself.
pub(crate) struct Config(Table);

/// The configuration files that apply to a folder of the course and are not part of it. Some may not exist. Without
/// `cargo_home`, it is `.cargo` in the user's home folder.
pub fn files(folder: &Path, cargo_home: Option<PathBuf>) -> Vec<PathBuf> {
    let root = Course::find(folder).map_or_else(|_| folder.to_owned(), |course| course.root);
    let above = root.ancestors().skip(1).map(|above| above.join(".cargo"));
    let home = cargo_home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let mut folders: Vec<_> = above.collect();
    folders.extend(home.filter(|home| !folders.contains(home)));
    folders.iter().flat_map(|folder| ["config.toml", "config"].map(|name| folder.join(name))).collect()
}

/// The settings in a configuration file that change what is built, and that no variable overrides: `build.target`,
/// `unstable.build-std` and `profile.*`.
pub fn settings_that_change_builds(file: &Path) -> Vec<String> {
    let Config(table) = Config::read(file);
    let has = |section: &str, key: &str| table.get(section).and_then(|section| section.get(key)).is_some();
    let single = [("build", "target"), ("unstable", "build-std")];
    let single = single.iter().filter(|(section, key)| has(section, key));
    let single = single.map(|(section, key)| format!("{section}.{key}"));
    let profiles = table.get("profile").and_then(|profiles| profiles.as_table()).into_iter().flatten();
    single.chain(profiles.map(|(name, _)| format!("profile.{name}"))).collect()
}

impl Config {
    pub(crate) fn read(file: &Path) -> Self {
        Self(fs::read_to_string(file).ok().and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// Whether it passes flags to the compiler, in `[build]` or for a target.
    pub(crate) fn has_rustflags(&self) -> bool {
        let targets = self.0.get("target").and_then(|targets| targets.as_table()).into_iter().flatten();
        let mut tables = self.0.get("build").into_iter().chain(targets.map(|(_, target)| target));
        tables.any(|table| table.get("rustflags").is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_above_the_course_and_in_the_home_folder_apply_and_those_of_the_course_are_no_foreign_ones() {
        let above = tempfile::tempdir().unwrap();
        let stage = above.path().join("course/chapters/01-shop");
        fs::create_dir_all(&stage).unwrap();
        let files = files(&stage, Some(PathBuf::from("/home/ada/.cargo")));
        assert_eq!(files.first(), Some(&above.path().join(".cargo/config.toml")));
        assert_eq!(files.last(), Some(&PathBuf::from("/home/ada/.cargo/config")));
        assert!(!files.iter().any(|file| file.starts_with(above.path().join("course"))), "{files:?}");
    }

    #[test]
    fn flags_are_found_in_every_table_and_settings_that_change_builds_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let of = |text: &str| {
            fs::write(&file, text).unwrap();
            (Config::read(&file).has_rustflags(), settings_that_change_builds(&file).join(", "))
        };
        assert_eq!(of("[net]\nretry = 3\n[build]\njobs = 2\n"), (false, String::new()));
        assert_eq!(
            of("[build]\nrustflags = [\"-Dwarnings\"]\ntarget = \"x\"\n"),
            (true, "build.target".to_owned())
        );
        assert!(of("[target.x86_64-unknown-linux-gnu]\nrustflags = \"-Clto\"\n").0);
        assert_eq!(of("[profile.dev]\npanic = \"abort\"\n"), (false, "profile.dev".to_owned()));
        assert_eq!(of("this is not TOML"), (false, String::new()));
    }
}
