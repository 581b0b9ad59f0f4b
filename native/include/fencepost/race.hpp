// Real threads over a workload: one receiver and one scanner per ring, what happened recorded per arrival.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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

template <class Sequencer>
RaceResult race_with(const std::vector<Batch>& batches, const RowsByRing& rows, std::uint64_t first_position,
                     std::uint64_t seed, const std::function<void()>& check_interrupt) {
  Sequencer sequencer(client_capacity_for(batches), first_position);
  Quiescence<Coherent> quiescence(rows.size());
  Drift drift(rows.size(), drift_row_count_max(seed));
  StopFlag stop;
  const Crew::Clock::time_point start = Crew::Clock::now();
  std::vector<std::unique_ptr<RacedRing>> rings;
  for (std::size_t index = 0; index < rows.size(); ++index) {
    rings.push_back(std::make_unique<RacedRing>(index, rows[index], batches, seed, start, stop));
  }
  Crew crew(rows.size() * 2, stop);  // the last of them: its threads are joined before what they use is gone
  for (const auto& each : rings) {
    crew.add([&ring = *each, &drift] { ring.receive(drift); });
    crew.add([&ring = *each, &sequencer, &quiescence] { ring.scan(sequencer, quiescence); });
  }
  crew.wait(check_interrupt);
  RaceResult result(batches.size());
  for (const auto& each : rings) each->report(result);
  result.issued = static_cast<std::int64_t>(sequencer.issued());
  result.seconds = crew.seconds();
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
