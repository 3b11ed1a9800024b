use std::sync::Arc;

use fleetune_models::parameters::Weights;

use crate::average::Average;

/// The mean of several models of one layout, each weighed by a number of examples: what a cloud makes of its edges'
/// models (HierFAVG; Liu et al. 2020, arXiv 1905.06641, where an edge weighs as many as its clients have).
///
/// Summed in 64 bits in the order given, and rounded once. Nothing if there are no models, or no examples behind them.
pub fn mean_model(models: &[(&Weights, u64)]) -> Option<Weights> {
    let (first, _) = models.first()?;
    let mut average = Average::new(first.values.len());
    models.iter().for_each(|(model, examples)| average.add(&model.values, *examples));
    let values = average.mean()?.into_iter().map(|value| value as f32).collect();
    Some(Weights { layout: Arc::clone(&first.layout), values })
}
