// One ring of a race: its share of the workload, its two threads' loops, and what they record.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "fencepost/batch.hpp"
#include "fencepost/crew.hpp"
#include "fencepost/drift.hpp"
#include "fencepost/jitter.hpp"
#include "fencepost/limits.hpp"
#include "fencepost/memory_coherent.hpp"
#include "fencepost/quiescence.hpp"
#include "fencepost/ring.hpp"
#include "fencepost/scanner.hpp"
#include "fencepost/worker_loop.hpp"

namespace fencepost {

// What became of an arrival. What an attempt calls `later` is, when nothing will change any more, parked.
enum class ArrivalOutcome : std::int8_t { ordered = 0, parked = 1, duplicate = 2 };

// One entry per arrival, in the order of the input rows. Times in nanoseconds since the run's start, -1 = never.
struct RaceResult {
  explicit RaceResult(std::size_t row_count)
      : outcome(row_count), start_position(row_count), sent_ns(row_count), acked_ns(row_count) {}

  std::vector<std::int8_t> outcome;  // ArrivalOutcome
  std::vector<std::int64_t> start_position;
  std::vector<std::int64_t> sent_ns;
  std::vector<std::int64_t> acked_ns;
  ScannerCounts counts;
  std::int64_t issued = 0;
  double seconds = 0;
};

// Every array has one writing thread, is sized before the threads start and is read after they are joined: recording
// takes no lock and no atomic. Beside the accesses under test it costs a look at the clock.
class RacedRing {
 public:
  using Clock = Crew::Clock;

  // `rows` are the input rows of this ring's arrivals, in order.
  RacedRing(std::size_t ring_index, std::vector<std::size_t> rows, const std::vector<Batch>& batches,
            std::uint64_t seed, Clock::time_point start, const StopFlag& stop)
      : ring_index_(ring_index),
        rows_(std::move(rows)),
        start_(start),
        stop_(stop),
        ring_(rows_.size()),
        receiver_(rows_.size(), Jitter<Coherent>(seed, ring_index * 2)),
        scanner_(rows_.size(), Jitter<Coherent>(seed, ring_index * 2 + 1)) {
    workload_.reserve(rows_.size());
    for (const std::size_t row : rows_) workload_.push_back(batches[row]);
  }

  // The receiver's thread: publishes the workload. Waits for other receivers (drift.hpp), never for a scanner.
  void receive(Drift& drift) {
    for (std::size_t slot_index = 0; slot_index < workload_.size() && !stop_.is_set(); ++slot_index) {
      drift.wait_for_others(ring_index_, rows_[slot_index], stop_);
      receiver_.jitter.lose_some_time();
      receiver_.sent_ns[slot_index] = elapsed_ns();
      ring_.publish(workload_[slot_index]);
    }
    drift.leave(ring_index_);
  }

  // The scanner's thread. BLOCKS until no scanner of the race has anything left to do. Throws what try_order throws.
  template <class Sequencer>
  void scan(Sequencer& sequencer, Quiescence<Coherent>& quiescence) {
    Scanner<Coherent, Sequencer, RacedRing> scanner(ring_index_, sequencer, ring_, quiescence, *this);
    scanner.run();
    scanner_.counts = scanner.counts();
  }

  // The scanner's surroundings (scanner.hpp).
  void ordered(std::size_t slot_index, std::uint64_t start_position) {
    scanner_.acked_ns[slot_index] = elapsed_ns();
    scanner_.outcome[slot_index] = ArrivalOutcome::ordered;
    scanner_.start_position[slot_index] = static_cast<std::int64_t>(start_position);
  }
  void dropped(std::size_t slot_index) { scanner_.outcome[slot_index] = ArrivalOutcome::duplicate; }
  bool stopped() const noexcept { return stop_.is_set(); }
  void before_attempt() noexcept { scanner_.jitter.lose_some_time(); }

  // For a worker that reads this ring beside others (RacedWorker).
  const Ring<Coherent>& ring() const noexcept { return ring_; }
  void record_ordered(std::size_t slot_index, std::uint64_t start_position) { ordered(slot_index, start_position); }
  void record_dropped(std::size_t slot_index) { dropped(slot_index); }

  // After the join: writes this ring's arrivals to their rows and adds its counts.
  void report(RaceResult& result) const {
    for (std::size_t slot_index = 0; slot_index < rows_.size(); ++slot_index) {
      const std::size_t row = rows_[slot_index];
      result.outcome[row] = static_cast<std::int8_t>(scanner_.outcome[slot_index]);
      result.start_position[row] = scanner_.start_position[slot_index];
      result.sent_ns[row] = receiver_.sent_ns[slot_index];
      result.acked_ns[row] = scanner_.acked_ns[slot_index];
    }
    result.counts += scanner_.counts;
  }

 private:
  struct alignas(cache_line_size) Receiver {
    Receiver(std::size_t slot_count, Jitter<Coherent> own_jitter) : jitter(own_jitter), sent_ns(slot_count, -1) {}
    Jitter<Coherent> jitter;
    std::vector<std::int64_t> sent_ns;
  };

  struct alignas(cache_line_size) ScannerRecord {
    ScannerRecord(std::size_t slot_count, Jitter<Coherent> own_jitter)
        : jitter(own_jitter),
          outcome(slot_count, ArrivalOutcome::parked),
          start_position(slot_count, -1),
          acked_ns(slot_count, -1) {}
    Jitter<Coherent> jitter;
    std::vector<ArrivalOutcome> outcome;
    std::vector<std::int64_t> start_position;
    std::vector<std::int64_t> acked_ns;
    ScannerCounts counts;
  };

  std::int64_t elapsed_ns() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_).count();
  }

  const std::size_t ring_index_;
  const std::vector<std::size_t> rows_;
  const Clock::time_point start_;
  const StopFlag& stop_;
  std::vector<Batch> workload_;
  Ring<Coherent> ring_;
  Receiver receiver_;
  ScannerRecord scanner_;
};

// The surroundings of a worker that orders batches of one or several rings (worker_loop.hpp). A ring's record may have
// several writing threads then, but each entry has one: the owner of that batch's client.
class RacedWorker {
 public:
  RacedWorker(std::span<const std::unique_ptr<RacedRing>> rings, Jitter<Coherent> jitter, const StopFlag& stop)
      : rings_(rings), jitter_(jitter), stop_(stop) {}

  void ordered(const Batch& /*batch*/, std::uint64_t origin, std::uint64_t start_position, bool was_parked) {
    rings_[Origin::ring_index(origin)]->record_ordered(Origin::slot_index(origin), start_position);
    ++counts_.ordered;
    counts_.released += was_parked ? 1U : 0U;
  }
  void dropped(const Batch& /*batch*/, std::uint64_t origin) {
    rings_[Origin::ring_index(origin)]->record_dropped(Origin::slot_index(origin));
    ++counts_.duplicate;
  }
  bool stopped() const noexcept { return stop_.is_set(); }
  void before_attempt() noexcept { jitter_.lose_some_time(); }

  const ScannerCounts& counts() const noexcept { return counts_; }

 private:
  std::span<const std::unique_ptr<RacedRing>> rings_;
  Jitter<Coherent> jitter_;
  const StopFlag& stop_;
  alignas(cache_line_size) ScannerCounts counts_;
};

}  // namespace fencepost
