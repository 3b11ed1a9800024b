use std::{ops::Range, sync::Arc};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Gradients, Tensor},
};

use super::{Layout, Slot};
use crate::transformer::Classifier;

/// Trainable parameters of a classifier as one flat vector.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Weights {
    /// What stands where.
    pub layout: Arc<Layout>,
    /// The elements, in the layout's order.
    pub values: Vec<f32>,
}

/// Reads the trainable parameters out of a model.
pub fn read(model: &Classifier, layout: &Arc<Layout>) -> Weights {
    let mut reader = Reader { path: Path::default(), layout, values: vec![0.0; layout.len()] };
    model.visit(&mut reader);
    Weights { layout: Arc::clone(layout), values: reader.values }
}

/// The model with the trainable tensors of `range` changed by `write`; all else is shared.
///
/// `write` gets a slot and its elements as they are, and is called in the layout's order. Tensors that no other model
/// shares are changed in place: nothing is allocated or copied.
pub fn install(
    model: Classifier,
    layout: &Layout,
    range: Range<usize>,
    write: &mut dyn FnMut(&Slot, &mut [f32]),
) -> Classifier {
    model.map(&mut Writer { path: Path::default(), layout, range, write })
}

/// The gradients of the trainable parameters of `model` after a backward, in the layout's order; takes them out of
/// `gradients`.
///
/// # Panics
/// If a trainable tensor had no part in the loss.
pub fn take_gradients(model: &Classifier, layout: &Layout, gradients: &mut Gradients) -> Vec<f32> {
    let values = vec![0.0; layout.len()];
    let mut taker = GradientTaker { path: Path::default(), layout, gradients, values };
    model.visit(&mut taker);
    taker.values
}

struct GradientTaker<'a> {
    path: Path,
    layout: &'a Layout,
    gradients: &'a mut Gradients,
    values: Vec<f32>,
}

impl ModuleVisitor for GradientTaker<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(slot) = self.layout.slot(&self.path.joined()) {
            let gradient = param.val().grad_remove(self.gradients);
            let data = gradient.expect("every trainable tensor has a part in the loss").into_data();
            let values = data.as_slice::<f32>().expect("gradients are stored as f32");
            self.values[slot.range.clone()].copy_from_slice(values);
        }
    }
}

impl Weights {
    /// The model with these parameters.
    pub fn install_in(&self, model: Classifier) -> Classifier {
        install(model, &self.layout, 0..self.layout.len(), &mut |slot, values| {
            values.copy_from_slice(&self.values[slot.range.clone()]);
        })
    }
}

/// The path of module names from the root to where a traversal stands.
#[derive(Debug, Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn joined(&self) -> String {
        self.0.join(".")
    }
}

struct Reader<'a> {
    path: Path,
    layout: &'a Layout,
    values: Vec<f32>,
}

impl ModuleVisitor for Reader<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(slot) = self.layout.slot(&self.path.joined()) {
            let data = param.val().into_data();
            let values = data.as_slice::<f32>().expect("parameters are stored as f32");
            self.values[slot.range.clone()].copy_from_slice(values);
        }
    }
}

struct Writer<'a> {
    path: Path,
    layout: &'a Layout,
    range: Range<usize>,
    write: &'a mut dyn FnMut(&Slot, &mut [f32]),
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(slot) = self.layout.slot(&self.path.joined()) else { return param };
        if !(self.range.start <= slot.range.start && slot.range.end <= self.range.end) {
            return param;
        }
        param.map(|old| {
            let (trains, device) = (old.is_require_grad(), old.device());
            let mut data = old.into_data();
            (self.write)(slot, data.as_mut_slice().expect("parameters are stored as f32"));
            Tensor::from_data(data, &device).set_require_grad(trains)
        })
    }
}
