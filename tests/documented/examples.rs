//! Command lines as they stand in documents and help.

/// What belongs together: examples below one heading, or of one command's help.
#[derive(Default)]
pub(crate) struct Chapter {
    /// In the order in which they are to be typed.
    pub(crate) examples: Vec<Example>,
    /// What is wrong with lines that are no example.
    pub(crate) mistakes: Vec<String>,
}

/// A line for the shell.
pub(crate) struct Example {
    /// The line; those that it goes on in are joined to it.
    pub(crate) line: String,
    /// Where it stands.
    pub(crate) at: String,
    /// What it needs that does not come with the program.
    pub(crate) needs: Option<String>,
}

/// Programs of others that documents may name; such lines are not run.
const OTHERS: [&str; 7] = ["cargo", "cd", "curl", "git", "pip", "python3", "unzip"];

/// Before the names of files that do not come with the program; holds up to an empty line or another comment.
const MARK: &str = "# needs ";

impl Chapter {
    /// The blocks of a Markdown file that are marked as `sh` or `python`; a chapter for each heading.
    pub(crate) fn of_markdown(name: &str, text: &str) -> Vec<Chapter> {
        let (mut chapters, mut chapter) = (Vec::new(), Chapter::default());
        let mut block: Option<(usize, &str, Vec<&str>)> = None;
        for (line, number) in text.lines().zip(0..) {
            match (line.strip_prefix("```"), block.take()) {
                (Some(language), None) => block = Some((number + 1, language, Vec::new())),
                (Some(_), Some((first, "sh", lines))) => chapter.add_lines(name, lines.into_iter().zip(first..)),
                (Some(_), Some((first, "python", lines))) => chapter.add_python(format!("{name}:{first}"), &lines),
                (Some(_), Some(_)) => {}
                (None, Some((first, language, mut lines))) => {
                    lines.push(line);
                    block = Some((first, language, lines));
                }
                (None, None) if line.starts_with("## ") => chapters.push(std::mem::take(&mut chapter)),
                (None, None) => {}
            }
        }
        chapters.push(chapter);
        chapters
    }

    /// The indented lines of a help that call the program, and marks before them.
    pub(crate) fn of_help(name: &str, text: &str) -> Chapter {
        let is_example = |line: &str| line.starts_with("netdissect ") || line.starts_with(MARK);
        let typed =
            text.lines().map(|line| line.strip_prefix("  ").filter(|line| is_example(line)).unwrap_or_default());
        let mut chapter = Chapter::default();
        chapter.add_lines(name, typed.zip(0..));
        chapter
    }

    /// A program for Python, or that it is one where it needs modules that may not be there.
    fn add_python(&mut self, at: String, lines: &[&str]) {
        let needs = lines.first().and_then(|line| line.strip_prefix(MARK));
        let how = if needs.is_some() { "-c 'compile(open(0).read(), \"example\", \"exec\")'" } else { "-" };
        let text = lines.join("\n");
        let line = format!("if command -v python3 > python; then python3 {how} <<'END'\n{text}\nEND\nfi");
        self.examples.push(Example { line, at, needs: None });
    }

    fn add_lines<'a>(&mut self, name: &str, lines: impl Iterator<Item = (&'a str, usize)>) {
        let (mut needs, mut begun): (Option<String>, Option<(usize, String)>) = (None, None);
        for (line, number) in lines {
            if line.is_empty() || line.starts_with('#') {
                needs = line.strip_prefix(MARK).map(str::to_owned);
                continue;
            }
            let (number, mut whole) = begun.take().unwrap_or((number, String::new()));
            match line.strip_suffix('\\') {
                Some(part) => {
                    whole += part.trim_start();
                    begun = Some((number, whole));
                }
                None => {
                    whole += if whole.is_empty() { line } else { line.trim_start() };
                    self.add(Example { line: whole, at: format!("{name}:{}", number + 1), needs: needs.clone() });
                }
            }
        }
    }

    fn add(&mut self, example: Example) {
        let program = example.line.split([' ', '=']).next().unwrap_or_default();
        if example.calls_the_program() {
            self.mistakes.extend(self.unneeded(&example));
            self.examples.push(example);
        } else if let Some(script) = program.strip_prefix("scripts/") {
            let is_there = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script).exists();
            self.mistakes.extend((!is_there).then(|| example.wrong("there is no such script")));
        } else if !OTHERS.contains(&program) {
            self.mistakes.push(example.wrong("neither this program nor one that documents may name"));
        }
    }

    /// That an example is marked though it names nothing that is needed, nor what a marked one before it wrote.
    fn unneeded(&self, example: &Example) -> Option<String> {
        let needs = example.needs.as_deref()?;
        let names = needs.split([',', ' ']).filter(|name| !name.is_empty() && *name != "and");
        let marked = self.examples.iter().filter(|earlier| earlier.needs.is_some());
        let mut known = names.chain(marked.filter_map(Example::output));
        let is_needed = known.any(|name| example.line.contains(name));
        (!is_needed).then(|| example.wrong(&format!("is marked as needing {needs}, which it does not name")))
    }
}

impl Example {
    /// Whether it is one of ours, and not a line for another program.
    fn calls_the_program(&self) -> bool {
        self.line.split(' ').any(|word| word == "netdissect")
            && !OTHERS.contains(&self.line.split(' ').next().unwrap_or_default())
    }

    /// Where it writes its results.
    pub(crate) fn output(&self) -> Option<&str> {
        let mut words =
            self.line.split(' ').skip_while(|word| !matches!(*word, "-o" | "--output" | "--sheet" | "--raw"));
        words.nth(1)
    }

    /// A mistake in words.
    pub(crate) fn wrong(&self, what: &str) -> String {
        format!("{}: `{}`: {}", self.at, self.line, what.trim_end())
    }
}
