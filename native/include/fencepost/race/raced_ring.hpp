// One ring of a race: its share of the workload, its receiver, and what is recorded of each arrival.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/race/thread_group.hpp"
#include "fencepost/race/skew_limit.hpp"
#include "fencepost/race/jitter.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/publication.hpp"
#include "fencepost/race/race_options.hpp"

namespace fencepost {

// Every array has one writing thread for each entry, is sized before the threads start and is read after they are
// joined: recording takes no lock and no atomic. Beside the accesses under test it costs looks at the clock.
template <class Memory>
class RacedRing {
 public:
  using Clock = ThreadGroup::Clock;
  using Ring = LapRing<Memory, Batch>;

  // `rows` are the input rows of this ring's arrivals, in order; `reader_count` scanners will read it.
  RacedRing(std::size_t ring_index, std::vector<std::size_t> rows, const std::vector<Batch>& batches,
            std::size_t reader_count, const RaceOptions& options, Clock::time_point start, StopFlag& stop)
      : ring_index_(ring_index),
        rows_(std::move(rows)),
        batches_(batches),
        stop_row_(options.stop_row),
        start_(start),
        stop_(stop),
        jitter_(options.seed, ring_index * 2),
        ring_(options.slot_count, reader_count, options.placement),
        log_(rows_.size()),
        outcome_(rows_.size(), ArrivalOutcome::waiting),
        start_position_(rows_.size(), -1),
        delivered_position_(rows_.size(), -1),
        received_ns_(rows_.size(), -1),
        sent_ns_(rows_.size(), -1),
        filled_ns_(rows_.size(), -1),
        first_attempted_ns_(rows_.size(), -1),
        attempted_ns_(rows_.size(), -1),
        ordered_ns_(rows_.size(), -1),
        published_ns_(rows_.size(), -1),
        exported_ns_(rows_.size(), -1),
        delivered_ns_(rows_.size(), -1) {}

  Ring& ring() noexcept { return ring_; }
  std::size_t arrival_count() const noexcept { return rows_.size(); }

  // The receiver's thread: payload into the log, then the batch into the ring. BLOCKS while the ring is full, and for
  // other receivers (race/skew_limit.hpp); leaves when stopped, or when the ring is abandoned.
  void receive(SkewLimit& drift) {
    PerBatch<Memory> publication;
    for (std::size_t index = 0; index < rows_.size() && !stop_.is_set(); ++index) {
      if (rows_[index] >= stop_row_) {
        stop_.set();
        break;
      }
      drift.template wait_for_others<Memory>(ring_index_, rows_[index], stop_);
      received_ns_[index] = elapsed_ns();
      if (!waits_for_room(drift)) break;
      jitter_.lose_some_time();
      sent_ns_[index] = elapsed_ns();
      const Batch& batch = batches_[rows_[index]];
      Memory::write(log_[index].content, content_of(batch));
      Memory::write_back(&log_[index]);
      publication.publish(ring_, batch, MessageHeaders<Memory>{}, 0);
      filled_ns_[index] = elapsed_ns();
    }
    ring_.close();
    drift.leave(ring_index_);
  }

  // --- the scanner's or worker's record; of each arrival, by one thread ---

  // `first_attempted`: when it was taken in hand first, if that parked it; else as `attempted`.
  void record_ordered(std::size_t index, std::uint64_t start_position, Clock::time_point first_attempted,
                      Clock::time_point attempted) {
    first_attempted_ns_[index] = elapsed_ns(first_attempted);
    attempted_ns_[index] = elapsed_ns(attempted);
    ordered_ns_[index] = elapsed_ns();
    outcome_[index] = ArrivalOutcome::ordered;
    start_position_[index] = static_cast<std::int64_t>(start_position);
  }
  void record_exported(std::size_t index, Clock::time_point published, Clock::time_point exported) {
    published_ns_[index] = elapsed_ns(published);
    exported_ns_[index] = elapsed_ns(exported);
  }
  void record_dropped(std::size_t index) { outcome_[index] = ArrivalOutcome::duplicate; }

  // --- the subscriber's ---

  // Whether the log holds at this index the batch that an exported record speaks of.
  bool deliver(std::size_t index, const Batch& exported, std::uint64_t start_position) {
    // An old copy of the log's line may be here from before it was written; the record's guard was read before this.
    Memory::invalidate(&log_[index]);
    Memory::full_fence();
    if (Memory::read(log_[index].content) != content_of(exported)) return false;
    delivered_position_[index] = static_cast<std::int64_t>(start_position);
    delivered_ns_[index] = elapsed_ns();
    return true;
  }

  // Whether all of its arrivals were sent and read. After the join.
  bool is_read() const noexcept { return ring_.consumed_count() == rows_.size(); }

  // After the join: writes this ring's arrivals to their rows. `read_count` of them were read by all readers.
  void report(RaceResult& result) {
    const std::uint64_t read_count = ring_.consumed_count();
    for (std::size_t index = 0; index < rows_.size(); ++index) {
      const std::size_t row = rows_[index];
      const bool is_left = outcome_[index] == ArrivalOutcome::waiting && index < read_count;
      result.outcome[row] = static_cast<std::int8_t>(is_left ? ArrivalOutcome::parked : outcome_[index]);
      result.start_position[row] = start_position_[index];
      result.delivered_position[row] = delivered_position_[index];
      result.received_ns[row] = received_ns_[index];
      result.sent_ns[row] = sent_ns_[index];
      result.filled_ns[row] = filled_ns_[index];
      result.first_attempted_ns[row] = first_attempted_ns_[index];
      result.attempted_ns[row] = attempted_ns_[index];
      result.ordered_ns[row] = ordered_ns_[index];
      result.published_ns[row] = published_ns_[index];
      result.exported_ns[row] = exported_ns_[index];
      result.delivered_ns[row] = delivered_ns_[index];
    }
    const std::uint64_t laps = (ring_.raised_count() + ring_.slot_count() - 1) / ring_.slot_count();
    result.lap_count_max = std::max(result.lap_count_max, laps);
    result.placement_got += ring_.placement_got();
  }

 private:
  struct Content {
    std::uint64_t client_id;
    std::uint64_t batch_seq;
    std::uint64_t message_count;
    std::uint64_t mixed;
    bool operator==(const Content&) const = default;
  };
  struct alignas(cache_line_size) LogEntry {
    typename Memory::template Plain<Content> content;
  };

  static Content content_of(const Batch& batch) noexcept {
    const std::uint64_t mixed = mixed_client(batch.client_id ^ mixed_client(batch.batch_seq ^ batch.message_count));
    return {batch.client_id, batch.batch_seq, batch.message_count, mixed};
  }

  // False if there will be none: stopped, or abandoned by a reader.
  bool waits_for_room(SkewLimit& drift) {
    if (ring_.has_room(1)) return !ring_.is_abandoned();
    drift.leave(ring_index_);  // nobody waits for who cannot go on
    SpinThenYield<Memory> poll;
    while (!ring_.has_room(1)) {
      if (stop_.is_set() || ring_.is_abandoned()) return false;
      poll.wait();
    }
    return true;
  }

  std::int64_t elapsed_ns(Clock::time_point at = Clock::now()) const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at - start_).count();
  }

  const std::size_t ring_index_;
  const std::vector<std::size_t> rows_;
  const std::vector<Batch>& batches_;
  const std::uint64_t stop_row_;
  const Clock::time_point start_;
  StopFlag& stop_;
  Jitter<Memory> jitter_;
  Ring ring_;
  std::vector<LogEntry> log_;
  std::vector<ArrivalOutcome> outcome_;
  std::vector<std::int64_t> start_position_;
  std::vector<std::int64_t> delivered_position_;
  std::vector<std::int64_t> received_ns_;
  std::vector<std::int64_t> sent_ns_;
  std::vector<std::int64_t> filled_ns_;
  std::vector<std::int64_t> first_attempted_ns_;
  std::vector<std::int64_t> attempted_ns_;
  std::vector<std::int64_t> ordered_ns_;
  std::vector<std::int64_t> published_ns_;
  std::vector<std::int64_t> exported_ns_;
  std::vector<std::int64_t> delivered_ns_;
};

}  // namespace fencepost
