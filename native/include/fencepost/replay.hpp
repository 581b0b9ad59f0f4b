// One thread, one attempt per row, in row order: a given schedule, to be compared with a model's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "fencepost/batch.hpp"
#include "fencepost/columns.hpp"
#include "fencepost/sequencers.hpp"

namespace fencepost {

struct ReplayResult {
  std::vector<std::int8_t> outcome;          // AttemptOutcome
  std::vector<std::int64_t> start_position;  // -1 unless ordered
};

// Calls `check_interrupt` every 2^20 attempts (tens of milliseconds); what it throws leaves. Throws Refused for a bad
// argument, or if the positions are used up.
inline ReplayResult replay(std::string_view name, const BatchColumns& columns, std::int64_t first_position,
                           const std::function<void()>& check_interrupt) {
  ReplayResult result;
  CoherentSequencers::with(name, [&]<class Sequencer>() {
    const auto first = checked("first_position", first_position, 0, issued_max);
    const std::vector<Batch> batches = checked_batches(columns);
    Sequencer sequencer(client_capacity_for(batches), first);
    result.outcome.reserve(batches.size());
    result.start_position.reserve(batches.size());
    for (const Batch& batch : batches) {
      if (result.outcome.size() % (std::size_t{1} << 20) == 0) check_interrupt();
      const Attempt attempt = sequencer.try_order(batch.client_id, batch.batch_seq, batch.message_count);
      const bool is_ordered = attempt.outcome == AttemptOutcome::ordered;
      result.outcome.push_back(static_cast<std::int8_t>(attempt.outcome));
      result.start_position.push_back(is_ordered ? static_cast<std::int64_t>(attempt.start) : -1);
    }
  });
  return result;
}

}  // namespace fencepost
