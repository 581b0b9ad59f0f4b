// order4.epoch in the pipeline: one worker for all rings, one reservation for all that it planned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/sequencers/order4_epoch.hpp"
#include "fencepost/pipeline/scanners/scanner.hpp"
#include "fencepost/pipeline/worker.hpp"

namespace fencepost::pipeline {

// Plans while there is something to read. An epoch never waits for more: what was planned would wait with it.
template <class Memory>
class ScannerEpoch4 {
 public:
  using Sequencer = SharedCounter<typename Memory::Policy>;
  using Worker = typename Order4Epoch<typename Memory::Policy>::Worker;
  static constexpr int level = 4;
  static constexpr bool is_the_only_one = true;

  ScannerEpoch4(Memory& memory, const Layout& layout, std::uint32_t worker, bool delegated,
                std::shared_ptr<Sequencer> shared)
      : memory_(memory),
        shared_(std::move(shared)),
        worker_(configuration(layout), shared_->counter),
        views_(memory, layout, worker, delegated) {}

  // BLOCKS until the run is to end. Allocates nothing.
  void run() {
    while (true) {
      std::optional<std::uint32_t> ring;
      if (planned_count_ > 0) ring = views_.at_once();
      if (!ring) {
        finish();
        ring = views_.wait();
        if (!ring) return;
      }
      const std::optional<Slot> slot = views_.read(*ring);
      if (!slot) return finish();
      take(*ring, *slot);
    }
  }

  // What the worker says of a batch that is its client's next; and of each of the plan, once it has reserved.
  void planned(const fencepost::Batch& /*batch*/, std::uint64_t origin) {
    ++planned_count_;
    memory_.witness(Memory::at(Action::emit, views_.ring_of(origin), SlotId::index(origin)));
  }
  void ordered(const fencepost::Batch& batch, std::uint64_t origin, std::uint64_t start, bool /*was_parked*/) {
    --planned_count_;
    views_.ordered(batch, origin, start);
  }
  void dropped(const fencepost::Batch& batch, std::uint64_t origin) {
    views_.dropped(batch, origin, batch.batch_seq < worker_.next_seq(batch.client_id));
  }

 private:
  static Configuration configuration(const Layout& layout) {
    Configuration configuration = RingViews<Memory>::configuration(layout);
    configuration.epoch_batch_count = Memory::epoch_batch_count;
    return configuration;
  }

  void take(std::uint32_t ring, const Slot& slot) {
    const Taken taken = reserving([&] { return worker_.take(batch_of(slot), views_.origin_of(ring, slot), *this); });
    if (taken == Taken::parked) views_.parked(ring, slot);
  }

  void finish() {
    reserving([this] { worker_.finish(*this); });
  }

  // What is reserved in here is for all that is planned.
  template <class Call>
  auto reserving(Call&& call) {
    return memory_.reserving(Memory::at(Action::reserve), Reserver::alone, call);
  }

  Memory& memory_;
  const std::shared_ptr<Sequencer> shared_;
  Worker worker_;
  RingViews<Memory> views_;
  std::size_t planned_count_ = 0;  // batches that have no range yet
};

}  // namespace fencepost::pipeline
