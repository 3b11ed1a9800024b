use super::{
    BatchShape, CostModel,
    formula::{Alive, Breakdown, Dim, Size, Term},
};
use crate::{
    architecture::{Architecture, Norm, Placement, Positions, Projection},
    ledger::{Gradients, Ledger, ops},
    parameters::Trainable,
};

/// What trains in a stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trains {
    pub(super) weights: bool,
    pub(super) biases: bool,
    pub(super) shifts: bool,
    /// What was added to the model: side paths, bottlenecks, prefixes.
    pub(super) adapters: bool,
}

/// What there is to a product with a weight.
#[derive(Clone, Copy, Debug)]
struct Dense {
    biased: bool,
    /// Bytes of its weight, if that is quantised.
    packed: Option<usize>,
    trains: Trains,
}

/// Goes through the operations of a pass by their shapes, and charges each as the transformer does where it runs it; what
/// is charged is a formula, and the breakdown keeps it.
pub(super) struct Walk<'a> {
    pub(super) model: &'a CostModel,
    pub(super) texts: Dim,
    pub(super) tokens: Dim,
    pub(super) backward: bool,
    pub(super) ledger: Ledger,
    /// Kept if it is asked for.
    pub(super) breakdown: Option<Breakdown>,
    part: &'static str,
}

impl<'a> Walk<'a> {
    /// `flowing`: whether gradients are owed for what comes into the first stage.
    pub(super) fn new(
        model: &'a CostModel,
        [texts, tokens]: BatchShape,
        backward: bool,
        flowing: bool,
    ) -> Self {
        let mut ledger = Ledger::new();
        ledger.flow(flowing);
        let (texts, tokens) = (Dim::new("texts", texts), Dim::new("tokens", tokens));
        Self { model, texts, tokens, backward, ledger, breakdown: None, part: "" }
    }

    /// What is charged from now on is of this part.
    pub(super) fn enter(&mut self, part: &'static str) {
        self.part = part;
    }

    pub(super) fn architecture(&self) -> &'a Architecture {
        &self.model.architecture
    }

    /// Tokens of the batch.
    pub(super) fn rows(&self) -> Dim {
        Dim::new("rows", self.texts_by_tokens().value())
    }

    fn texts_by_tokens(&self) -> Size {
        self.texts * self.tokens
    }

    /// Width of the residual stream.
    pub(super) fn width(&self) -> Dim {
        Dim::new("d", self.architecture().hidden_size)
    }

    /// The residual stream.
    pub(super) fn states(&self) -> Size {
        self.rows() * self.width()
    }

    pub(super) fn trains(&self) -> Trains {
        let train = self.model.train;
        let weights = train.trains_weights();
        let bitfit = train == Trainable::Bitfit;
        let (biases, shifts) = (self.architecture().biases, self.architecture().norm.shifts());
        Trains {
            weights: self.backward && weights,
            biases: self.backward && biases && (weights || bitfit),
            shifts: self.backward && shifts && bitfit,
            adapters: self.backward && train.adds(),
        }
    }

    pub(super) fn embeddings(&mut self) {
        self.enter("embeddings");
        let trains = self.backward && self.model.train == Trainable::Full;
        let more = self.architecture().tables().count() as u64 - 1;
        self.live(&[("states", self.states()), ("token ids", self.rows().into())]);
        // A row of the tokens' table is read, one of the others' sum, if there is any, and the sum is written.
        let touched = 2 + u64::from(more > 0);
        self.elementwise("sum of embeddings", self.states(), more * ops::ADD, touched, trains);
        self.ledger.flow(trains);
        if self.architecture().placement == Placement::Post {
            self.norm(trains);
        }
    }

    pub(super) fn layer(&mut self) {
        self.enter("layer");
        let trains = self.trains();
        let pre = self.architecture().placement == Placement::Pre;
        for part in [Self::attend, Self::feed] {
            if pre {
                self.norm(trains.weights || trains.shifts);
            }
            part(self, trains);
            self.bottleneck(trains);
            self.elementwise("residual", self.states(), ops::ADD, 3, false);
            if !pre {
                self.norm(trains.weights || trains.shifts);
            }
        }
    }

    pub(super) fn norm(&mut self, trains: bool) {
        self.norm_of(self.architecture().norm, self.states(), trains);
    }

    pub(super) fn norm_of(&mut self, kind: Norm, states: Size, trains: bool) {
        self.elementwise("norm", states, kind.operations(), 2, trains);
        self.keep("input of a norm", states, trains || self.ledger.flowing());
        self.ledger.flow(trains);
    }

    /// The feed-forward layer.
    fn feed(&mut self, trains: Trains) {
        let c = self.architecture();
        let before = self.ledger.flowing();
        let gated = c.feed_forward.is_gated();
        let wide = self.rows() * Dim::new("f", c.intermediate_size);
        let up = self.branch(before, |walk| walk.projection(Projection::Up, trains));
        let gate = gated && self.branch(before, |walk| walk.projection(Projection::Gate, trains));
        self.ledger.restart_flow(up || gate);
        let (operations, touched) = c.feed_forward.elementwise();
        self.elementwise("activation", wide, operations, touched, false);
        let halves = Dim::number(1 + usize::from(gated));
        self.keep("input of the activation", halves * wide, self.ledger.flowing());
        let adapted = [Projection::Up, Projection::Gate, Projection::Down];
        self.live(&[
            ("input and residual", Dim::number(2) * self.states()),
            ("wide layer", halves * wide),
            ("side path", self.side_path(&adapted)),
        ]);
        self.projection(Projection::Down, trains);
    }

    /// Houlsby et al. (2019): down, GELU, up, and what came in.
    fn bottleneck(&mut self, trains: Trains) {
        let Trainable::Bottleneck { width } = self.model.train else { return };
        let (d, narrow) = (self.width(), Dim::new("m", width));
        let own = Trains { weights: trains.adapters, biases: trains.adapters, ..trains };
        let inner = Dense { biased: true, packed: None, trains: own };
        let hidden = self.rows() * narrow;
        self.dense("bottleneck down", [d, narrow], inner);
        self.elementwise("bottleneck GELU", hidden, ops::GELU, 2, false);
        self.keep("input of the bottleneck's GELU", hidden, self.ledger.flowing());
        self.live(&[
            ("residual, input and output", Dim::number(3) * self.states()),
            ("bottleneck", hidden),
        ]);
        self.dense("bottleneck up", [narrow, d], inner);
        self.elementwise("bottleneck residual", self.states(), ops::ADD, 3, false);
    }

    /// One of several operations that read the same input: what trains in one does not flow into the next.
    pub(super) fn branch(&mut self, before: bool, run: impl FnOnce(&mut Self)) -> bool {
        self.ledger.restart_flow(before);
        run(self);
        self.ledger.flowing()
    }

    /// A product with a weight of the layer, its bias if there is one, and its side path if it is adapted.
    pub(super) fn projection(&mut self, projection: Projection, trains: Trains) {
        let widths = self.model.widths(projection);
        let rank = self.model.rank(projection);
        let adapter = trains.adapters && rank > 0;
        let left = self.ledger.flowing();
        let (biased, packed) = (self.architecture().biases, self.model.packed(widths));
        self.dense(projection.name(), widths, Dense { biased, packed, trains });
        self.keep("input of a side path", self.rows() * widths[0], adapter && !trains.weights);
        if rank > 0 {
            let (rows, rank, [input, output]) = (self.rows(), Dim::new("r", rank), widths);
            let one = Size::default();
            let of_a = Gradients { left, right: adapter };
            self.product("side path A", one, [rows, input, rank].map(Size::from), of_a);
            let both = Gradients { left: adapter, right: adapter };
            self.product("side path B", one, [rows, rank, output].map(Size::from), both);
            self.elementwise("side path added", rows * output, ops::LORA_ADD, 3, adapter);
            self.keep("low rank", rows * rank, adapter);
        }
        self.ledger.flow(adapter);
    }

    /// A product with a weight, and its bias if there is one.
    fn dense(&mut self, what: &'static str, [input, output]: [Dim; 2], of: Dense) {
        let (rows, left) = (self.rows(), self.ledger.flowing());
        let Dense { biased, packed, trains } = of;
        match packed {
            Some(bytes) => {
                let flops = Dim::number(2) * rows * input * output;
                let sides = [rows, input, output].map(|dim| Size::from(dim).value());
                self.ledger.product_with_codes(sides, bytes, left);
                self.note(what, flops, u64::from(left));
                self.elementwise("scales", rows * output, ops::SCALE, 0, false);
            }
            None => {
                let gradients = Gradients { left, right: trains.weights };
                let sides = [rows, input, output].map(Size::from);
                self.product(what, Size::default(), sides, gradients);
            }
        }
        if biased {
            let trained = trains.weights || trains.biases;
            self.elementwise("biases", rows * output, ops::ADD, 0, trained);
        }
        self.keep("input of a weight", rows * input, trains.weights);
        self.ledger.flow(trains.weights || biased && trains.biases);
    }

    /// Rotary positions, if there are.
    pub(super) fn turn(&mut self, width: Dim) {
        if self.architecture().positions == Positions::Rotary {
            self.elementwise("rotary positions", self.rows() * width, ops::ROTARY, 2, false);
        }
    }

    /// What the widest side path of these projections holds.
    pub(super) fn side_path(&self, adapted: &[Projection]) -> Size {
        let rank = adapted.iter().map(|&projection| self.model.rank(projection)).max();
        self.rows() * Dim::new("r", rank.unwrap_or(0))
    }
}

/// What is charged, and noted.
impl Walk<'_> {
    pub(super) fn product(
        &mut self,
        what: &'static str,
        batch: Size,
        sides: [Size; 3],
        gradients: Gradients,
    ) {
        self.ledger.product(batch.value(), sides.map(|side| side.value()), gradients);
        let [m, k, n] = sides;
        let owed = u64::from(gradients.left) + u64::from(gradients.right);
        self.note(what, Dim::number(2) * batch * m * k * n, owed);
    }

    pub(super) fn elementwise(
        &mut self,
        what: &'static str,
        elements: Size,
        operations: u64,
        touched: u64,
        trains: bool,
    ) {
        self.ledger.elementwise(elements.value(), operations, touched, trains);
        let owed = if trains || self.ledger.flowing() { 2 } else { 0 };
        self.note(what, Dim::number(operations as usize) * elements, owed);
    }

    fn note(&mut self, what: &'static str, flops: Size, backward: u64) {
        if let Some(breakdown) = self.breakdown.as_mut().filter(|_| flops.value() > 0) {
            breakdown.add(Term { part: self.part, what, flops, forward: 1, backward });
        }
    }

    pub(super) fn keep(&mut self, what: &'static str, elements: Size, needed: bool) {
        self.ledger.keep(elements.value(), needed);
        if let Some(breakdown) = self.breakdown.as_mut().filter(|_| needed) {
            breakdown.keep(Alive { part: self.part, what, elements, times: 1 });
        }
    }

    pub(super) fn live(&mut self, alive: &[(&'static str, Size)]) {
        let before = self.ledger.peak();
        self.ledger.live(alive.iter().map(|(_, elements)| elements.value()).sum());
        let part = self.part;
        if let Some(breakdown) = self.breakdown.as_mut().filter(|_| self.ledger.peak() > before) {
            let there = alive.iter().filter(|(_, elements)| elements.value() > 0);
            let alive = |&(what, elements): &(_, _)| Alive { part, what, elements, times: 1 };
            breakdown.peak = there.map(alive).collect();
        }
    }
}
