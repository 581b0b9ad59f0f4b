// The supervisor of a ring's scanner: stops it at whatever moment, then sends for the next one.
#pragma once

#include <cstdint>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

template <class Memory>
class Supervisor {
 public:
  Supervisor(Memory& memory, const Layout& layout, std::uint32_t ring) : memory_(memory), layout_(layout), ring_(ring) {}

  void run() {
    memory_.store(layout_.stop(ring_), 1);
    memory_.full_fence();
    memory_.send(layout_.to_scanner(ring_), 0);
  }

 private:
  Memory& memory_;
  const Layout& layout_;
  const std::uint32_t ring_;
};

}  // namespace fencepost::pipeline
