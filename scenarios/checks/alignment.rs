use fleetune_models::{
    ModelError,
    alignment::{AlignmentConfig, AlignmentError, LabelWords},
    checkpoint::Checkpoint,
    tasks::Task,
};

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
};

/// Template and label words are those of a model that can score them, one word for each class.
pub(super) fn label_words(
    draft: &Draft,
    checkpoint: Option<&Checkpoint>,
    task: Option<&Task>,
    faults: &mut Vec<Fault>,
) -> Option<LabelWords> {
    let (model, Some(config)) = (draft.model.as_ref()?, draft.task.as_ref()?) else { return None };
    let AlignmentConfig::LabelWords(config) = &config.alignment else { return None };
    let classes: Vec<&str> = task?.classes.iter().map(|class| class.name.as_str()).collect();
    let error = match LabelWords::new(config, &classes, checkpoint?, model.max_length) {
        Ok(words) => return Some(words),
        Err(error) => error,
    };
    let base = FieldPath::from("task.alignment.label_words");
    let message = error.to_string();
    faults.push(match error {
        AlignmentError::Template(_) => Fault::value(base.key("template"), message)
            .with_help("for example `{text} It was {mask}`"),
        AlignmentError::Word { class, .. } => Fault::value(base.key("words").key(&class), message),
        AlignmentError::Missing(_) => Fault::key(base.key("words"), message),
        AlignmentError::Room { .. } => Fault::value(FieldPath::from("model.max_length"), message),
        AlignmentError::Model(ModelError::MissingTensor { .. }) => Fault::key(base, message)
            .with_help("label words need a checkpoint with its language-model head, such as `FacebookAI/roberta-large`; without one the head is made of `prompts`"),
        _ => Fault::key(base, message),
    });
    None
}
