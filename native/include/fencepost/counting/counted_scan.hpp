// The production scanners over full rings, with every shared access and every allocation of theirs counted.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/bench/headers.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/counting/counted.hpp"
#include "fencepost/counting/line_holders.hpp"
#include "fencepost/race/thread_group.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/floor/machine.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/sequencers/order4_claim.hpp"
#include "fencepost/sequencers/order4_epoch.hpp"
#include "fencepost/sequencers/order4_mutex.hpp"
#include "fencepost/sequencers/order4_owner.hpp"
#include "fencepost/sequencers/order4_sharded_mutex.hpp"
#include "fencepost/sequencers/order5_epoch.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/quiescence.hpp"
#include "fencepost/structures/scanner.hpp"
#include "fencepost/sequencers.hpp"
#include "fencepost/sequencers/worker_loop.hpp"
#include "fencepost/sequencers/workers.hpp"

namespace fencepost {

// Kept to be refuted: right in what it hands out, and not wait-free. Who loses the compare-exchange goes round again,
// as often as others win it.
template <class Memory>
class Order5CompareExchange {
 public:
  static constexpr std::string_view name = "order5.compare_exchange";
  static constexpr int level = 5;
  static constexpr bool parks = false;

  explicit Order5CompareExchange(const Configuration& configuration) noexcept
      : counter_(configuration.first_position) {}

  Attempt try_order(std::uint64_t /*client_id*/, std::uint64_t /*batch_seq*/, std::uint64_t message_count) {
    std::uint64_t start = Memory::load_relaxed(counter_);
    while (!Memory::compare_exchange_relaxed(counter_, start, start + message_count)) {
    }
    return {AttemptOutcome::ordered, false, start};
  }

  std::uint64_t next_seq(std::uint64_t /*client_id*/) const noexcept { return 0; }  // it parks nothing: not asked

 private:
  alignas(cache_line_size) typename Memory::template Word<std::uint64_t> counter_;
};

using CountedSequencers =
    SequencerList<Order5FetchAdd<Counted>, Order5Epoch<Counted>, Order4Mutex<Counted>, Order4ShardedMutex<Counted>,
                  Order4Claim<Counted>, Order4Owner<Counted>, Order4Epoch<Counted>, Order5CompareExchange<Counted>>;

// What one scanner did. Per batch: the accesses between one batch's ordering and the next one's.
struct ScanCounts {
  std::uint64_t batch_count = 0;
  std::uint64_t steps = 0;
  std::uint64_t steps_least = UINT64_MAX;
  std::uint64_t steps_most = 0;
  std::uint64_t allocations = 0;
  std::uint64_t locks = 0;
  std::uint64_t locks_contended = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t exchanges_failed = 0;
  std::uint64_t claims_lost = 0;  // attempts that met another scanner's claim
  std::uint64_t line_transfers = 0;  // 0 unless lines were followed
  double seconds = 0;  // of all scanners together, from the first to begin to the last to be done
};

// The surroundings of a scanner, and the sink of a worker.
class CountingSurroundings {
 public:
  explicit CountingSurroundings(const StopFlag& stop) : stop_(stop) {}

  template <class Run>
  void count(Run&& run) {
    const ThreadCounts before = thread_counts;
    last_steps_ = before.steps;
    run();
    counts_.steps = thread_counts.steps - before.steps;
    counts_.allocations = thread_counts.allocations - before.allocations;
    counts_.locks = thread_counts.locks - before.locks;
    counts_.locks_contended = thread_counts.locks_contended - before.locks_contended;
    counts_.exchanges = thread_counts.exchanges - before.exchanges;
    counts_.exchanges_failed = thread_counts.exchanges_failed - before.exchanges_failed;
    counts_.line_transfers = thread_counts.line_transfers - before.line_transfers;
  }

  void ordered(const Batch& /*batch*/, std::uint64_t /*origin*/, std::uint64_t /*start*/, bool /*parked*/) noexcept {
    note();
  }
  void dropped(const Batch& /*batch*/, std::uint64_t /*origin*/) noexcept {}
  void claim_lost() noexcept { ++counts_.claims_lost; }
  bool stopped() const noexcept { return stop_.is_set(); }
  void before_attempt(std::uint64_t /*origin*/) const noexcept {}
  void idle() const noexcept {}

  const ScanCounts& counts() const noexcept { return counts_; }

 private:
  void note() noexcept {
    const std::uint64_t taken = thread_counts.steps - last_steps_;
    last_steps_ = thread_counts.steps;
    counts_.steps_least = std::min(counts_.steps_least, taken);
    counts_.steps_most = std::max(counts_.steps_most, taken);
    ++counts_.batch_count;
  }

  const StopFlag& stop_;
  std::uint64_t last_steps_ = 0;
  ScanCounts counts_;
};

using CountedRing = LapRing<Counted, Batch>;
using CountedRings = std::vector<std::unique_ptr<CountedRing>>;

// What two rings, or one, are filled with, and how it is counted.
struct CountedLoad {
  std::size_t ring_count;
  std::size_t batch_count;
  std::size_t client_count;
  double delay_max;      // as in arrivals_delayed(): 0 is in order; two rings share every client otherwise
  double skew;           // as in arrivals_skewed(): 0 is every client in its turn
  bool follows_lines;    // count line transfers; that costs time, so contention is counted without
};

// Rings as long as what is in them, closed; each may be read by as many readers as there are rings.
inline CountedRings full_rings(const std::vector<Arrival>& arrivals, std::size_t ring_count) {
  CountedRings rings;
  const std::size_t ring_size = arrivals.size() / ring_count;
  for (std::size_t index = 0; index < ring_count; ++index) {
    CountedRing& ring = *rings.emplace_back(std::make_unique<CountedRing>(ring_size, ring_count));
    for (std::size_t slot = 0; slot < ring_size; ++slot) {
      const Arrival& each = arrivals[index * ring_size + slot];
      ring.place({each.client_number, each.batch_seq, bench_message_count(slot)});
      ring.raise();
    }
    ring.close();
  }
  return rings;
}

template <class Sequencer>
void count_one(std::size_t index, Sequencer& sequencer, const CountedRings& rings, const Configuration& configuration,
               Quiescence<Counted>& quiescence, CountingSurroundings& around) {
  using Reader = CountedRing::Reader;
  if constexpr (HasWorkers<Sequencer>) {
    std::vector<RingView<Reader>> views;
    for (std::size_t ring = 0; ring < rings.size(); ++ring) {
      if (Sequencer::reading == Reading::every_ring || ring == index) views.push_back({ring, {*rings[ring], index}});
    }
    WorkerLoop loop(index, sequencer.worker(index), std::move(views), quiescence, around, SpinThenYield<Counted>(), false);
    around.count([&] { loop.run(); });
  } else {
    Scanner scanner(index, sequencer, Reader(*rings[index], index), configuration, quiescence, around,
                    SpinThenYield<Counted>(), false);
    around.count([&] { scanner.run(); });
  }
}

// BLOCKS until the rings, full from the start, are ordered: a thread per ring, or the one worker that there is for all
// of them. `check_interrupt` as in ThreadGroup::wait.
template <class Sequencer>
std::vector<ScanCounts> count_scan_with(const CountedRings& rings, const CountedLoad& load,
                                        const std::function<void()>& check_interrupt) {
  Configuration configuration;
  configuration.client_capacity = load.client_count * 2;
  configuration.parking_capacity = load.batch_count;
  configuration.worker_count = rings.size();
  Sequencer sequencer(configuration);
  std::size_t scanner_count = rings.size();
  if constexpr (HasWorkers<Sequencer>) scanner_count = sequencer.worker_count();
  Quiescence<Counted> quiescence(scanner_count);
  StopFlag stop;
  const auto lines = load.follows_lines ? std::make_unique<LineHolders>() : nullptr;
  const std::vector<int> cpus = allowed_cpus();
  std::vector<CountingSurroundings> all(scanner_count, CountingSurroundings(stop));
  ThreadGroup crew(scanner_count, stop);
  for (std::size_t index = 0; index < scanner_count; ++index) {
    crew.add([&, index] {
      if (cpus.size() >= scanner_count) pin_this_thread(cpus[index]);
      thread_counts.lines = lines.get();
      thread_counts.line_bit = std::uint64_t{1} << index;
      count_one(index, sequencer, rings, configuration, quiescence, all[index]);
    });
  }
  crew.wait(check_interrupt);
  std::vector<ScanCounts> counts;
  std::uint64_t ordered_count = 0;
  for (const CountingSurroundings& each : all) {
    counts.push_back(each.counts());
    counts.back().seconds = crew.seconds();
    ordered_count += each.counts().batch_count;
  }
  check_count("batches ordered", load.batch_count, ordered_count);
  return counts;
}

inline std::vector<Arrival> counted_arrivals(const CountedLoad& load) {
  if (load.delay_max > 0) return arrivals_delayed(load.batch_count, load.client_count, load.delay_max);
  if (load.skew > 0) return arrivals_skewed(load.batch_count, load.client_count, load.skew, load.ring_count);
  return load.ring_count == 2 ? arrivals_in_two_rings(load.batch_count, load.client_count, true)
                              : arrivals_in_order(load.batch_count, load.client_count);
}

inline std::vector<ScanCounts> count_scan(std::string_view name, std::int64_t ring_count, std::int64_t batch_count,
                                          std::int64_t delay_max, std::int64_t clients, double skew, bool follows_lines,
                                          const std::function<void()>& check_interrupt) {
  const std::size_t client_count = checked("client_count", clients, 1, batch_count / 2);
  const std::size_t batches = checked("batch_count", batch_count, 128, std::int64_t{1} << 20);
  if (!(skew >= 0 && skew <= skew_max)) {
    throw Refused("skew is " + std::to_string(skew) + ": expected from 0 to " + std::to_string(skew_max));
  }
  if (skew > 0 && delay_max > 0) throw Refused("skew and delay_max are both given: expected one of them");
  const CountedLoad load{
      .ring_count = checked("ring_count", ring_count, 1, 2),
      .batch_count = batches / (2 * client_count) * 2 * client_count,  // every ring gets the same number
      .client_count = client_count,
      .delay_max = static_cast<double>(checked("delay_max", delay_max, 0, batch_count)),
      .skew = skew,
      .follows_lines = follows_lines,
  };
  const CountedRings rings = full_rings(counted_arrivals(load), load.ring_count);
  std::vector<ScanCounts> counts;
  CountedSequencers::with(name, [&]<class Sequencer>() {
    counts = count_scan_with<Sequencer>(rings, load, check_interrupt);
  });
  return counts;
}

}  // namespace fencepost
