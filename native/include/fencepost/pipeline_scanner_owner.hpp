// order4.owner in the pipeline: as many workers as rings, each of which reads every ring and orders its own clients.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "fencepost/batch.hpp"
#include "fencepost/configuration.hpp"
#include "fencepost/order4_owner.hpp"
#include "fencepost/origin.hpp"
#include "fencepost/pipeline_scanner.hpp"

namespace fencepost::pipeline {

template <class Memory>
class ScannerOwner {
 public:
  using Sequencer = SharedCounter<typename Memory::Policy>;
  using Worker = typename Order4Owner<typename Memory::Policy>::Worker;
  static constexpr int level = 4;
  static constexpr bool reads_every_ring = true;

  ScannerOwner(Memory& memory, const Layout& layout, std::uint32_t worker, bool delegated,
               std::shared_ptr<Sequencer> shared)
      : memory_(memory),
        shared_(std::move(shared)),
        worker_(configuration(layout), worker, shared_->counter),
        indices_(layout.ring_count) {
    for (std::uint32_t ring = 0; ring < layout.ring_count; ++ring) {
      views_.emplace_back(memory, layout, ring, delegated, layout.chain_of(ring, worker));
    }
    watched_.reserve(layout.ring_count);
  }

  // BLOCKS until the run is to end. Reads whatever ring has something. Allocates nothing.
  void run() {
    while (const std::optional<std::uint32_t> ring = readable_ring()) {
      const std::optional<Slot> slot = views_[*ring].read(indices_[*ring]);
      if (!slot) return;
      ++indices_[*ring];
      take(*ring, *slot);
    }
  }

  // What the worker says of a batch and of those that were parked behind it.
  void ordered(const fencepost::Batch& batch, std::uint64_t origin, std::uint64_t start, bool /*was_parked*/) {
    const Slot slot = slot_of(batch, origin);
    const auto ring = static_cast<std::uint32_t>(Origin::ring_index(origin));
    const auto from = static_cast<Value>(start);
    views_[ring].assign(slot, from);
    views_[ring].publish(slot, from, slot.batch.seq + 1, Memory::at(Action::publish, ring, slot.index));
    memory_.attempted(ring, slot.index, AttemptOutcome::ordered, from);
  }

  // The copy of a batch that is parked is to be attempted later, by that one.
  void dropped(const fencepost::Batch& batch, std::uint64_t origin) {
    const Slot slot = slot_of(batch, origin);
    const auto ring = static_cast<std::uint32_t>(Origin::ring_index(origin));
    views_[ring].discard(slot);
    const bool is_ordered = batch.batch_seq < worker_.next_seq(batch.client_id);
    memory_.attempted(ring, slot.index, is_ordered ? AttemptOutcome::duplicate : AttemptOutcome::later, -1);
  }

 private:
  // A slot that is parked is in use, so there is room to park what all slots hold.
  static Configuration configuration(const Layout& layout) {
    Configuration configuration;
    configuration.client_capacity = std::max(1U, layout.client_count);
    configuration.parking_capacity = std::size_t{layout.ring_count} * layout.slots;
    configuration.worker_count = layout.ring_count;
    return configuration;
  }

  // A ring whose next slot may be read; none: the run is to end.
  std::optional<std::uint32_t> readable_ring() {
    while (true) {
      watched_.clear();
      for (std::uint32_t ring = 0; ring < indices_.size(); ++ring) {
        const std::optional<Watched> gate = views_[ring].gate(indices_[ring]);
        if (!gate) return ring;
        watched_.push_back(*gate);
      }
      const Result found = memory_.poll(watched_);
      if (found.stopped()) return std::nullopt;
      if (views_[found.index].passes(indices_[found.index], found.value)) return found.index;
    }
  }

  void take(std::uint32_t ring, const Slot& slot) {
    const fencepost::Batch batch = batch_of(slot);
    if (!worker_.owns(batch.client_id)) {
      views_[ring].pass_over(slot);
      return;
    }
    const Taken taken = worker_.take(batch, Origin::of(ring, origin_index(slot)), *this);
    if (taken == Taken::parked) memory_.attempted(ring, slot.index, AttemptOutcome::later, -1);
  }

  Memory& memory_;
  const std::shared_ptr<Sequencer> shared_;
  Worker worker_;
  std::deque<Scanner<Memory>> views_;  // of each ring, with the export chain that this worker has for it
  std::vector<Value> indices_;         // of the slot of each ring that is read next
  std::vector<Watched> watched_;       // scratch of a poll
};

}  // namespace fencepost::pipeline
