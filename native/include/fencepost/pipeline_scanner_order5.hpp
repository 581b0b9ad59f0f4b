// The level-5 scanner: one fetch_add for each batch, in ring order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "fencepost/pipeline_scanner.hpp"

namespace fencepost::pipeline {

template <class Memory>
class ScannerOrder5 : private Scanner<Memory> {
 public:
  static constexpr int level = 5;

  ScannerOrder5(Memory& memory, const Layout& layout, std::uint32_t ring, bool delegated)
      : Scanner<Memory>(memory, layout, ring, delegated), ordered_counts_(layout.client_count) {}

  // BLOCKS until the run is to end. Allocates nothing.
  void run() {
    for (Value index = 0; this->wait(index); ++index) {
      const std::optional<Slot> slot = this->read(index);
      if (!slot) return;
      const Value start =
          this->memory_.fetch_add(this->layout_.issued(), slot->batch.count, Memory::at(Action::reserve, this->ring_));
      this->assign(*slot, start);
      // A ring keeps the order of a client's batches, so a count says which are ordered: the first so many.
      this->publish(*slot, start, ++ordered_counts_[static_cast<std::size_t>(slot->batch.client)]);
      this->memory_.attempted(this->ring_, index, Outcome::ordered, start);
    }
  }

 private:
  std::vector<Value> ordered_counts_;  // of each client, its batches that this scanner ordered
};

}  // namespace fencepost::pipeline
