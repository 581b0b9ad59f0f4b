// order5.epoch in the pipeline: one reservation for all that a scanner found to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/sequencers/order5_epoch.hpp"
#include "fencepost/structures/slot_id.hpp"
#include "fencepost/pipeline/scanners/scanner.hpp"

namespace fencepost::pipeline {

// Reads while there is something to read, at most an epoch. An epoch never waits for more: what was read would wait
// with it.
template <class Memory>
class ScannerEpoch5 : private Scanner<Memory> {
 public:
  using Sequencer = SharedCounter<typename Memory::Policy>;
  using Worker = typename Order5Epoch<typename Memory::Policy>::Worker;
  static constexpr int level = 5;

  ScannerEpoch5(Memory& memory, const Layout& layout, std::uint32_t ring, bool delegated,
                std::shared_ptr<Sequencer> shared)
      : Scanner<Memory>(memory, layout, ring, delegated),
        shared_(std::move(shared)),
        worker_(configuration(), shared_->counter),
        ordered_counts_(layout.client_count) {}

  // BLOCKS until the run is to end. Allocates nothing.
  void run() {
    for (Value index = 0;; ++index) {
      if (planned_count_ == 0 || !this->is_readable(index)) {
        reserving([this] { worker_.finish(*this); });
        if (!this->wait(index)) return;
      }
      const std::optional<Slot> slot = this->read(index);
      if (!slot) return;
      ++planned_count_;
      reserving([&] { worker_.take(batch_of(*slot), SlotId::of(this->ring_, origin_index(*slot)), *this); });
    }
  }

  // What the worker says of each batch, once it has reserved.
  void ordered(const fencepost::Batch& batch, std::uint64_t origin, std::uint64_t start, bool /*was_parked*/) {
    --planned_count_;
    const Slot slot = slot_of(batch, origin);
    const auto from = static_cast<Value>(start);
    this->assign(slot, from);
    this->publish(slot, from, ++ordered_counts_[static_cast<std::size_t>(slot.batch.client)],
                  Memory::at(Action::publish, this->ring_, slot.index));
    this->memory_.attempted(this->ring_, slot.index, AttemptOutcome::ordered, from);
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
  // Never alone: with one ring, too, the counter is added to atomically.
  static Configuration configuration() {
    Configuration configuration;
    configuration.worker_count = 2;
    configuration.epoch_batch_count = Memory::epoch_batch_count;
    return configuration;
  }

  // What is reserved in here is for all that is planned.
  template <class Call>
  void reserving(Call&& call) {
    this->memory_.reserving(Memory::at(Action::reserve, this->ring_, planned_count_), Reserver::one_of_many, call);
  }

  const std::shared_ptr<Sequencer> shared_;
  Worker worker_;
  std::vector<Value> ordered_counts_;  // of each client, its batches that this scanner ordered
  Value planned_count_ = 0;            // batches that were read and have no range yet
};

}  // namespace fencepost::pipeline
