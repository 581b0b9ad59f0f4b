// Ordering measured: the sequencers over headers, and the bare loops that they are held against.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "fencepost/sequencers/attempts.hpp"
#include "fencepost/structures/batch.hpp"
#include "fencepost/bench/headers.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"

namespace fencepost {

// Where the batches of a measurement come from. Shared by all probes of one setting, so that they read the same lines.
struct BenchInput {
  // `parking` is how many batches a sequencer may park at once.
  BenchInput(const std::vector<Arrival>& arrivals, std::size_t clients, std::size_t parking = 0)
      : headers(arrivals), client_count(clients), parking_capacity(parking), check(headers), log(headers.count()) {}

  void check_log(std::size_t logged_count, bool checks_client_order) {
    check_count("log entries", headers.count(), logged_count);
    check.begin();
    for (const LogEntry& each : log) check.ordered(each.start, each.header_index);
    check.finish(checks_client_order, client_count);
  }

  void check_in_place(bool checks_client_order) {
    check.begin();
    for (std::size_t index = 0; index < headers.count(); ++index) check.ordered(headers[index].start, index);
    check.finish(checks_client_order, client_count);
  }

  // Before every repetition: no start is known, and every probe finds the headers in the caches alike, as far as they fit.
  void begin() {
    for (std::size_t index = 0; index < headers.count(); ++index) headers[index].start = UINT64_MAX;
  }

  BenchHeaders headers;
  std::size_t client_count;
  std::size_t parking_capacity;
  OrderCheck check;
  std::vector<LogEntry> log;
};

// Bare: look at the flag, one shared fetch_add, write the start into the header.
class BareFetchAddProbe final : public Probe {
 public:
  explicit BareFetchAddProbe(std::shared_ptr<BenchInput> input) : input_(std::move(input)) {}

  void prepare(std::size_t /*lane*/) override {
    input_->begin();
    counter_.store(0, std::memory_order_relaxed);
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    BenchHeaders& headers = input_->headers;
    const std::size_t count = headers.count();
    for (std::size_t index = 0; index < count; ++index) {
      BenchHeader& header = headers[index];
      if (header.is_complete.load(std::memory_order_acquire) == 0) return;
      header.start = counter_.fetch_add(header.message_count, std::memory_order_relaxed);
    }
  }

  void verify() override { input_->check_in_place(false); }

 private:
  std::shared_ptr<BenchInput> input_;
  alignas(cache_line_size) std::atomic<std::uint64_t> counter_{0};
};

// Bare: look at the flag, lock, add up, unlock, write the start into the header: what a mutex costs that guards nothing
// but the counter.
class BareLockProbe final : public Probe {
 public:
  explicit BareLockProbe(std::shared_ptr<BenchInput> input) : input_(std::move(input)) {}

  void prepare(std::size_t /*lane*/) override {
    input_->begin();
    counter_ = 0;
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    BenchHeaders& headers = input_->headers;
    const std::size_t count = headers.count();
    for (std::size_t index = 0; index < count; ++index) {
      BenchHeader& header = headers[index];
      if (header.is_complete.load(std::memory_order_acquire) == 0) return;
      mutex_.lock();
      const std::uint64_t start = counter_;
      counter_ = start + header.message_count;
      mutex_.unlock();
      header.start = start;
    }
  }

  void verify() override { input_->check_in_place(false); }

 private:
  std::shared_ptr<BenchInput> input_;
  alignas(cache_line_size) std::mutex mutex_;
  std::uint64_t counter_ = 0;
};

// Bare: look at the flag, add up, append to the log.
class BareLogProbe final : public Probe {
 public:
  explicit BareLogProbe(std::shared_ptr<BenchInput> input) : input_(std::move(input)) {}

  void prepare(std::size_t /*lane*/) override {
    input_->begin();
    logged_count_ = 0;
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    const BenchHeaders& headers = input_->headers;
    LogEntry* const log = input_->log.data();
    const std::size_t count = headers.count();
    std::uint64_t start = 0;
    std::size_t index = 0;
    for (; index < count; ++index) {
      const BenchHeader& header = headers[index];
      if (header.is_complete.load(std::memory_order_acquire) == 0) break;
      log[index] = {start, index};
      start += header.message_count;
    }
    logged_count_ = index;
  }

  void verify() override { input_->check_log(logged_count_, false); }

 private:
  std::shared_ptr<BenchInput> input_;
  std::size_t logged_count_ = 0;
};

// A worker's own table keeps itself half empty; the shared one has exactly as many buckets as it is told (client_table.hpp)
// and wants twice as many as there are clients.
template <class Sequencer>
Configuration bench_configuration(const BenchInput& input) {
  Configuration configuration;
  configuration.client_capacity = HasWorkers<Sequencer> ? input.client_count : input.client_count * 2;
  configuration.parking_capacity = input.parking_capacity;
  return configuration;
}

// A sequencer that two threads share, each with a ring of its own: the first half of the headers, and the second. The
// start is written into the header. A batch that comes too early is tried again at once: what a retry costs is part of
// the figure.
template <class Sequencer>
class TwoScannersProbe final : public Probe {
 public:
  static constexpr std::size_t lane_count = 2;

  explicit TwoScannersProbe(std::shared_ptr<BenchInput> input) : input_(std::move(input)) {}

  void prepare(std::size_t lane) override {
    if (lane != 0) return;
    sequencer_.emplace(bench_configuration<Sequencer>(*input_));
    input_->begin();
  }

  void work(std::size_t lane, const StopFlag& stop) override {
    const std::size_t ring_size = input_->headers.count() / lane_count;
    std::uint64_t retry_count = 0;
    for (std::size_t index = lane * ring_size; index < (lane + 1) * ring_size; ++index) {
      BenchHeader& header = input_->headers[index];
      if (header.is_complete.load(std::memory_order_acquire) == 0) return;
      Attempt attempt = sequencer_->try_order(header.client_id, header.batch_seq, header.message_count);
      while (attempt.outcome == AttemptOutcome::later) {
        if (stop.is_set()) return;
        ++retry_count;
        Coherent::pause();
        attempt = sequencer_->try_order(header.client_id, header.batch_seq, header.message_count);
      }
      header.start = attempt.start;
    }
    lanes_[lane].retry_count += retry_count;
  }

  void verify() override {
    input_->check_in_place(Sequencer::level == 4);
    ++verified_count_;
  }

  Extras extras() const override {
    const auto retry_count = static_cast<double>(lanes_[0].retry_count + lanes_[1].retry_count);
    return {{"retries_per_batch", retry_count / static_cast<double>(verified_count_ * input_->headers.count())}};
  }

 private:
  struct alignas(cache_line_size) Lane {
    std::uint64_t retry_count = 0;
  };

  std::shared_ptr<BenchInput> input_;
  std::array<Lane, lane_count> lanes_;
  std::optional<Sequencer> sequencer_;
  std::size_t verified_count_ = 0;
};

// Kept to be refuted: two scanners that load and store the counter hand out some positions twice, and the check has to
// say so.
class Order5LoadAndStore {
 public:
  static constexpr int level = 5;

  explicit Order5LoadAndStore(const Configuration& /*configuration*/) noexcept {}

  Attempt try_order(std::uint64_t /*client_id*/, std::uint64_t /*batch_seq*/, std::uint64_t message_count) noexcept {
    const std::uint64_t start = counter_.load(std::memory_order_relaxed);
    counter_.store(start + message_count, std::memory_order_relaxed);
    return {AttemptOutcome::ordered, false, start};
  }

 private:
  alignas(cache_line_size) std::atomic<std::uint64_t> counter_{0};
};

// The same by one thread over all headers.
template <class Sequencer>
class ScanProbe final : public Probe {
 public:
  explicit ScanProbe(std::shared_ptr<BenchInput> input) : input_(std::move(input)) {}

  void prepare(std::size_t /*lane*/) override {
    sequencer_.emplace(bench_configuration<Sequencer>(*input_));
    input_->begin();
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    BenchHeaders& headers = input_->headers;
    const std::size_t count = headers.count();
    for (std::size_t index = 0; index < count; ++index) {
      BenchHeader& header = headers[index];
      if (header.is_complete.load(std::memory_order_acquire) == 0) return;
      const Attempt attempt = sequencer_->try_order(header.client_id, header.batch_seq, header.message_count);
      if (attempt.outcome == AttemptOutcome::ordered) header.start = attempt.start;
    }
  }

  void verify() override { input_->check_in_place(Sequencer::level == 4); }

 private:
  std::shared_ptr<BenchInput> input_;
  std::optional<Sequencer> sequencer_;
};

// A sequencer that orders through a worker of its own for the thread: what is ordered is appended to the log.
template <class Sequencer>
class WorkerProbe final : public Probe {
 public:
  explicit WorkerProbe(std::shared_ptr<BenchInput> input) : input_(std::move(input)) {}

  void prepare(std::size_t /*lane*/) override {
    sequencer_ = std::make_unique<Sequencer>(bench_configuration<Sequencer>(*input_));
    sink_ = {input_->log.data(), 0, 0, 0};
    input_->begin();
  }

  // Run by run, as in worker_loop.hpp. That a header is complete is looked at for each, as in the bare loops.
  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    const BenchHeaders& headers = input_->headers;
    auto& worker = sequencer_->worker(0);
    const std::size_t count = headers.count();
    std::uint64_t all_complete = 1;
    Sink sink = sink_;
    for (std::size_t begin = 0; begin < count;) {
      const BenchHeader* const run = &headers[begin];
      const auto batch_at = [&, run](std::size_t index) {
        const BenchHeader& header = run[index];
        all_complete &= header.is_complete.load(std::memory_order_acquire);
        return Batch{header.client_id, header.batch_seq, header.message_count};
      };
      const auto origin_of = [&](std::size_t index) { return begin + index; };
      const std::size_t taken = worker.take_run(std::min(headers_at_once, count - begin), batch_at, origin_of, sink);
      if (taken == 0) break;
      begin += taken;
    }
    worker.finish(sink);
    sink_ = sink;
    all_complete_ = all_complete;
  }

  void verify() override {
    check_count("whether all headers were complete", 1, all_complete_);
    check_count("batches dropped", 0, sink_.dropped_count);
    input_->check_log(sink_.logged_count, Sequencer::level == 4);
  }

  Extras extras() const override {
    return {{"parked_share", static_cast<double>(sink_.parked_count) / static_cast<double>(input_->headers.count())}};
  }

 private:
  static constexpr std::size_t headers_at_once = 64;

  struct Sink {
    LogEntry* log = nullptr;
    std::size_t logged_count = 0;
    std::size_t parked_count = 0;
    std::size_t dropped_count = 0;

    void ordered(const Batch& /*batch*/, std::uint64_t origin, std::uint64_t start, bool was_parked) noexcept {
      log[logged_count++] = {start, origin};
      parked_count += was_parked ? 1U : 0U;
    }
    void dropped(const Batch& /*batch*/, std::uint64_t /*origin*/) noexcept { ++dropped_count; }
  };

  std::shared_ptr<BenchInput> input_;
  std::unique_ptr<Sequencer> sequencer_;
  Sink sink_;
  std::uint64_t all_complete_ = 0;
};

}  // namespace fencepost
