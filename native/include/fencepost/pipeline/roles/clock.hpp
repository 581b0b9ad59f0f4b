// Waits that have an end: the clock that a scanner's waits look at besides. model/programs/roles/waiting.py.
#pragma once

#include <cstdint>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// Moves the clock of one scanner, so many times, at any moments: each wait that meets it times out.
template <class Memory>
class Clock {
 public:
  Clock(Memory& memory, const Layout& layout, std::uint32_t ring, std::uint32_t tick_count)
      : memory_(memory), layout_(layout), ring_(ring), tick_count_(tick_count) {}

  void run() {
    for (std::uint32_t tick = 0; tick < tick_count_; ++tick) memory_.store(layout_.clock(ring_), Value{tick} + 1);
  }

 private:
  Memory& memory_;
  const Layout& layout_;
  const std::uint32_t ring_;
  const std::uint32_t tick_count_;
};

}  // namespace fencepost::pipeline
