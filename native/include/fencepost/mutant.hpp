// One line of these headers, changed on purpose: `-DFENCEPOST_MUTANT=k` builds mutation k, and nothing else has any.
//
// Where a line can be changed it asks mutated(), which is decided by the compiler: production code is as if the question
// were not there (tests/test_native_cost.py counts). What each mutation must break, and where it comes from, says
// src/fencepost/mutations/table.py; `fencepost mutants --native` builds each and has it caught.
#pragma once

namespace fencepost {

// Numbered as in the table.
enum class Mutation : int {
  none = 0,
  range_in_two_steps = 1,
  positions_wrap = 2,
  sealed_at_lost = 3,
  counter_kept_at_hand = 4,
  bulk_chunk_short = 5,
  mutex_left_out = 6,
  shard_by_seq = 7,
  claim_relaxed = 8,
  claim_answer_ignored = 9,
  release_relaxed = 10,
  release_before_reserve = 11,
  claim_not_given_back = 12,
  seq_in_32_bits = 13,
  clients_aliased = 14,
  bucket_taken_by_store = 15,
  last_bucket_unused = 16,
  duplicate_not_dropped = 17,
  one_release_only = 18,
  full_taken_for_parked = 19,
  copies_parked_twice = 20,
  parked_client_not_compared = 21,
  parking_place_leaked = 22,
  parked_count_in_16_bits = 23,
  lowest_parked_forgotten = 24,
  next_parked_not_due = 25,
  one_client_looked_at = 26,
  unsettled_forgotten = 27,
  one_slot_too_many = 28,
  raise_relaxed = 29,
  guard_read_relaxed = 30,
  guard_as_flag = 31,
  consume_relaxed = 32,
  slot_given_back_early = 33,
  cursor_unflushed = 34,
  cursor_read_relaxed = 35,
  first_reader_only = 36,
  cursor_from_copy = 37,
  placed_line_of_next_slot = 38,
  guard_from_copy = 39,
  final_count_unflushed = 40,
  final_count_from_copy = 41,
  record_unflushed = 42,
  guard_before_fence = 43,
  guard_unflushed = 44,
  message_unflushed = 45,
  epoch_guards_unfenced = 46,
  epoch_tail_held_back = 47,
  export_without_room = 48,
  waits_before_finishing = 49,
  closed_with_tail = 50,
  ack_relaxed = 51,
  ack_unflushed = 52,
  ack_read_relaxed = 53,
  ack_from_copy = 54,
  bucket_taken_by_reader = 55,
  ack_out_of_turn = 56,
  untaken_consumed = 57,
  ack_by_client = 58,
  held_batch_consumed = 59,
  left_with_parked = 60,
  progress_unannounced = 61,
  settled_at_any_total = 62,
  leaves_without_patience = 63,
  stopped_with_open_epoch = 64,
  held_unnoticed = 65,
  epoch_total_kept = 66,
  alone_among_others = 67,
  everybody_owns = 68,
  last_value_refused = 69,
  payload_unfenced = 70,
  header_unflushed = 71,
  slot_before_it_is_free = 72,
  count_unflushed = 73,
  count_runs_ahead = 74,
  entry_unfenced = 75,
  frontier_unflushed = 76,
  newer_word_noted = 77,
  payload_from_copy = 78,
  loads_do_not_wait = 79,
  consumed_unflushed = 80,
  frontier_from_copy = 81,
  acknowledged_inclusive = 82,
};

#ifdef FENCEPOST_MUTANT
consteval bool mutated(Mutation each) { return static_cast<int>(each) == FENCEPOST_MUTANT; }
#else
consteval bool mutated(Mutation) { return false; }
#endif

// A lock that nobody else has, for a mutant that leaves out the one that others take; one for each call, never freed.
template <class Mutex>
Mutex& nobodys_lock() {
  return *new Mutex;
}

}  // namespace fencepost
