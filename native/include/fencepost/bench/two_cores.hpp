// Two cores: a producer and the sequencer, over the ring that fencepost has and over a bare one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/bench/headers.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/quiescence.hpp"
#include "fencepost/sequencers/worker_loop.hpp"

namespace fencepost {

inline constexpr std::size_t bench_slot_count = 512;  // of a broker's ring, as at 09ae22d

// What the consuming lane saw: batches in their order, and all their messages.
struct alignas(cache_line_size) Received {
  std::uint64_t batch_count = 0;
  std::uint64_t next_start = 0;
  std::uint64_t in_order_count = 0;

  void see(std::uint64_t batch_seq, std::uint64_t start, std::uint64_t message_count) noexcept {
    in_order_count += (batch_seq == batch_count && start == next_start) ? 1U : 0U;
    next_start = start + message_count;
    ++batch_count;
  }

  void check(std::uint64_t expected_count) const {
    check_count("batches received", expected_count, batch_count);
    check_count("batches received in order and without a hole", expected_count, in_order_count);
  }
};

// Bare: one line a slot, with a flag that says which lap it is of; the consumer says how far it is every 64 slots.
class BareFlagRingProbe final : public Probe {
 public:
  explicit BareFlagRingProbe(std::uint64_t batch_count) : batch_count_(batch_count) {}

  void prepare(std::size_t lane) override {
    if (lane != 0) return;
    for (Slot& slot : slots_) slot.flag.store(0, std::memory_order_relaxed);
    consumed_.store(0, std::memory_order_relaxed);
    received_ = {};
  }

  void work(std::size_t lane, const StopFlag& stop) override { lane == 0 ? produce(stop) : consume(stop); }

  void verify() override { received_.check(batch_count_); }

 private:
  static constexpr std::size_t slots_at_once = 64;

  struct alignas(cache_line_size) Slot {
    std::atomic<std::uint64_t> flag{0};
    Batch batch{};
  };

  void produce(const StopFlag& stop) noexcept {
    std::uint64_t room_until = bench_slot_count;
    for (std::uint64_t index = 0; index < batch_count_; ++index) {
      while (index == room_until) {
        room_until = consumed_.load(std::memory_order_acquire) + bench_slot_count;
        if (index == room_until && stop.is_set()) return;
      }
      Slot& slot = slots_[index % bench_slot_count];
      slot.batch = {0, index, bench_message_count(index)};
      slot.flag.store(index + 1, std::memory_order_release);
    }
  }

  void consume(const StopFlag& stop) noexcept {
    std::uint64_t issued = 0;
    Received received;
    for (std::uint64_t index = 0; index < batch_count_; ++index) {
      Slot& slot = slots_[index % bench_slot_count];
      while (slot.flag.load(std::memory_order_acquire) != index + 1) {
        if (stop.is_set()) return;
        Coherent::pause();
      }
      received.see(slot.batch.batch_seq, issued, slot.batch.message_count);
      issued += slot.batch.message_count;
      if (index % slots_at_once == slots_at_once - 1) consumed_.store(index + 1, std::memory_order_release);
    }
    received_ = received;
  }

  const std::uint64_t batch_count_;
  std::array<Slot, bench_slot_count> slots_;
  alignas(cache_line_size) std::atomic<std::uint64_t> consumed_{0};
  Received received_;
};

// A receiver's publishing into the ring, and the production loop of a worker (order5.epoch or order4.owner).
template <class Sequencer>
class ProducerToSequencerProbe final : public Probe {
 public:
  using Ring = LapRing<Coherent, Batch>;

  explicit ProducerToSequencerProbe(std::uint64_t batch_count) : batch_count_(batch_count) {}

  void prepare(std::size_t lane) override {
    if (lane != 0) return;
    ring_ = std::make_unique<Ring>(bench_slot_count, 1);
    sequencer_ = std::make_unique<Sequencer>(Configuration{});
    quiescence_ = std::make_unique<Quiescence<Coherent>>(1);
    received_ = {};
  }

  void work(std::size_t lane, const StopFlag& stop) override { lane == 0 ? produce(stop) : scan(stop); }

  void verify() override { received_.check(batch_count_); }

 private:
  struct Observer {
    const StopFlag& stop;
    Received received{};

    void ordered(const Batch& batch, std::uint64_t /*origin*/, std::uint64_t start, bool /*was_parked*/) noexcept {
      received.see(batch.batch_seq, start, batch.message_count);
    }
    void dropped(const Batch& /*batch*/, std::uint64_t /*origin*/) const noexcept {}
    bool stopped() const noexcept { return stop.is_set(); }
    void before_attempt(std::uint64_t /*origin*/) const noexcept {}
    void idle() const noexcept {}
  };

  void produce(const StopFlag& stop) noexcept {
    Ring::Writer writer(*ring_);
    for (std::uint64_t index = 0; index < batch_count_; ++index) {
      while (!writer.has_room(1)) {
        if (stop.is_set()) return;
      }
      writer.place({0, index, bench_message_count(index)});
      writer.raise();
    }
    writer.close();
  }

  void scan(const StopFlag& stop) {
    Observer around{stop};
    std::vector<RingView<Ring::Reader>> views{{0, Ring::Reader(*ring_, 0)}};
    WorkerLoop loop(0, sequencer_->worker(0), std::move(views), *quiescence_, around, SpinThenYield<Coherent>(), false);
    loop.run();
    received_ = around.received;
  }

  const std::uint64_t batch_count_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<Quiescence<Coherent>> quiescence_;
  Received received_;
};

}  // namespace fencepost
