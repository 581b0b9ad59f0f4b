// A worker of the pipeline that reads every ring: how it looks at the rings, and what it does with a batch in the end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/slot_id.hpp"
#include "fencepost/pipeline/scanners/scanner.hpp"

namespace fencepost::pipeline {

// Of each ring, the slot that is read next and the export chain that this worker has for it. model/programs/sequencers/worker.py.
template <class Memory>
class RingViews {
 public:
  RingViews(Memory& memory, const Layout& layout, std::uint32_t worker, bool delegated)
      : memory_(memory), indices_(layout.ring_count) {
    for (std::uint32_t ring = 0; ring < layout.ring_count; ++ring) {
      views_.emplace_back(memory, layout, ring, delegated, layout.chain_of(ring, worker));
    }
    watched_.reserve(layout.ring_count);
  }

  // A slot that is parked is in use, so there is room to park what all slots hold.
  static Configuration configuration(const Layout& layout) {
    Configuration configuration;
    configuration.client_capacity = std::max(1U, layout.client_count);
    configuration.parking_capacity = std::size_t{layout.ring_count} * layout.slots;
    return configuration;
  }

  static std::uint64_t origin_of(std::uint32_t ring, const Slot& slot) { return SlotId::of(ring, origin_index(slot)); }
  static std::uint32_t ring_of(std::uint64_t origin) { return static_cast<std::uint32_t>(SlotId::ring_index(origin)); }

  // BLOCKS until there is a ring whose next slot may be read; none: the run is to end.
  std::optional<std::uint32_t> wait() {
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

  // Looks once at each ring, without waiting: the first whose next slot may be read.
  std::optional<std::uint32_t> at_once() {
    for (std::uint32_t ring = 0; ring < indices_.size(); ++ring) {
      if (views_[ring].is_readable(indices_[ring])) return ring;
    }
    return std::nullopt;
  }

  // The next slot of a ring; none: the run is to end.
  std::optional<Slot> read(std::uint32_t ring) {
    const std::optional<Slot> slot = views_[ring].read(indices_[ring]);
    if (slot) ++indices_[ring];
    return slot;
  }

  void ordered(const fencepost::Batch& batch, std::uint64_t origin, std::uint64_t start) {
    const Slot slot = slot_of(batch, origin);
    const std::uint32_t ring = ring_of(origin);
    const auto from = static_cast<Value>(start);
    views_[ring].assign(slot, from);
    views_[ring].publish(slot, from, slot.batch.seq + 1, Memory::at(Action::publish, ring, slot.index));
    memory_.attempted(ring, slot.index, AttemptOutcome::ordered, from);
  }

  // The copy of a batch that is parked, not `counted`, is to be attempted later, by that one.
  void dropped(const fencepost::Batch& batch, std::uint64_t origin, bool counted) {
    const Slot slot = slot_of(batch, origin);
    const std::uint32_t ring = ring_of(origin);
    views_[ring].discard(slot);
    memory_.attempted(ring, slot.index, counted ? AttemptOutcome::duplicate : AttemptOutcome::later, -1);
  }

  void parked(std::uint32_t ring, const Slot& slot) {
    memory_.witness(Memory::at(Action::park, ring, slot.index));
    memory_.attempted(ring, slot.index, AttemptOutcome::later, -1);
  }

  // Another worker's.
  void pass_over(std::uint32_t ring, const Slot& slot) { views_[ring].pass_over(slot); }

 private:
  Memory& memory_;
  std::deque<Scanner<Memory>> views_;
  std::vector<Value> indices_;    // of the slot of each ring that is read next
  std::vector<Watched> watched_;  // scratch of a poll
};

}  // namespace fencepost::pipeline
