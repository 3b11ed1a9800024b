//! Those who can be done by the deadline, the soonest first.
//!
//! FedCS (Nishio and Yonetani, "Client selection for federated learning with heterogeneous resources in mobile edge",
//! ICC 2019) has two steps. *Resource request*: the server asks some devices, drawn at random, how long they would take to
//! download, compute and upload, and what resources they have. *Client selection* (its algorithm 3): greedily it takes the
//! device that makes the round last least longer, as long as the round then still ends by the deadline. There uploads wait for each
//! other, and the round's length is a sum; on this network transfers go on at the same time, and by each device's estimate the
//! round lasts as long as its slowest device. So the greedy order is that of the estimates, and who exceeds the
//! deadline is left out.
//!
//! A device's own estimate is of itself with the network to itself and nothing else to do. It says, too, how much of its
//! memory the work takes; who would have too little left is left out.
//!
//! If too few of those drawn can be done by the deadline, as many others are drawn; if nobody at all can, the one who
//! takes the least is asked, so that the run goes on.

use fleetune_scenarios::schema::ResourcesConfig;

use super::{
    Call, Candidates, Policy, admit,
    ranking::{By, Ranking, keys},
};

/// Those done soonest, by the deadline.
#[derive(Debug)]
pub(super) struct Resources {
    config: ResourcesConfig,
}

/// A device as it describes itself.
#[derive(Debug, Clone, Copy)]
struct Offer {
    rank: (By, u64),
    device: u32,
    fits: bool,
}

impl Resources {
    pub(super) fn new(config: ResourcesConfig) -> Self {
        Self { config }
    }

    /// The resource request.
    fn offer(&self, key: u64, device: u32, call: &Call<'_>, candidates: &dyn Candidates) -> Offer {
        let time = candidates.estimate(device);
        let in_time = call.deadline.is_none_or(|deadline| time <= deadline);
        let free = 1.0 - candidates.memory_taken(device);
        let fits = in_time && free >= self.config.memory_headroom.get();
        Offer { rank: (By(time.get()), key), device, fits }
    }
}

impl Policy for Resources {
    fn select(&self, call: &Call<'_>, candidates: &mut dyn Candidates) -> Vec<u32> {
        let keyed = keys(call.seeds, call.round, candidates.devices());
        let able = keyed.filter(|(_, device)| candidates.is_able(*device));
        let mut drawn: Ranking<u64> = able.collect();
        let wanted = call.wanted as usize;
        let pool = wanted.saturating_mul(self.config.candidates as usize);
        let (mut asked, mut soonest) = (Vec::new(), None::<Offer>);
        let mut order = 0;
        while asked.len() < wanted {
            let request = |device| {
                order += 1;
                self.offer(order, device, call, candidates)
            };
            let offers: Vec<Offer> = drawn.by_ref().take(pool).map(request).collect();
            if offers.is_empty() {
                break;
            }
            soonest = offers.iter().copied().chain(soonest).min_by_key(|offer| offer.rank);
            let fitting = offers.iter().filter(|offer| offer.fits);
            let mut ranking: Ranking<(By, u64)> = fitting.map(|o| (o.rank, o.device)).collect();
            admit(&mut ranking, wanted, candidates, &mut asked);
        }
        if asked.is_empty() {
            admit(&mut soonest.iter().map(|offer| offer.device), 1, candidates, &mut asked);
        }
        asked
    }
}
