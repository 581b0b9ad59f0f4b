// Order 4 without a lock: a busy bit per client makes claim and reserve one step to everybody else.
#pragma once

#include <cstdint>
#include <string_view>

#include "fencepost/structures/batch.hpp"
#include "fencepost/clients/client_table.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// A client's word is (next_seq << 1) | busy. Its states and who moves it:
//
//   (seq, idle)  --claim: compare-exchange, by whoever holds batch seq-->  (seq, busy)
//   (seq, busy)  --release: store, by the claimer alone-->                 (seq + 1, idle)
//
// Between the two the claimer takes its range from `issued`. Only the client's own batches wait for it (`later`): the
// successor, and other copies of the same batch. Without the busy bit one of the two halves goes wrong: claim first and
// the successor may take its range before the claimer does (client-order); reserve first and the loser of the claim
// leaks its range (dense).
template <class Memory>
class Order4Claim {
 public:
  static constexpr std::string_view name = "order4.claim";
  static constexpr int level = 4;
  static constexpr bool parks = true;

  explicit Order4Claim(const Configuration& configuration)
      : clients_(configuration.client_capacity), issued_(configuration.first_position) {}

  // Never blocks, no loop beside the search in the table. A claimer that is preempted holds up its client, nobody else.
  // Throws Refused when the client table is full or the positions are used up; the claim is given back then.
  Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) {
    auto& word = clients_.word_of(client_id);
    const std::uint64_t idle = word_before(batch_seq);
    // Relaxed: this value only chooses the way; `later` and `duplicate` read nothing else, and a claim is made, with
    // acquire, below. The word only moves forward, so an old value says `later` where a newer one says more, and the
    // batch is tried again.
    std::uint64_t seen = Memory::load_relaxed(word);
    if (seen != idle) return not_now(seen, batch_seq, (seen & busy_bit) != 0);
    // Acquire on success: pairs with the release store of the predecessor's claimer, so that its fetch_add happens
    // before ours and comes first in the counter's one order. On failure nothing is read but the word: relaxed.
    const bool is_ours = Memory::compare_exchange_acquire(word, seen, idle | busy_bit);
    if (!is_ours) return not_now(seen, batch_seq, true);
    const std::uint64_t start = reserve(word, idle, message_count);
    // Release: whoever claims batch_seq + 1 has our fetch_add behind it. A store is enough, as a busy word is written
    // by its claimer alone.
    Memory::store_release(word, (batch_seq + 1) << 1);
    return {AttemptOutcome::ordered, false, start};
  }

  // A hint which of the client's batches to try: the next, or one before it.
  std::uint64_t next_seq(std::uint64_t client_id) { return next_seq_in(word(client_id)); }

  // The client's word, for whoever waits until it changes. Relaxed, as nothing is read behind it.
  std::uint64_t word(std::uint64_t client_id) { return Memory::load_relaxed(clients_.word_of(client_id)); }
  static constexpr std::uint64_t next_seq_in(std::uint64_t word) noexcept { return word >> 1; }
  static constexpr std::uint64_t word_before(std::uint64_t batch_seq) noexcept { return batch_seq << 1; }

  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  static constexpr std::uint64_t busy_bit = 1;
  static_assert(((static_cast<std::uint64_t>(batch_seq_max) + 1) << 1) > static_cast<std::uint64_t>(batch_seq_max),
                "the largest batch_seq + 1 and the busy bit fit one word");

  static Attempt not_now(std::uint64_t seen, std::uint64_t batch_seq, bool claim_lost) noexcept {
    const bool is_ordered = (seen >> 1) > batch_seq;
    return {is_ordered ? AttemptOutcome::duplicate : AttemptOutcome::later, claim_lost, seen};
  }

  // Takes the range under our claim. The claim goes back to idle if there is none left, or the client would hang.
  std::uint64_t reserve(typename ClientTable<Memory>::Word& word, std::uint64_t idle, std::uint64_t message_count) {
    try {
      return issued_.reserve(message_count);
    } catch (...) {
      Memory::store_release(word, idle);
      throw;
    }
  }

  ClientTable<Memory> clients_;  // read-only after construction: pointer and size
  Issued<Memory> issued_;
  static_assert(sizeof(Issued<Memory>) == cache_line_size && alignof(Issued<Memory>) == cache_line_size,
                "the counter has a line of its own, away from the table's pointer");
};

}  // namespace fencepost
