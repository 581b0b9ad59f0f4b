// Real threads over a workload: receivers, scanners, subscribers and clients; what happened recorded per arrival.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fencepost/structures/ack_frontier.hpp"
#include "fencepost/sequencers/attempts.hpp"
#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/columns.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/race/thread_group.hpp"
#include "fencepost/race/skew_limit.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/quiescence.hpp"
#include "fencepost/race/race_options.hpp"
#include "fencepost/race/raced_readers.hpp"
#include "fencepost/race/raced_ring.hpp"
#include "fencepost/sequencers/worker_loop.hpp"
#include "fencepost/sequencers/workers.hpp"

namespace fencepost {

// Rows per ring; rings in order of their brokers' first appearance.
using RowsByRing = std::vector<std::vector<std::size_t>>;

inline RowsByRing rows_by_ring(Column broker_id) {
  std::unordered_map<std::uint64_t, std::size_t> ring_index_of;
  RowsByRing rows;
  for (std::size_t row = 0; row < broker_id.size(); ++row) {
    const std::uint64_t broker = checked_row("broker_id", row, broker_id[row], 0, broker_id_max);
    const auto [place, is_new] = ring_index_of.try_emplace(broker, rows.size());
    if (is_new && rows.size() == ring_count_max) {
      throw Refused("broker_id[" + std::to_string(row) + "] is " + std::to_string(broker) +
                    ", one distinct broker too many: expected at most " + std::to_string(ring_count_max));
    }
    if (is_new) rows.emplace_back();
    rows[place->second].push_back(row);
  }
  return rows;
}

// A sequencer that scanners share, its type forgotten: what a race needs is compiled once for all of them.
struct SharedSequencer {
  explicit SharedSequencer(bool has_parking) : parks(has_parking) {}
  SharedSequencer(const SharedSequencer&) = delete;
  SharedSequencer& operator=(const SharedSequencer&) = delete;
  virtual ~SharedSequencer() = default;
  virtual Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) = 0;
  virtual std::uint64_t next_seq(std::uint64_t client_id) = 0;

  const bool parks;
};

template <class Sequencer>
struct SharedView final : SharedSequencer {
  explicit SharedView(Sequencer& viewed) : SharedSequencer(Sequencer::parks), sequencer(viewed) {}
  Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) override {
    return sequencer.try_order(client_id, batch_seq, message_count);
  }
  std::uint64_t next_seq(std::uint64_t client_id) override { return sequencer.next_seq(client_id); }

  Sequencer& sequencer;
};

struct RacedWorkload {
  const std::vector<Batch>& batches;
  const RowsByRing& rows;
};

// Threads, unless the memory has something else that takes their place (memory/clocked.hpp).
template <class Memory>
struct CrewChoice {
  using Type = ThreadGroup;
};
template <class Memory>
  requires requires { typename Memory::ThreadGroup; }
struct CrewChoice<Memory> {
  using Type = typename Memory::ThreadGroup;
};
template <class Memory>
using CrewOf = typename CrewChoice<Memory>::Type;

// One race. A `Sequencer` is a SharedSequencer, or one that has workers.
template <class Memory, class Sequencer>
class Race {
 public:
  Race(Sequencer& sequencer, AckFrontier& frontier, const Configuration& configuration, const RacedWorkload& workload,
       const RaceOptions& options)
      : sequencer_(sequencer), frontier_(frontier), configuration_(configuration), options_(options) {
    const std::size_t scanner_count = reads_every_ring() ? worker_count() : workload.rows.size();
    for (std::size_t index = 0; index < workload.rows.size(); ++index) {
      rings_.push_back(std::make_unique<RacedRing<Memory>>(index, workload.rows[index], workload.batches,
                                                           reads_every_ring() ? scanner_count : 1, options, start_,
                                                           stop_));
    }
    for (std::size_t index = 0; index < scanner_count; ++index) {
      scanners_.push_back(std::make_unique<RacedScanner<Memory>>(index, rings_, reads_every_ring(), options, stop_));
    }
  }

  ThreadGroup::Clock::time_point start() const noexcept { return start_; }

  // BLOCKS until nothing more can happen, calling `check_interrupt` every 50 ms from this thread. However it ends, all
  // threads are joined. Rethrows what a thread or `check_interrupt` threw.
  void run(Clients& clients, const std::function<void()>& check_interrupt, RaceResult& result) {
    SkewLimit drift(rings_.size(), drift_row_count_max(options_.seed));
    Quiescence<Memory> quiescence(scanners_.size());
    Acknowledger<Memory> acknowledger(scanners_, frontier_);
    std::vector<Subscriber<Memory>> subscribers;
    for (const auto& each : scanners_) subscribers.emplace_back(*each, rings_);
    // The last of them: its threads are joined before what they use is gone.
    CrewOf<Memory> crew(rings_.size() + scanners_.size() * 2 + 2, stop_);
    for (const auto& each : rings_) add(crew, [&ring = *each, &drift] { ring.receive(drift); });
    for (std::size_t index = 0; index < scanners_.size(); ++index) {
      add(crew, [this, index, &quiescence] { sequence(index, quiescence); });
      add(crew, [&subscriber = subscribers[index]] { subscriber.run(); });
    }
    add(crew, [&] { acknowledger.run(); });
    add(crew, [&] { clients.run(acknowledger); });
    crew.wait(check_interrupt);
    result.seconds = crew.seconds();
    report(subscribers, result);
  }

 private:
  // Adds a thread, bound to its core if cores were asked for.
  template <class Members, class Work>
  void add(Members& crew, Work work) {
    const auto& cores = options_.placement.cores;
    const std::int64_t core = cores.empty() ? -1 : cores[thread_count_ % cores.size()];
    ++thread_count_;
    crew.add([this, core, work = std::move(work)]() mutable {
      if (core >= 0 && bind_this_thread(core)) bound_thread_count_.fetch_add(1, std::memory_order_relaxed);
      work();
    });
  }

  static constexpr bool reads_every_ring() {
    if constexpr (HasWorkers<Sequencer>) return Sequencer::reading == Reading::every_ring;
    return false;
  }

  std::size_t worker_count() const noexcept {
    if constexpr (HasWorkers<Sequencer>) return sequencer_.worker_count();
    return 0;
  }

  using Reader = typename LapRing<Memory, Batch>::Reader;

  // The thread of one scanner or worker.
  void sequence(std::size_t index, Quiescence<Memory>& quiescence) {
    RacedScanner<Memory>& surroundings = *scanners_[index];
    const typename RacedScanner<Memory>::Closing closing(surroundings);
    const ChosenPoll<Memory> poll(options_.poll);
    if constexpr (HasWorkers<Sequencer>) {
      WorkerLoop loop(index, sequencer_.worker(index), views_of(index), quiescence, surroundings, poll,
                      options_.prefetches);
      loop.run();
    } else {
      Scanner scanner(index, sequencer_, Reader(rings_[index]->ring(), 0), configuration_, quiescence, surroundings,
                      poll, options_.prefetches);
      scanner.run();
    }
  }

  std::vector<RingView<Reader>> views_of(std::size_t index) {
    std::vector<RingView<Reader>> views;
    if constexpr (reads_every_ring()) {
      for (std::size_t ring = 0; ring < rings_.size(); ++ring) views.push_back({ring, {rings_[ring]->ring(), index}});
    } else {
      views.push_back({index, {rings_[index]->ring(), 0}});
    }
    return views;
  }

  void report(const std::vector<Subscriber<Memory>>& subscribers, RaceResult& result) {
    for (const auto& each : rings_) {
      each->report(result);
      result.held_ring_count += !stop_.is_set() && !each->is_read() ? 1U : 0U;
    }
    for (const auto& each : scanners_) {
      result.counts += each->counts();
      result.placement_got += each->chain().ring().placement_got();
    }
    result.placement_got.thread_count = thread_count_;
    result.placement_got.bound_thread_count = bound_thread_count_.load(std::memory_order_relaxed);
    for (const auto& each : subscribers) {
      result.content_fault_count += each.content_fault_count();
      result.chain_fault_count += each.chain_fault_count();
    }
  }

  Sequencer& sequencer_;
  AckFrontier& frontier_;
  const Configuration& configuration_;
  const RaceOptions& options_;
  const ThreadGroup::Clock::time_point start_ = ThreadGroup::Clock::now();
  StopFlag stop_;
  std::size_t thread_count_ = 0;
  std::atomic<std::size_t> bound_thread_count_{0};
  RacedRings<Memory> rings_;
  RacedScanners<Memory> scanners_;
};

// Which frontier has to pass which number for a row to be acknowledged: its client's and its batch_seq at level 4; at
// level 5 its ring's, and its place in the ring behind what earlier runs had acknowledged.
struct AckTargets {
  AckTargets(int level, const RacedWorkload& workload, AckFrontier& frontier)
      : key(workload.batches.size()), number(workload.batches.size()) {
    for (std::size_t ring = 0; ring < workload.rows.size(); ++ring) {
      std::uint64_t next = level == 4 ? 0 : frontier.acked_count<Coherent>(ring);
      for (const std::size_t row : workload.rows[ring]) {
        key[row] = level == 4 ? workload.batches[row].client_id : ring;
        number[row] = level == 4 ? workload.batches[row].batch_seq : next++;
      }
    }
  }
  std::vector<std::uint64_t> key;
  std::vector<std::uint64_t> number;
};

template <class Memory, class Sequencer>
RaceResult run_race(Sequencer& sequencer, int level, AckFrontier& frontier, const Configuration& configuration,
                    const RacedWorkload& workload, const RaceOptions& options,
                    const std::function<void()>& check_interrupt) {
  RaceResult result(workload.batches.size());
  if (workload.batches.empty()) return result;
  const AckTargets targets(level, workload, frontier);
  Race<Memory, Sequencer> race(sequencer, frontier, configuration, workload, options);
  Clients clients(targets.key, targets.number, race.start(), frontier, check_interrupt);
  race.run(clients, check_interrupt, result);
  for (std::size_t row = 0; row < result.outcome.size(); ++row) {
    const bool is_ordered = result.outcome[row] == static_cast<std::int8_t>(ArrivalOutcome::ordered);
    result.acked_ns[row] = is_ordered ? clients.acked_ns()[row] : -1;  // a copy's ack is its batch's
  }
  return result;
}

}  // namespace fencepost
