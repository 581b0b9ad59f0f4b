// Faults that can be built into the pipeline. A memory says which (`Memory::mutant`); the production memory says none,
// and `if constexpr` leaves nothing of them there.
#pragma once

#include <cstdint>

namespace fencepost::pipeline {

enum class Mutant : std::uint8_t {
  none,
  payload_unflushed,     // the receiver leaves out the flush of the payload
  guard_before_entry,    // the scanner stores the guard of a chain entry first
  reserve_before_claim,  // the level-4 scanner takes its range before it knows that it won
  // From here on: of the waits of the stepped memory, and of the roles around the scanners (wrong_roles.hpp).
  time_out_acknowledges,        // a wait for a client's earlier batch that times out ends as if that had been exported
  time_out_takes_the_slot,      // a wait for a slot that times out ends as if the slot had been full
  announced_before_wiped,       // a broker that joins says so before the guards that another left are wiped
  wiped_with_the_announcement,  // one fence for the wiped guards and for the word that says that the ring is there
  frontier_jumps,               // the frontier of the log moves to the end of whatever was copied last
  copied_backwards,             // a batch's messages come to the log in the wrong order
  log_and_frontier_in_one_go,   // no fence between the log's lines and the frontier
  log_read_in_cache,            // a reader of the log does not drop its copies
  set_aside_forgotten,          // the scanner after a stop goes on behind what the one before it had set aside
  stopped_in_hand,              // a stop is heard at any wait, also between an export and its acknowledgement
  count_of_16_bits,             // the count of messages is kept in 16 bits, where the fields of headers are words
  guard_among_fields,           // there, the guard is stored before one of the fields that it vouches for
  order_before_payload,         // the receiver writes the header, with its guard, before the payload
  zero_message_blocks,          // the receiver lets in a batch without messages
  only_slot_zero_protected,     // the receiver waits for space at the first slot of a lap only
  published_while_filled,       // a connection stores the guard while the payload is on its way
  phantom_first_ack,            // the acknowledger greets with a count that nothing was ordered for
  invalidate_every_64,          // the subscriber drops its copy of a payload before every 64th batch only
  counter_spans_hosts,          // each scanner is on a host of its own, and all add to one counter
};

inline constexpr Mutant last_mutant = Mutant::counter_spans_hosts;

}  // namespace fencepost::pipeline
