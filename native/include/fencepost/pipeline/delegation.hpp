// The delegation: tells the scanner how many slots of its broker's ring are filled, so that it need not poll each.
#pragma once

#include <cstdint>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/receiver.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// Follows its ring on the broker's own host, where memory is coherent, and publishes a count of filled slots.
template <class Memory>
class Delegation {
 public:
  Delegation(Memory& memory, const Layout& layout, std::uint32_t ring) : memory_(memory), layout_(layout), ring_(ring) {}

  // BLOCKS until the run is to end: counts slot after slot, and publishes each count, so that none is left untold when
  // batches stop.
  void run() {
    for (Value index = 0; wait(index); ++index) {
      const Value count = index + 1;
      memory_.store({layout_.written(ring_), 0}, count, Memory::at(Action::written, ring_, count));
      memory_.flush(layout_.written(ring_));
      memory_.store_fence();
    }
  }

 private:
  bool wait(Value index) {
    const Value lap_before = index - static_cast<Value>(layout_.slots);
    Value seen = lap_before >= 0 ? full_index(lap_before) : 0;
    while (seen != full_index(index)) {
      const Watched watched{layout_.header_guard(ring_, index), seen, false};
      const Result found = memory_.poll({&watched, 1});
      if (found.stopped()) return false;
      seen = found.value;
    }
    return true;
  }

  Memory& memory_;
  const Layout& layout_;
  const std::uint32_t ring_;
};

}  // namespace fencepost::pipeline
