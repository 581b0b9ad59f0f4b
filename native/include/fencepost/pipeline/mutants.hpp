// Faults that can be built into the pipeline. A memory says which (`Memory::mutant`); the production memory says none,
// and `if constexpr` leaves nothing of them there.
#pragma once

#include <cstdint>

namespace fencepost::pipeline {

enum class Mutant : std::uint8_t {
  none,
  payload_unflushed,     // the receiver leaves out the flush of the payload
  guard_before_entry,    // the scanner stores the guard of a chain entry first
  reserve_before_claim,  // the level-4 scanner takes its range before it knows that it won
  time_out_acknowledges,    // a wait for a client's earlier batch that times out ends as if that had been exported
  time_out_takes_the_slot,  // a wait for a slot that times out ends as if the slot had been full
};

}  // namespace fencepost::pipeline
