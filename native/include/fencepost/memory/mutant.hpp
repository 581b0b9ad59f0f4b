// One line of these headers, changed on purpose: `-DFENCEPOST_MUTANT=k` builds mutation k, and nothing else has any.
//
// Where a line can be changed it asks mutated(), which is decided by the compiler: production code is as if the question
// were not there (tests/bench/test_native_cost.py counts). What each mutation must break, and where it comes from, says
// src/fencepost/mutations/lines/table.py; `fencepost mutants --native` builds each and has it caught.
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
  places_left_behind = 20,
  copies_parked_twice = 21,
  parked_client_not_compared = 22,
  parking_place_leaked = 23,
  parked_count_in_16_bits = 24,
  lowest_parked_forgotten = 25,
  next_parked_not_due = 26,
  one_client_looked_at = 27,
  unsettled_forgotten = 28,
  one_slot_too_many = 29,
  raise_relaxed = 30,
  guard_read_relaxed = 31,
  guard_as_flag = 32,
  consume_relaxed = 33,
  slot_given_back_early = 34,
  cursor_unflushed = 35,
  cursor_read_relaxed = 36,
  first_reader_only = 37,
  cursor_from_copy = 38,
  placed_line_of_next_slot = 39,
  guard_from_copy = 40,
  final_count_unflushed = 41,
  final_count_from_copy = 42,
  record_unflushed = 43,
  guard_before_fence = 44,
  guard_unflushed = 45,
  message_unflushed = 46,
  epoch_guards_unfenced = 47,
  epoch_tail_held_back = 48,
  export_without_room = 49,
  waits_before_finishing = 50,
  closed_with_tail = 51,
  ack_relaxed = 52,
  ack_unflushed = 53,
  ack_read_relaxed = 54,
  ack_from_copy = 55,
  bucket_taken_by_reader = 56,
  ack_out_of_turn = 57,
  untaken_consumed = 58,
  ack_by_client = 59,
  held_batch_consumed = 60,
  left_with_parked = 61,
  progress_unannounced = 62,
  settled_at_any_total = 63,
  leaves_without_patience = 64,
  stopped_with_open_epoch = 65,
  held_unnoticed = 66,
  epoch_total_kept = 67,
  alone_among_others = 68,
  everybody_owns = 69,
  last_value_refused = 70,
  payload_unfenced = 71,
  header_unflushed = 72,
  slot_before_it_is_free = 73,
  count_unflushed = 74,
  count_runs_ahead = 75,
  entry_unfenced = 76,
  frontier_unflushed = 77,
  newer_word_noted = 78,
  payload_from_copy = 79,
  loads_do_not_wait = 80,
  consumed_unflushed = 81,
  frontier_from_copy = 82,
  acknowledged_inclusive = 83,
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
