// Membership: a broker that joins while the others run, in a ring that was another's before.
#pragma once

#include <cstdint>
#include <span>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/receiver.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// The client whose batches stand in the rings of brokers that are gone. model/programs/pipeline.py.
inline constexpr Value gone_client = 9;

// Wipes the guards that were left, then says that the ring is there, then receives. Until the guards are wiped in memory
// a scanner would take what was left for what arrives.
template <class Memory>
class Joining {
 public:
  Joining(Memory& memory, const Layout& layout, std::uint32_t ring)
      : memory_(memory), layout_(layout), ring_(ring), receiver_(memory, layout, ring, 0) {}

  // BLOCKS until all batches are in the ring, or the run is to end.
  void run(std::span<const Arriving> batches) {
    wipe();
    memory_.store_fence();
    announce();
    receive(batches);
  }

 protected:
  void wipe() {
    for (Value slot = 0; slot < static_cast<Value>(layout_.slots); ++slot) {
      const Word guard = layout_.header_guard(ring_, slot);
      memory_.store(guard, 0);
      memory_.flush(guard.line);
    }
  }

  void announce() {
    memory_.store(layout_.joined(ring_), 1);
    memory_.flush(layout_.joined(ring_).line);
    memory_.store_fence();
  }

  void receive(std::span<const Arriving> batches) { receiver_.run(batches); }

  Memory& memory_;

 private:
  const Layout& layout_;
  const std::uint32_t ring_;
  Receiver<Memory> receiver_;
};

}  // namespace fencepost::pipeline
