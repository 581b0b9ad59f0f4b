// A batch as the sequencers see it, and what one attempt to order it says.
#pragma once

#include <cstdint>
#include <type_traits>

namespace fencepost {

struct Batch {
  std::uint64_t client_id;
  std::uint64_t batch_seq;
  std::uint64_t message_count;
};

static_assert(std::is_trivially_copyable_v<Batch>);
static_assert(sizeof(Batch) == 24);

enum class AttemptOutcome : std::int8_t {
  ordered = 0,    // the batch owns [start, start + message_count)
  later = 1,      // its predecessor is not ordered, or a claim on its client is in progress: park it, try again
  duplicate = 2,  // it was ordered before: drop it
};

struct Attempt {
  AttemptOutcome outcome;
  bool claim_lost;      // the attempt met a busy bit or lost the compare-exchange; order4.claim only
  // Ordered: the first position. Else what the client's word was: the batch cannot be ordered before that has changed.
  std::uint64_t start;
};

static_assert(sizeof(Attempt) == 16, "returned in two registers");

}  // namespace fencepost
