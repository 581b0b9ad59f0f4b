// What the programs of the pipeline share, whatever memory they run on: words, what fits one, steps that can be told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fencepost/structures/batch.hpp"

namespace fencepost::pipeline {

using Value = std::int64_t;
using LineIndex = std::uint32_t;

inline constexpr std::uint32_t words_per_line = 8;

// A word of shared memory: its line of 64 bytes, and its place among the eight words there.
struct Word {
  LineIndex line = 0;
  std::uint32_t word = 0;

  constexpr std::uint32_t index() const { return line * words_per_line + word; }
  friend bool operator==(const Word&, const Word&) = default;
};

// One word that a poll looks at, and the value last seen there. With `invalidate`, every look drops the host's copy
// first, so that it finds what memory has.
struct Watched {
  Word word;
  Value seen = 0;
  bool invalidate = false;

  friend bool operator==(const Watched&, const Watched&) = default;
};

// What an operation came to; `index` is that of the watched word, for polls.
struct Result {
  static constexpr std::uint32_t stop = UINT32_MAX;
  Value value = 0;
  std::uint32_t index = 0;

  bool stopped() const { return index == stop; }  // a poll only: the run is to end, nothing was found
  friend bool operator==(const Result&, const Result&) = default;
};

// A step of the spec or of the contract.
enum class Action : std::uint8_t {
  none, arrive, overwrite, assign, reserve, publish, exported, frontier, acknowledge, discard, deliver, drop, park,
  claim, release, lock, advance, unlock, consumed, written, emit, commit, read,
};

// Who takes ranges: several threads, by a fetch_add; or one, which alone stores to the counter, by a load and a store.
enum class Reserver : std::uint8_t { one_of_many, alone };

struct Step {
  static constexpr std::size_t argument_max = 6;
  Action action = Action::none;
  std::uint8_t argument_count = 0;
  std::array<Value, argument_max> arguments{};

  friend bool operator==(const Step&, const Step&) = default;
};

template <class... Arguments>
constexpr Step step(Action action, Arguments... arguments) {
  static_assert(sizeof...(Arguments) <= Step::argument_max);
  return {action, sizeof...(Arguments), {static_cast<Value>(arguments)...}};
}

// Says which step an operation was, from what was known before and its result.
using ComputeStep = Step (*)(const Step& given, Value result);

// What is done with an entry of the export chain.
inline constexpr Value drop_entry = 0, deliver_entry = 1;
inline constexpr Value pass_entry = 2;  // told of a dropped one: the slot is another worker's

// --- what fits one word; 0 is a word that was never written ---

inline constexpr Value client_max = (1 << 16) - 1;
inline constexpr Value seq_max = (std::int64_t{1} << 32) - 1;
inline constexpr Value count_max = (1 << 15) - 1;
inline constexpr Value index_max = (1 << 20) - 1;
inline constexpr Value start_max = (std::int64_t{1} << 42) - 2;

inline constexpr std::uint64_t written_bit = std::uint64_t{1} << 63U;

struct Batch {
  Value client = 0;
  Value seq = 0;
  Value count = 0;
};

// A batch as its scanner read it.
struct Slot {
  Value index = 0;
  Batch batch;
  bool is_parked = false;  // it was read before and set aside
};

// An attempt to order a batch by a sequencer of either build.
template <class Sequencer>
fencepost::Attempt try_order(Sequencer& sequencer, const Slot& slot) {
  return sequencer.try_order(static_cast<std::uint64_t>(slot.batch.client), static_cast<std::uint64_t>(slot.batch.seq),
                             static_cast<std::uint64_t>(slot.batch.count));
}

// Bit 63 set, client 16 bits, seq 32 bits, count 15 bits.
constexpr Value pack(const Batch& batch) {
  return static_cast<Value>(written_bit | static_cast<std::uint64_t>(batch.client) << 47U |
                            static_cast<std::uint64_t>(batch.seq) << 15U | static_cast<std::uint64_t>(batch.count));
}

constexpr Batch unpack_batch(Value value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return {static_cast<Value>(bits >> 47U & 0xFFFFU), static_cast<Value>(bits >> 15U & 0xFFFFFFFFU),
          static_cast<Value>(bits & 0x7FFFU)};
}

struct ChainEntry {
  Value index = 0;
  Value start = -1;
  Value kind = drop_entry;
};

// Bit 63 set, kind 1 bit, index 20 bits, start + 1 in 42 bits.
constexpr Value pack(const ChainEntry& entry) {
  return static_cast<Value>(written_bit | static_cast<std::uint64_t>(entry.kind) << 62U |
                            static_cast<std::uint64_t>(entry.index) << 42U |
                            static_cast<std::uint64_t>(entry.start + 1));
}

// What a guard vouched for that is not there is handed on as what it is: no batch.
constexpr ChainEntry unpack_entry(Value value) {
  if (value == 0) return {-1, -1, deliver_entry};
  const auto bits = static_cast<std::uint64_t>(value);
  return {static_cast<Value>(bits >> 42U & 0xFFFFFU), static_cast<Value>(bits & 0x3FFFFFFFFFFU) - 1,
          static_cast<Value>(bits >> 62U & 1U)};
}

// One message of the log: whose batch it is of, and which of its messages.
struct Message {
  Value client = -1;
  Value seq = -1;
  Value number = 0;
};

// As a batch, the number in the place of the count. What no batch was found for is of the client whose bits are all set.
constexpr Value pack(const Message& message) {
  return static_cast<Value>(written_bit | (static_cast<std::uint64_t>(message.client) & 0xFFFFU) << 47U |
                            (static_cast<std::uint64_t>(message.seq) & 0xFFFFFFFFU) << 15U |
                            static_cast<std::uint64_t>(message.number));
}

constexpr Message unpack_message(Value value) {
  const Batch found = unpack_batch(value);
  if (value == 0 || found.client == client_max) return {-1, -1, value == 0 ? -1 : found.count};
  return {found.client, found.seq, found.count};
}

// What an acknowledger tells a client: bit 63 set, ring 15 bits, below 48 bits.
constexpr Value pack_acknowledgement(Value ring, Value below) {
  return static_cast<Value>(written_bit | static_cast<std::uint64_t>(ring) << 48U | static_cast<std::uint64_t>(below));
}
constexpr Value acknowledging_ring(Value message) {
  return static_cast<Value>(static_cast<std::uint64_t>(message) >> 48U & 0x7FFFU);
}
constexpr Value acknowledged_below(Value message) {
  return static_cast<Value>(static_cast<std::uint64_t>(message) & 0xFFFFFFFFFFFFU);
}

}  // namespace fencepost::pipeline
