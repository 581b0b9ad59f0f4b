// The level-5 scanner: one fetch_add for each batch, in ring order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"
#include "fencepost/pipeline/scanners/scanner.hpp"

namespace fencepost::pipeline {

template <class Memory>
class ScannerOrder5 : private Scanner<Memory> {
 public:
  using Sequencer = Order5FetchAdd<typename Memory::Policy>;
  static constexpr int level = 5;

  ScannerOrder5(Memory& memory, const Layout& layout, std::uint32_t ring, bool delegated,
                std::shared_ptr<Sequencer> sequencer)
      : Scanner<Memory>(memory, layout, ring, delegated),
        sequencer_(std::move(sequencer)),
        ordered_counts_(layout.client_count) {}

  // BLOCKS until the run is to end. Allocates nothing.
  void run() {
    for (Value number = 0; this->wait(number); ++number) {
      const std::optional<Slot> slot = this->read(number);
      if (!slot) return;
      const auto start =
          static_cast<Value>(this->memory_.attempt(*sequencer_, this->layout_, this->ring_, *slot).start);
      // A ring keeps the order of a client's batches, so a count says which are ordered: the first so many.
      this->publish(*slot, start, ++ordered_counts_[static_cast<std::size_t>(slot->batch.client)]);
      this->memory_.attempted(this->ring_, slot->index, AttemptOutcome::ordered, start);
    }
  }

  HandedOver hand_over() const {
    HandedOver handed = Scanner<Memory>::hand_over();
    handed.ordered_counts = ordered_counts_;
    return handed;
  }
  void take_over(const HandedOver& from) {
    Scanner<Memory>::take_over(from);
    ordered_counts_ = from.ordered_counts;
  }

 private:
  const std::shared_ptr<Sequencer> sequencer_;  // all scanners'
  std::vector<Value> ordered_counts_;           // of each client, its batches that this scanner ordered
};

}  // namespace fencepost::pipeline
