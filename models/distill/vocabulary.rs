//! A smaller WordPiece vocabulary: the teacher's pieces that the corpus uses most.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{ModelError, batch::Encoded, checkpoint::Checkpoint, tokenizer::Tokenizer};

/// The student's vocabulary, cut from the teacher's.
#[derive(Clone, Debug)]
pub struct Pieces {
    /// The teacher's id of each of the student's pieces.
    pub teacher_ids: Vec<usize>,
    /// The student's `tokenizer.json`.
    pub json: String,
    /// The share of the corpus' tokens that are among the kept pieces.
    pub coverage: f64,
}

/// Pieces kept whatever the corpus says: without them words become unknown.
fn always(piece: &str) -> bool {
    let bare = piece.strip_prefix("##").unwrap_or(piece);
    (piece.starts_with('[') && piece.ends_with(']') && !piece.starts_with("[unused"))
        || (bare.chars().count() == 1 && bare.is_ascii())
}

impl Pieces {
    /// Keeps the special tokens, all ASCII characters and the most used pieces, `size` in all.
    ///
    /// # Errors
    /// If the teacher's tokenizer is not a WordPiece of the usual form.
    pub fn most_used(
        teacher: &Checkpoint,
        sentences: &[&str],
        size: usize,
    ) -> Result<Self, ModelError> {
        let mut document: Value = serde_json::from_slice(teacher.tokenizer_json())
            .map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        let malformed = || ModelError::Tokenizer("expected a WordPiece tokenizer.json".to_owned());
        let vocabulary: BTreeMap<usize, String> = document["model"]["vocab"]
            .as_object()
            .ok_or_else(malformed)?
            .iter()
            .map(|(piece, id)| Ok((id.as_u64().ok_or_else(malformed)? as usize, piece.clone())))
            .collect::<Result<_, ModelError>>()?;
        let counts = count(teacher, sentences)?;
        let mut order: Vec<(usize, &String)> = vocabulary.iter().map(|(&i, p)| (i, p)).collect();
        let uses = |id: usize| counts.get(&id).copied().unwrap_or(0);
        order.sort_by_key(|&(id, piece)| (!always(piece), std::cmp::Reverse(uses(id)), id));
        order.truncate(size);
        // The teacher's order is kept: [PAD] stays at 0.
        order.sort_by_key(|&(id, _)| id);
        let kept: u64 = order.iter().map(|&(id, _)| uses(id)).sum();
        let coverage = kept as f64 / counts.values().sum::<u64>() as f64;
        let new_ids: BTreeMap<&str, usize> =
            order.iter().enumerate().map(|(new, &(_, piece))| (piece.as_str(), new)).collect();
        let table: Map<String, Value> =
            new_ids.iter().map(|(piece, &id)| ((*piece).to_owned(), id.into())).collect();
        let teacher_ids = order.iter().map(|&(id, _)| id).collect();
        renumber(&mut document, &new_ids).ok_or_else(malformed)?;
        document["model"]["vocab"] = Value::Object(table);
        let json =
            serde_json::to_string(&document).map_err(|e| ModelError::Tokenizer(e.to_string()))?;
        Ok(Self { teacher_ids, json, coverage })
    }

    /// Number of pieces.
    pub fn len(&self) -> usize {
        self.teacher_ids.len()
    }

    /// Whether there is no piece.
    pub fn is_empty(&self) -> bool {
        self.teacher_ids.is_empty()
    }

    /// The sentences in the student's pieces.
    ///
    /// # Errors
    /// If the tokenizer fails on a sentence.
    pub fn tokenise(
        &self,
        sentences: &[&str],
        max_length: usize,
    ) -> Result<Vec<Encoded>, ModelError> {
        let tokenizer = Tokenizer::from_bytes(self.json.as_bytes(), max_length)?;
        sentences.iter().map(|s| tokenizer.encode(s, 0)).collect()
    }
}

fn count(teacher: &Checkpoint, sentences: &[&str]) -> Result<BTreeMap<usize, u64>, ModelError> {
    let tokenizer = teacher.tokenizer(teacher.config.longest_input())?;
    let mut counts = BTreeMap::new();
    for sentence in sentences {
        for id in tokenizer.encode(sentence, 0)?.ids {
            *counts.entry(id as usize).or_insert(0) += 1;
        }
    }
    Ok(counts)
}

/// Gives the special tokens their new ids wherever the document names them.
fn renumber(document: &mut Value, new_ids: &BTreeMap<&str, usize>) -> Option<()> {
    for token in document["added_tokens"].as_array_mut()? {
        let id = *new_ids.get(token["content"].as_str()?)?;
        token["id"] = id.into();
    }
    if let Some(special) = document["post_processor"]["special_tokens"].as_object_mut() {
        for (name, token) in special {
            token["ids"] = Value::from(vec![*new_ids.get(name.as_str())?]);
        }
    }
    for name in ["sep", "cls"] {
        if let Some(pair) = document["post_processor"][name].as_array_mut() {
            let id = *new_ids.get(pair.first()?.as_str()?)?;
            pair[1] = id.into();
        }
    }
    document["truncation"] = Value::Null;
    document["padding"] = Value::Null;
    Some(())
}
