// A given schedule on a fresh sequencer, to be compared with a model's.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "fencepost/sequencers/attempts.hpp"
#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/columns.hpp"
#include "fencepost/sequencers.hpp"

namespace fencepost {

struct ReplayResult {
  std::vector<std::int8_t> outcome;          // AttemptOutcome
  std::vector<std::int64_t> start_position;  // -1 unless ordered
};

// Throws Refused for a bad argument, or if the positions are used up; and whatever `check_interrupt` throws.
inline ReplayResult replay(std::string_view name, const BatchColumns& columns, std::int64_t first_position,
                           const std::function<void()>& check_interrupt) {
  ReplayResult result;
  CoherentSequencers::with(name, [&]<class Sequencer>() {
    Configuration configuration;
    configuration.first_position = checked("first_position", first_position, 0, issued_max);
    const std::vector<Batch> batches = checked_batches(columns);
    configuration.client_capacity = client_capacity_for(batches);
    Sequencer sequencer(configuration);
    result.outcome.resize(batches.size());
    result.start_position.resize(batches.size());
    attempt_all(sequencer, batches, {result.outcome, result.start_position}, check_interrupt);
  });
  return result;
}

}  // namespace fencepost
