// Publication measured: what a policy costs over the same write-backs and fences bare.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "fencepost/structures/batch.hpp"
#include "fencepost/bench/headers.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/floor/flush.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/sequencers/order5_epoch.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"
#include "fencepost/structures/publication.hpp"

namespace fencepost {

// Records must come in order: batch `index` at the sum of the messages before it.
class RecordCheck {
 public:
  void see(std::uint64_t batch_seq, std::uint64_t start) {
    check_count("records, by the next one's batch", seen_count_, batch_seq);
    check_count("records, by the next one's start", next_start_, start);
    next_start_ += bench_message_count(seen_count_);
    ++seen_count_;
  }
  void finish(std::uint64_t batch_count) const { check_count("records published", batch_count, seen_count_); }

 private:
  std::uint64_t seen_count_ = 0;
  std::uint64_t next_start_ = 0;
};

// A record and its guard on one line: what the bare loops write.
struct alignas(cache_line_size) RecordLine {
  std::atomic<std::uint64_t> guard{0};
  ExportRecord record{};
};
static_assert(sizeof(RecordLine) == cache_line_size);

// Every guard is raised, and its record in order. Throws Miscounted where one is not.
inline void check_lines(const RecordLine* lines, std::size_t batch_count) {
  RecordCheck check;
  for (std::size_t index = 0; index < batch_count; ++index) {
    if (lines[index].guard.load(std::memory_order_acquire) != index + 1) break;
    check.see(lines[index].record.batch_seq, lines[index].record.start);
  }
  check.finish(batch_count);
}

// Bare: a record and its guard on one line, written back with a fence between the two; in front of it, if `adds_each`, a
// fetch_add as order5.fetch_add has it. An operation is a batch.
template <class Instruction, bool adds_each>
class BareRecordsProbe final : public Probe {
 public:
  explicit BareRecordsProbe(std::size_t batch_count)
      : batch_count_(batch_count), lines_(std::make_unique<RecordLine[]>(batch_count)) {}

  void prepare(std::size_t /*lane*/) override {
    for (std::size_t index = 0; index < batch_count_; ++index) lines_[index].guard.store(0, std::memory_order_relaxed);
    counter_.store(0, std::memory_order_relaxed);
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    std::uint64_t start = 0;
    for (std::size_t index = 0; index < batch_count_; ++index) {
      if constexpr (adds_each) start = counter_.fetch_add(bench_message_count(index), std::memory_order_relaxed);
      RecordLine& line = lines_[index];
      line.record = {0, index, start, bench_message_count(index), index};
      Instruction::write_back(&line);
      store_fence();
      line.guard.store(index + 1, std::memory_order_release);
      Instruction::write_back(&line);
      if constexpr (!adds_each) start += bench_message_count(index);
    }
    store_fence();
  }

  void verify() override { check_lines(lines_.get(), batch_count_); }

 private:
  const std::size_t batch_count_;
  const std::unique_ptr<RecordLine[]> lines_;
  alignas(cache_line_size) std::atomic<std::uint64_t> counter_{0};
};

// Bare: the records of `group_size` batches, one fence, then each guard on its record's line and that line written back,
// with no fence in between.
template <class Instruction>
class BareGroupedProbe final : public Probe {
 public:
  BareGroupedProbe(std::size_t batch_count, std::size_t group_size)
      : batch_count_(batch_count), group_size_(group_size), lines_(std::make_unique<RecordLine[]>(batch_count)) {}

  void prepare(std::size_t /*lane*/) override {
    for (std::size_t index = 0; index < batch_count_; ++index) lines_[index].guard.store(0, std::memory_order_relaxed);
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    std::uint64_t start = 0;
    for (std::size_t begin = 0; begin < batch_count_; begin += group_size_) {
      const std::size_t end = std::min(batch_count_, begin + group_size_);
      for (std::size_t index = begin; index < end; ++index) {
        lines_[index].record = {0, index, start, bench_message_count(index), index};
        start += bench_message_count(index);
      }
      store_fence();
      for (std::size_t index = begin; index < end; ++index) {
        lines_[index].guard.store(index + 1, std::memory_order_release);
        Instruction::write_back(&lines_[index]);
      }
    }
    store_fence();
  }

  void verify() override { check_lines(lines_.get(), batch_count_); }

 private:
  const std::size_t batch_count_;
  const std::size_t group_size_;
  const std::unique_ptr<RecordLine[]> lines_;
};

// Takes no values and counts for how many others each waits until its guard is raised: the lag of a policy.
class LagRing {
 public:
  static constexpr bool guard_is_on_line_of_value = true;

  void place(const ExportRecord& /*record*/) noexcept { ++placed_count_; }
  const void* placed_line() const noexcept { return this; }
  const void* raise_line() const noexcept { return this; }
  void raise() noexcept {
    const std::uint64_t lag = placed_count_ - ++raised_count_;
    lag_total_ += lag;
    lag_most_ = std::max(lag_most_, lag);
  }
  std::uint64_t raised_count() const noexcept { return raised_count_; }

  Extras extras() const {
    return {{"visibility_lag_batches_mean", static_cast<double>(lag_total_) / static_cast<double>(raised_count_)},
            {"visibility_lag_batches_most", static_cast<double>(lag_most_)}};
  }

 private:
  std::uint64_t placed_count_ = 0;
  std::uint64_t raised_count_ = 0;
  std::uint64_t lag_total_ = 0;
  std::uint64_t lag_most_ = 0;
};

// A ring as long as the run, so that no reader takes part in the time; read and checked afterwards.
template <class Memory>
class RecordRing {
 public:
  using Ring = LapRing<Memory, ExportRecord>;

  void renew(std::size_t batch_count) { ring_ = std::make_unique<Ring>(batch_count, 1); }
  Ring& operator*() noexcept { return *ring_; }

  void verify(std::size_t batch_count) {
    RecordCheck check;
    typename Ring::Reader reader(*ring_, 0);
    while (const std::size_t count = reader.readable_count(64)) {
      for (std::size_t offset = 0; offset < count; ++offset) {
        const ExportRecord record = reader.at(offset);
        check.see(record.batch_seq, record.start);
      }
      reader.consume(count);
    }
    check.finish(batch_count);
  }

 private:
  std::unique_ptr<Ring> ring_;
};

// order5.fetch_add, each batch published when it is ordered.
template <class Memory, class Policy>
class PublishEachProbe final : public Probe {
 public:
  explicit PublishEachProbe(std::size_t batch_count) : batch_count_(batch_count) {}

  void prepare(std::size_t /*lane*/) override {
    ring_.renew(batch_count_);
    sequencer_.emplace(Configuration{});
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    Policy policy;
    for (std::size_t index = 0; index < batch_count_; ++index) {
      const std::uint64_t message_count = bench_message_count(index);
      const Attempt attempt = sequencer_->try_order(0, index, message_count);
      const ExportRecord record{0, index, attempt.start, message_count, index};
      policy.publish(*ring_, record, MessageHeaders<Memory>{}, attempt.start);
    }
    policy.finish(*ring_);
  }

  void verify() override { ring_.verify(batch_count_); }

 private:
  const std::size_t batch_count_;
  RecordRing<Memory> ring_;
  std::optional<Order5FetchAdd<Coherent>> sequencer_;
};

// order5.epoch of 64 batches: one fetch_add for them, and the policy's publication for each.
template <class Memory, class Policy>
class PublishEpochProbe final : public Probe {
 public:
  explicit PublishEpochProbe(std::size_t batch_count) : batch_count_(batch_count) {}

  void prepare(std::size_t /*lane*/) override {
    ring_.renew(batch_count_);
    Configuration configuration;
    configuration.epoch_batch_count = epoch_size;
    sequencer_ = std::make_unique<Order5Epoch<Coherent>>(configuration);
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    Policy policy = made<Policy>();
    auto& worker = sequencer_->worker(0);
    Sink sink{*ring_, policy};
    for (std::size_t begin = 0; begin < batch_count_; begin += epoch_size) {
      const auto batch_at = [&](std::size_t offset) {
        return Batch{0, begin + offset, bench_message_count(begin + offset)};
      };
      const auto origin_of = [&](std::size_t offset) { return begin + offset; };
      worker.take_run(std::min(epoch_size, batch_count_ - begin), batch_at, origin_of, sink);
    }
    worker.finish(sink);
    policy.finish(*ring_);
  }

  void verify() override { ring_.verify(batch_count_); }

  // How long batches wait, counted on the same policy without a clock.
  Extras extras() const override {
    Policy policy = made<Policy>();
    LagRing ring;
    for (std::size_t index = 0; index < batch_count_; ++index) {
      policy.publish(ring, ExportRecord{}, MessageHeaders<Memory>{}, 0);
    }
    policy.finish(ring);
    return ring.extras();
  }

 private:
  static constexpr std::size_t epoch_size = 64;

  struct Sink {
    typename RecordRing<Memory>::Ring& ring;
    Policy& policy;

    void ordered(const Batch& batch, std::uint64_t origin, std::uint64_t start, bool /*was_parked*/) noexcept {
      const ExportRecord record{batch.client_id, batch.batch_seq, start, batch.message_count, origin};
      policy.publish(ring, record, MessageHeaders<Memory>{}, start);
    }
    void dropped(const Batch& /*batch*/, std::uint64_t /*origin*/) noexcept {}
  };

  template <class Made>
  static Made made() {
    if constexpr (std::is_constructible_v<Made, std::size_t>) {
      return Made(epoch_size);
    } else {
      return Made();
    }
  }

  const std::size_t batch_count_;
  RecordRing<Memory> ring_;
  std::unique_ptr<Order5Epoch<Coherent>> sequencer_;
};

}  // namespace fencepost
