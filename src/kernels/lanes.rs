//! Lanes of a subgroup that hand loads to each other: what the kernels for software adapters share.

use crate::gpu::Traits;

/// Lanes that share the loads of the weights: the subgroup of llvmpipe on processors with vectors of 256 bits. Larger subgroups load
/// them more than once.
pub(super) const LANES: u32 = 8;

/// Whether an adapter has subgroups that can hand weights around.
pub(super) fn fit(traits: &Traits) -> bool {
    let (smallest, largest) = traits.subgroup_sizes;
    traits.subgroups && smallest >= LANES && largest <= traits.workgroup_invocations
}

/// Invocations of a workgroup: the adapter's largest subgroup, so that none is cut in two.
pub(super) fn workgroup(traits: &Traits) -> u32 {
    traits.subgroup_sizes.1.next_multiple_of(LANES)
}
