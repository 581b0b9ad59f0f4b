// One thread, one attempt per row of columns, in row order; nothing is parked or tried again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/columns.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/clients/next_expected.hpp"
#include "fencepost/sequencers/workers.hpp"

namespace fencepost {

// The answers to the attempts, one entry per row; the memory is the caller's. Start is -1 unless ordered.
struct Answers {
  std::span<std::int8_t> outcome;  // AttemptOutcome
  std::span<std::int64_t> start_position;
};

namespace detail {

struct AnswerSink {
  Answers answers;

  void ordered(const Batch& /*batch*/, std::uint64_t row, std::uint64_t start, bool /*was_parked*/) const noexcept {
    answers.outcome[row] = static_cast<std::int8_t>(AttemptOutcome::ordered);
    answers.start_position[row] = static_cast<std::int64_t>(start);
  }
  void dropped(const Batch& /*batch*/, std::uint64_t row) const noexcept {
    answers.outcome[row] = static_cast<std::int8_t>(AttemptOutcome::duplicate);
    answers.start_position[row] = -1;
  }
};

}  // namespace detail

// The answer to one attempt. May block if the sequencer's own try_order does.
template <class Sequencer>
Attempt attempt(Sequencer& sequencer, const Batch& batch) {
  if constexpr (HasWorkers<Sequencer>) {
    std::int8_t outcome = static_cast<std::int8_t>(AttemptOutcome::later);
    std::int64_t start = -1;
    const detail::AnswerSink sink{{{&outcome, 1}, {&start, 1}}};
    auto& worker = sequencer.worker_for(batch.client_id);
    worker.template take<false>(batch, 0, sink);
    worker.finish(sink);
    return {static_cast<AttemptOutcome>(outcome), false, static_cast<std::uint64_t>(start)};
  } else {
    return sequencer.try_order(batch.client_id, batch.batch_seq, batch.message_count);
  }
}

// Calls `check_interrupt` every 2^20 attempts (tens of milliseconds); what it throws leaves, as does Refused when the
// positions are used up: the rows before are ordered then.
template <class Sequencer>
void attempt_all(Sequencer& sequencer, std::span<const Batch> batches, const Answers& answers,
                 const std::function<void()>& check_interrupt) {
  constexpr std::size_t rows_between_checks = std::size_t{1} << 20;
  const detail::AnswerSink sink{answers};
  for (std::size_t row = 0; row < batches.size(); ++row) {
    if (row % rows_between_checks == 0) check_interrupt();
    const Batch& batch = batches[row];
    if constexpr (HasWorkers<Sequencer>) {
      answers.outcome[row] = static_cast<std::int8_t>(AttemptOutcome::later);
      answers.start_position[row] = -1;
      sequencer.worker_for(batch.client_id).template take<false>(batch, row, sink);
    } else {
      const Attempt made = sequencer.try_order(batch.client_id, batch.batch_seq, batch.message_count);
      const bool is_ordered = made.outcome == AttemptOutcome::ordered;
      answers.outcome[row] = static_cast<std::int8_t>(made.outcome);
      answers.start_position[row] = is_ordered ? static_cast<std::int64_t>(made.start) : -1;
    }
  }
  if constexpr (HasWorkers<Sequencer>) {
    for (std::size_t index = 0; index < sequencer.worker_count(); ++index) sequencer.worker(index).finish(sink);
  }
}

}  // namespace fencepost
