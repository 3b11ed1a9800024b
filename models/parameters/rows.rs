use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData};

use super::{Layout, Slot, Weights};
use crate::transformer::Classifier;

/// Where the token table `[V, d]` stands in the module tree.
const TOKEN_TABLE: &str = "encoder.embeddings.word";

/// The model with these rows of the token table of `whole` alone, in this order: for batches whose token ids are indices
/// into `rows` ([`Batch::renumber`](crate::batch::Batch::renumber)). All else is left as it is.
pub fn keep_rows(mut model: Classifier, whole: &Classifier, rows: &[u32]) -> Classifier {
    let word = whole.encoder.embeddings.word.clone();
    model.encoder.embeddings.word = word.map(|table: Tensor<2>| {
        let ids: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        let ids = TensorData::new(ids, [rows.len()]);
        let device = table.device();
        table.select(0, Tensor::<1, Int>::from_data(ids, &device))
    });
    model
}

impl Layout {
    /// The layout of a model of which [`keep_rows`] has kept `rows`, unless its token table does not train.
    pub fn with_rows(&self, rows: &Arc<[u32]>) -> Option<Self> {
        self.slot(TOKEN_TABLE)?;
        let mut end = 0;
        let place = |slot: &Slot| {
            let mut slot = slot.clone();
            if slot.path == TOKEN_TABLE {
                slot.shape[0] = rows.len();
                slot.rows = Some(Arc::clone(rows));
            }
            slot.range = end..end + slot.shape.iter().product::<usize>();
            end = slot.range.end;
            slot
        };
        let slots = self.slots().iter().map(place).collect();
        Some(Self::new(slots, self.layers()))
    }
}

impl Weights {
    /// The values that stand in `layout`, which is that of these or came of it by [`Layout::with_rows`]; in the memory of
    /// `values`.
    ///
    /// # Panics
    /// If `layout` has a tensor or a row that these do not.
    pub fn gather(&self, layout: &Arc<Layout>, mut values: Vec<f32>) -> Self {
        values.clear();
        values.reserve_exact(layout.len());
        for slot in layout.slots() {
            let whole = self.layout.slot(&slot.path).expect("it came of this layout");
            let all = &self.values[whole.range.clone()];
            match &slot.rows {
                None => values.extend_from_slice(all),
                Some(rows) => {
                    let width = slot.shape[1];
                    let row = |&row: &u32| &all[row as usize * width..][..width];
                    rows.iter().for_each(|id| values.extend_from_slice(row(id)));
                }
            }
        }
        Self { layout: Arc::clone(layout), values }
    }
}
