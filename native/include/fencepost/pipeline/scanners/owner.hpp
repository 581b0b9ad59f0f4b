// order4.owner in the pipeline: as many workers as rings, each of which reads every ring and orders its own clients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/sequencers/order4_owner.hpp"
#include "fencepost/pipeline/scanners/scanner.hpp"
#include "fencepost/pipeline/worker.hpp"

namespace fencepost::pipeline {

template <class Memory>
class ScannerOwner {
 public:
  using Sequencer = SharedCounter<typename Memory::Policy>;
  using Worker = typename Order4Owner<typename Memory::Policy>::Worker;
  static constexpr int level = 4;
  static constexpr bool is_one_of_many = true;

  ScannerOwner(Memory& memory, const Layout& layout, std::uint32_t worker, bool delegated,
               std::shared_ptr<Sequencer> shared)
      : shared_(std::move(shared)),
        worker_(configuration(layout), worker, shared_->counter),
        views_(memory, layout, worker, delegated) {}

  // BLOCKS until the run is to end. Reads whatever ring has something. Allocates nothing.
  void run() {
    while (const std::optional<std::uint32_t> ring = views_.wait()) {
      const std::optional<Slot> slot = views_.read(*ring);
      if (!slot) return;
      take(*ring, *slot);
    }
  }

  // What the worker says of a batch and of those that were parked behind it.
  void ordered(const fencepost::Batch& batch, std::uint64_t origin, std::uint64_t start, bool /*was_parked*/) {
    views_.ordered(batch, origin, start);
  }
  void dropped(const fencepost::Batch& batch, std::uint64_t origin) {
    views_.dropped(batch, origin, batch.batch_seq < worker_.next_seq(batch.client_id));
  }

 private:
  static Configuration configuration(const Layout& layout) {
    Configuration configuration = RingViews<Memory>::configuration(layout);
    configuration.worker_count = layout.ring_count;
    return configuration;
  }

  void take(std::uint32_t ring, const Slot& slot) {
    const fencepost::Batch batch = batch_of(slot);
    if (!worker_.owns(batch.client_id)) return views_.pass_over(ring, slot);
    if (worker_.take(batch, views_.origin_of(ring, slot), *this) == Taken::parked) views_.parked(ring, slot);
  }

  const std::shared_ptr<Sequencer> shared_;
  Worker worker_;
  RingViews<Memory> views_;
};

}  // namespace fencepost::pipeline
