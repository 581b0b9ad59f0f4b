// Real threads over a workload: one receiver and one scanner per ring, what happened recorded per arrival.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fencepost/batch.hpp"
#include "fencepost/columns.hpp"
#include "fencepost/crew.hpp"
#include "fencepost/drift.hpp"
#include "fencepost/limits.hpp"
#include "fencepost/memory_coherent.hpp"
#include "fencepost/quiescence.hpp"
#include "fencepost/raced_ring.hpp"
#include "fencepost/sequencers.hpp"

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

using RacedRings = std::vector<std::unique_ptr<RacedRing>>;

// One scanner per ring; they share the sequencer.
template <class Sequencer>
void run_scanners(Sequencer& sequencer, const RacedRings& rings, Drift& drift, StopFlag& stop,
                  const std::function<void()>& check_interrupt, RaceResult& result) {
  Quiescence<Coherent> quiescence(rings.size());
  Crew crew(rings.size() * 2, stop);  // the last of them: its threads are joined before what they use is gone
  for (const auto& each : rings) {
    crew.add([&ring = *each, &drift] { ring.receive(drift); });
    crew.add([&ring = *each, &sequencer, &quiescence] { ring.scan(sequencer, quiescence); });
  }
  crew.wait(check_interrupt);
  result.seconds = crew.seconds();
}

// One thread per worker of the sequencer; a worker reads its own ring, or all of them.
template <class Sequencer>
void run_workers(Sequencer& sequencer, const RacedRings& rings, Drift& drift, StopFlag& stop, std::uint64_t seed,
                 const std::function<void()>& check_interrupt, RaceResult& result) {
  std::vector<std::unique_ptr<RacedWorker>> workers;
  for (std::size_t index = 0; index < sequencer.worker_count(); ++index) {
    workers.push_back(std::make_unique<RacedWorker>(rings, Jitter<Coherent>(seed, rings.size() * 2 + index), stop));
  }
  Crew crew(rings.size() + workers.size(), stop);
  for (const auto& each : rings) crew.add([&ring = *each, &drift] { ring.receive(drift); });
  for (std::size_t index = 0; index < workers.size(); ++index) {
    std::vector<RingView<Coherent>> views;
    for (std::size_t ring_index = 0; ring_index < rings.size(); ++ring_index) {
      const bool reads = Sequencer::reading == Reading::every_ring || ring_index == index;
      if (reads) views.push_back({ring_index, &rings[ring_index]->ring()});
    }
    WorkerLoop loop(sequencer.worker(index), std::move(views), *workers[index]);
    crew.add([loop = std::move(loop)]() mutable { loop.run(); });
  }
  crew.wait(check_interrupt);
  for (const auto& each : workers) result.counts += each->counts();
  result.seconds = crew.seconds();
}

template <class Sequencer>
RaceResult race_with(const std::vector<Batch>& batches, const RowsByRing& rows, std::uint64_t first_position,
                     std::uint64_t seed, const std::function<void()>& check_interrupt) {
  Configuration configuration;
  configuration.client_capacity = client_capacity_for(batches);
  configuration.parking_capacity = batches.size();
  configuration.worker_count = std::max<std::size_t>(rows.size(), 1);
  configuration.first_position = first_position;
  Sequencer sequencer(configuration);
  Drift drift(rows.size(), drift_row_count_max(seed));
  StopFlag stop;
  const Crew::Clock::time_point start = Crew::Clock::now();
  RacedRings rings;
  for (std::size_t index = 0; index < rows.size(); ++index) {
    rings.push_back(std::make_unique<RacedRing>(index, rows[index], batches, seed, start, stop));
  }
  RaceResult result(batches.size());
  if constexpr (HasWorkers<Sequencer>) {
    if (!rings.empty()) run_workers(sequencer, rings, drift, stop, seed, check_interrupt, result);
  } else {
    run_scanners(sequencer, rings, drift, stop, check_interrupt, result);
  }
  for (const auto& each : rings) each->report(result);
  result.issued = static_cast<std::int64_t>(sequencer.issued());
  return result;
}

// BLOCKS until every ring is drained; two threads per distinct broker. `check_interrupt` is called by the calling
// thread every 50 ms; what it throws stops all threads and leaves after they are joined. Throws Refused for a bad
// argument, or if the positions are used up. Memory: some 220 bytes per row, allocated before the threads start.
inline RaceResult race(std::string_view name, const BatchColumns& columns, Column broker_id,
                       std::int64_t first_position, std::uint64_t seed,
                       const std::function<void()>& check_interrupt) {
  std::optional<RaceResult> result;
  CoherentSequencers::with(name, [&]<class Sequencer>() {
    check_length("broker_id", broker_id.size(), columns.row_count());
    const auto first = checked("first_position", first_position, 0, issued_max);
    const std::vector<Batch> batches = checked_batches(columns);
    result = race_with<Sequencer>(batches, rows_by_ring(broker_id), first, seed, check_interrupt);
  });
  return *std::move(result);
}

}  // namespace fencepost
