//! The task itself: classes, prompts and labelled texts.

use sha2::{Digest, Sha256};

use super::split::Split;

/// One class of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassInfo {
    /// What reports call it.
    pub name: String,
    /// A text whose embedding starts the class's row of the head (task alignment).
    pub prompt: String,
}

impl ClassInfo {
    pub(super) fn new(name: &str, prompt: &str) -> Self {
        Self { name: name.to_owned(), prompt: prompt.to_owned() }
    }
}

/// One labelled text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The text; never empty, white space collapsed.
    pub text: String,
    /// Index of its class in [`Task::classes`].
    pub label: usize,
}

/// Labelled texts in three splits that share no text.
///
/// Within a split the examples stand in the order of a hash of their texts: any prefix is a fair sample, so
/// `task.test.truncate(1000)` is a sound way to a smaller test set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Name of the built-in task, or the user's file name without its extension.
    pub name: String,
    /// At least two classes; an [`Example::label`] is an index into them.
    pub classes: Vec<ClassInfo>,
    /// What clients train on.
    pub train: Vec<Example>,
    /// What hyperparameters are chosen by.
    pub validation: Vec<Example>,
    /// What results are reported on.
    pub test: Vec<Example>,
    /// Examples left out of training and validation because their wording is in a separate test file.
    pub dropped: usize,
}

impl Task {
    /// Distributes labelled texts over the splits and puts each split in its order.
    pub(super) fn assemble(
        name: String,
        classes: Vec<ClassInfo>,
        examples: impl IntoIterator<Item = (Split, Example)>,
    ) -> Self {
        let (train, validation, test) = (Vec::new(), Vec::new(), Vec::new());
        let mut task = Self { name, classes, train, validation, test, dropped: 0 };
        for (split, example) in examples {
            task.examples_mut(split).push(example);
        }
        for split in Split::ALL {
            // Cached: hashing twice per comparison would dominate the loading.
            task.examples_mut(split).sort_by_cached_key(|example| {
                let digest: [u8; 32] = Sha256::digest(&example.text).into();
                (digest, example.label)
            });
        }
        task
    }

    /// The examples of a split.
    pub fn examples(&self, split: Split) -> &[Example] {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    fn examples_mut(&mut self, split: Split) -> &mut Vec<Example> {
        match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
            Split::Test => &mut self.test,
        }
    }

    /// Labels of the training examples, in their order: what a partition is made of.
    pub fn train_labels(&self) -> Vec<usize> {
        self.train.iter().map(|example| example.label).collect()
    }

    /// How many examples of each class a split has.
    pub fn class_counts(&self, split: Split) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for example in self.examples(split) {
            counts[example.label] += 1;
        }
        counts
    }

    /// SHA-256, in hexadecimal, over classes, prompts, and the labels and texts of all splits in order: two runs with
    /// the same hash trained and tested on the same data. The name is left out, as renaming a file changes no data.
    pub fn data_hash(&self) -> String {
        let mut hash = Sha256::new();
        // Every length is hashed before what it counts, so that no two tasks share a byte stream.
        let count = |hash: &mut Sha256, n: usize| hash.update((n as u64).to_le_bytes());
        let text = |hash: &mut Sha256, text: &str| {
            count(hash, text.len());
            hash.update(text);
        };
        hash.update("fleetune/data/v1\n");
        count(&mut hash, self.classes.len());
        for class in &self.classes {
            text(&mut hash, &class.name);
            text(&mut hash, &class.prompt);
        }
        for split in Split::ALL {
            let examples = self.examples(split);
            count(&mut hash, examples.len());
            for example in examples {
                count(&mut hash, example.label);
                text(&mut hash, &example.text);
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        let example = |text: &str, label| Example { text: text.into(), label };
        let classes = vec![ClassInfo::new("a", "pa"), ClassInfo::new("b", "pb")];
        let examples = [
            (Split::Train, example("one", 0)),
            (Split::Train, example("two", 1)),
            (Split::Test, example("three", 1)),
        ];
        Task::assemble("t".into(), classes, examples)
    }

    #[test]
    fn order_of_the_rows_does_not_matter() {
        let mut reversed = task();
        reversed.train.reverse();
        let rows = |t: &Task| {
            let split = |s: Split| t.examples(s).to_vec().into_iter().map(move |e| (s, e));
            Split::ALL.into_iter().flat_map(split).collect::<Vec<_>>()
        };
        assert_eq!(Task::assemble("t".into(), task().classes, rows(&reversed)), task());
    }

    #[test]
    fn data_hash_sees_every_part_but_the_name() {
        let base = task().data_hash();
        assert_eq!(base.len(), 64);
        let changed = |change: fn(&mut Task)| {
            let mut task = task();
            change(&mut task);
            task.data_hash()
        };
        assert_eq!(changed(|t| t.name = "u".into()), base);
        let changes: [fn(&mut Task); 6] = [
            |t| t.classes[0].name = "c".into(),
            |t| t.classes[0].prompt.push('!'),
            |t| t.train[0].label = 1 - t.train[0].label,
            |t| t.test[0].text.push('.'),
            |t| t.train.reverse(),
            |t| t.validation = std::mem::take(&mut t.test),
        ];
        let hashes: std::collections::BTreeSet<_> = changes.map(changed).into_iter().collect();
        assert_eq!(hashes.len(), changes.len());
        assert!(!hashes.contains(&base));
    }
}
