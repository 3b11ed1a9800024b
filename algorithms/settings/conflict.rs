/// Two settings of an algorithm that cannot go together, or one that cannot go with how the fleet is organised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The field to change, by its path within the algorithm's settings; empty for the algorithm as a whole.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

/// How clients' updates are joined other than by one server in synchronous rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// One by one or from a buffer, each made from a model that may be an old one by then.
    Asynchronous,
    /// In rounds of several servers, of edges or tiers, whose models are joined.
    InGroups,
    /// Layer by layer, from clients that may be stopped in the middle of a backward.
    Layered,
}
