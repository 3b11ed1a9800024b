//! How long a workload takes on a device.
//!
//! Per phase, with e_c and e_m the two efficiencies and f the device's compute factor:
//!
//! `max(flops / (peak(precision) * e_c * f), traffic / (bandwidth * e_m)) + overhead`
//!
//! Phases are sequential, so a workload takes the sum of these maxima, which is never less than
//! the maximum of the sums (S. Williams, A. Waterman, D. Patterson, *Roofline*, CACM 52(4), 2009,
//! applied phase by phase).

use fleetune_units::Seconds;

use crate::{
    device::Device,
    workload::{Phase, PhaseKind, Workload},
};

impl Device {
    /// How long one phase takes.
    pub fn phase_time(&self, phase: &Phase) -> Seconds {
        let (compute, memory) = (&self.profile().compute, &self.profile().memory);
        let speed =
            compute.peak.of(phase.precision) * (compute.efficiency.get() * self.compute_factor());
        let bandwidth = memory.bandwidth * memory.efficiency.get();
        (phase.flops / speed).max(phase.traffic / bandwidth) + compute.overhead
    }

    /// How long each phase takes, in order.
    pub fn phase_times(&self, workload: &Workload) -> Vec<(PhaseKind, Seconds)> {
        workload.phases.iter().map(|phase| (phase.kind, self.phase_time(phase))).collect()
    }

    /// How long all phases take, one after the other. Says nothing of whether they fit: ask
    /// [`Device::can_run`].
    pub fn compute_time(&self, workload: &Workload) -> Seconds {
        workload.phases.iter().map(|phase| self.phase_time(phase)).sum()
    }
}
