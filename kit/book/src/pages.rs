//! The pages, with every directive replaced: a preprocessor of mdBook, in the same process.

use std::path::PathBuf;

use anyhow::{Result, bail};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext, book::Book};
use stage::{Course, manifest::Minutes};

use crate::{
    agenda, commands, counted,
    directive::{self, Directive},
    exercise, listing, notice, step, topology, transcript,
};

/// What directives are answered from.
pub struct Pages {
    /// The course that the book is about.
    pub course: Course,
}

impl Pages {
    /// The folder of the book.
    pub fn folder(&self) -> PathBuf {
        self.course.root.join("book")
    }

    fn stands_for(&self, directive: &Directive) -> Result<String> {
        let Directive { name, words } = directive;
        match name.as_str() {
            "listing" => listing::listing(&self.course, words),
            "diff" => step::diff(&self.course, words),
            "changes" => step::changes(&self.course, words),
            "output" => transcript::output(&self.folder().join("captures"), words),
            "topology" => topology::topology(&self.course, words),
            "drawing" => self.drawing(words),
            "minutes" => self.minutes(words),
            "lines" => counted::lines(&self.course, words),
            "tests" => counted::tests(&self.course, words),
            "exercise" => exercise::exercise(&self.course, words),
            "exercises" => exercise::exercises(&self.course, words),
            "decoys" => exercise::decoys(&self.course, words),
            "agenda" => agenda::agenda(&self.course, words),
            "commands" => commands::commands(&self.folder(), words),
            _ => bail!("there is no directive {name}; book/README.md has those there are"),
        }
    }

    /// `{{#drawing NAME}}`: `book/drawings/NAME.svg` in the page itself, so that it has the page's colours.
    fn drawing(&self, words: &[String]) -> Result<String> {
        let [name] = words else { bail!("a drawing needs a name") };
        let svg = std::fs::read_to_string(self.folder().join(format!("drawings/{name}.svg")))?;
        let lines: Vec<_> = svg.lines().filter(|line| !line.trim().is_empty()).collect(); // a blank one would end the HTML
        Ok(format!("\n<figure class=\"drawing\">\n{}\n</figure>\n", lines.join("\n")))
    }

    /// `{{#minutes N}}`: how long a chapter takes to read, to build and to exercise, as its manifest says. With `read`, `build`
    /// or `exercises` after it, that number alone.
    fn minutes(&self, words: &[String]) -> Result<String> {
        let [number, part @ ..] = words else { bail!("minutes need a chapter") };
        let Minutes { read, build, exercises } = directive::chapter(&self.course, number)?.manifest.minutes;
        match part.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => {}
            ["read"] => return Ok(read.to_string()),
            ["build"] => return Ok(build.to_string()),
            ["exercises"] => return Ok(exercises.to_string()),
            _ => bail!("after the chapter, minutes take `read`, `build` or `exercises`"),
        }
        let practice =
            if exercises == 0 { String::new() } else { format!(" · {exercises} minutes of exercises") };
        let text = format!(
            "{read} minutes to read · {build} minutes to build the first time, on two cores{practice}"
        );
        Ok(format!("<p class=\"minutes\">{text}</p>\n"))
    }

    /// A page with its directives replaced.
    ///
    /// # Errors
    /// Each line that went wrong.
    pub fn expand(&self, page: &str) -> Result<String> {
        let page = notice::without(page);
        directive::expand(page, |directive| match directive.name.as_str() {
            "reading" => Ok(counted::reading(page)),
            _ => self.stands_for(directive),
        })
    }
}

impl Preprocessor for Pages {
    fn name(&self) -> &'static str {
        "stepwise"
    }

    fn run(&self, _: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let mut wrong = Vec::new();
        book.for_each_chapter_mut(|page| match self.expand(&page.content) {
            Ok(expanded) => page.content = expanded,
            Err(error) => {
                let file = page.source_path.clone().unwrap_or_default();
                wrong.extend(
                    error.to_string().lines().map(|line| format!("book/src/{}: {line}", file.display())),
                );
            }
        });
        if wrong.is_empty() { Ok(book) } else { bail!("{}", wrong.join("\n")) }
    }
}
