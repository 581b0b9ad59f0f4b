// What the stepped machine speaks of: operations, the choices of memory, and what an event has to do with.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::stepped {

using pipeline::Action;
using pipeline::LineIndex;
using pipeline::Result;
using pipeline::Step;
using pipeline::Value;
using pipeline::Watched;
using pipeline::Word;
using pipeline::words_per_line;
using Host = std::uint32_t;

inline constexpr std::uint32_t host_max = 31;
inline constexpr std::uint32_t thread_max = 63;
inline constexpr std::uint32_t writer_max = 7;  // hosts that store to one line

// What waits in a store buffer: rows and columns of the ordering matrix, in this order.
enum class Buffered : std::uint8_t { store, clflush, clflushopt, clwb, fence, streaming };
inline constexpr std::size_t buffered_count = 6;

constexpr bool is_store(Buffered kind) { return kind == Buffered::store || kind == Buffered::streaming; }
constexpr bool is_flush(Buffered kind) {
  return kind == Buffered::clflush || kind == Buffered::clflushopt || kind == Buffered::clwb;
}

// A profile of the machine, field by field.
struct Profile {
  bool one_host = false;
  bool buffers = true;
  bool evict = true;
  bool speculate = true;
  bool lfence_waits = false;
};

enum class Order : std::uint8_t { free, same_word, same_line, always };

struct Matrix {
  std::array<std::array<Order, buffered_count>, buffered_count> rows{};

  bool blocks(Buffered older, Buffered younger, bool same_line, bool same_word) const {
    const Order order = rows[static_cast<std::size_t>(older)][static_cast<std::size_t>(younger)];
    return order == Order::always || (order == Order::same_line && same_line) || (order == Order::same_word && same_word);
  }
};

// From rows, older first: 0 free, 1 same word, 2 same line, 3 always. Throws Refused for anything else.
inline Matrix matrix_of(std::span<const std::int64_t> orders) {
  checked("size of the ordering matrix", static_cast<std::int64_t>(orders.size()), buffered_count * buffered_count,
          buffered_count * buffered_count);
  Matrix matrix;
  for (std::size_t at = 0; at < orders.size(); ++at) {
    matrix.rows[at / buffered_count][at % buffered_count] = static_cast<Order>(checked("order", orders[at], 0, 3));
  }
  return matrix;
}

// One operation of model/programs/operations.py each.
enum class Kind : std::uint8_t {
  load, store, fetch_add, compare_exchange, exchange, device_add, lock, unlock, flush, store_fence, full_fence,
  load_fence, prefetch, poll, send, receive, witness, sleep, attempted,
};

// Which step an operation is, once its result is known.
struct Label {
  enum class Rule : std::uint8_t { none, always, if_equal, computed };

  Rule rule = Rule::none;
  Step step;
  Value expected = 0;         // of if_equal
  pipeline::ComputeStep compute = nullptr;  // of computed

  Step of(Value result) const {
    switch (rule) {
      case Rule::always: return step;
      case Rule::if_equal: return result == expected ? step : Step{};
      case Rule::computed: return compute(step, result);
      case Rule::none: break;
    }
    return {};
  }
};

// What a program asks for. Fields that a kind has no use for keep their defaults.
struct Operation {
  Kind kind = Kind::load;
  Buffered flush = Buffered::clflushopt;
  bool streaming = false;
  std::uint32_t channel = 0;
  Word word;         // of a flush or a prefetch, word 0 of its line
  Value value = 0;   // stored, added, expected, sent; the time of a sleep; the outcome of an attempt
  Value second = 0;  // the desired value of a compare-exchange; the start of an attempt
  std::span<const Watched> watched;
  Label label;
};

inline bool same(const Operation& one, const Operation& other) {
  return one.kind == other.kind && one.flush == other.flush && one.streaming == other.streaming &&
         one.channel == other.channel && one.word == other.word && one.value == other.value &&
         one.second == other.second && std::ranges::equal(one.watched, other.watched);
}

inline bool enters_buffer(Kind kind) {
  return kind == Kind::store || kind == Kind::unlock || kind == Kind::flush || kind == Kind::store_fence;
}

// What an operation is in the store buffer.
inline Buffered buffered(const Operation& operation) {
  switch (operation.kind) {
    case Kind::store: return operation.streaming ? Buffered::streaming : Buffered::store;
    case Kind::unlock: return Buffered::store;
    case Kind::flush: return operation.flush;
    default: return Buffered::fence;
  }
}

inline bool waits_for_buffer(const Operation& operation) {
  switch (operation.kind) {
    case Kind::full_fence:
    case Kind::fetch_add:
    case Kind::compare_exchange:
    case Kind::exchange:
    case Kind::device_add:
    case Kind::lock: return true;
    case Kind::poll: return std::ranges::any_of(operation.watched, [](const Watched& each) { return each.invalidate; });
    default: return false;
  }
}

// Who acts: a thread, or an entry of its store buffer.
struct Actor {
  static constexpr std::int32_t thread_itself = -1;
  std::uint32_t thread = 0;
  std::int32_t number = thread_itself;

  bool is_thread() const { return number == thread_itself; }
  friend bool operator==(const Actor&, const Actor&) = default;
};

// A choice of memory, in one integer. `poll` is the index of the watched word, for polls only.
//   bits 0-2 kind, 3-7 count of evicted hosts, 8-47 a place, or the hosts in order at 5 bits each, 48-62 poll + 1,
//   63 a poll that found nothing new, but its host has a copy of the line since
class Choice {
 public:
  enum class Kind : std::uint8_t { nothing, own, forwarded, copy, evict };

  constexpr Choice() = default;
  static constexpr Choice own() { return Choice(static_cast<std::uint64_t>(Kind::own)); }
  static constexpr Choice forwarded() { return Choice(static_cast<std::uint64_t>(Kind::forwarded)); }
  static constexpr Choice evict_none() { return Choice(static_cast<std::uint64_t>(Kind::evict)); }
  static constexpr Choice copy(std::size_t place) {
    return Choice(static_cast<std::uint64_t>(Kind::copy) | std::uint64_t{place} << 8U);
  }
  static constexpr Choice from_bits(std::uint64_t bits) { return Choice(bits); }

  constexpr Choice and_evict(Host host) const {
    return Choice((bits_ + 8U) | std::uint64_t{host} << (8U + 5U * eviction_count()));
  }
  constexpr Choice at_poll(std::size_t index) const { return Choice(bits_ | std::uint64_t{index + 1} << 48U); }
  constexpr Choice without_poll() const { return Choice(bits_ & ((std::uint64_t{1} << 48U) - 1)); }

  constexpr Kind kind() const { return static_cast<Kind>(bits_ & 7U); }
  constexpr std::size_t place() const { return (bits_ >> 8U) & 0xFFFFFFFFFFU; }
  constexpr std::uint32_t eviction_count() const { return (bits_ >> 3U) & 31U; }
  constexpr Host evicted(std::uint32_t index) const { return static_cast<Host>((bits_ >> (8U + 5U * index)) & 31U); }
  constexpr bool evicts(Host host) const {
    for (std::uint32_t index = 0; index < eviction_count(); ++index) {
      if (evicted(index) == host) return true;
    }
    return false;
  }
  constexpr Choice and_looked() const { return Choice(bits_ | std::uint64_t{1} << 63U); }
  constexpr bool looked() const { return bits_ >> 63U != 0; }
  constexpr std::size_t poll() const { return (bits_ >> 48U & 0x7FFFU) - 1; }
  constexpr std::uint64_t bits() const { return bits_; }
  friend constexpr bool operator==(const Choice&, const Choice&) = default;

 private:
  constexpr explicit Choice(std::uint64_t bits) : bits_(bits) {}
  std::uint64_t bits_ = 0;
};

struct Transition {
  Actor actor;
  Choice choice;
  bool lucky = false;  // it needs a cache to do what no cache has to do
};

// Numbers for the keys of what an event has to do with: small ones, so that tables can be indexed by them.
class Keys {
 public:
  using Key = std::uint32_t;

  Keys(std::size_t line_count, std::size_t host_count, std::size_t channel_count)
      : line_count_(static_cast<Key>(line_count)), channel_count_(static_cast<Key>(channel_count)) {
    const Key host_lines = static_cast<Key>(line_count * host_count);
    copies_ = line_count_ * (words_per_line + 2);
    channels_ = copies_ + host_lines;
    count_ = channels_ + 2 * channel_count_;
  }

  Key word(Word word) const { return word.index(); }
  Key memory(LineIndex line) const { return line_count_ * words_per_line + line; }
  Key dirty(LineIndex line) const { return line_count_ * (words_per_line + 1) + line; }
  Key copy(Host host, LineIndex line) const { return copies_ + host * line_count_ + line; }
  Key channel(std::uint32_t channel) const { return channels_ + channel; }
  Key taken(std::uint32_t channel) const { return channels_ + channel_count_ + channel; }
  Key version(LineIndex line, std::size_t place) { return numbered(line, place); }
  Key message(std::uint32_t channel, std::size_t number) { return numbered(line_count_ + channel, number); }
  Key fact(std::size_t number) { return numbered(line_count_ + channel_count_, number); }
  Key count() const { return count_; }

 private:
  Key numbered(std::size_t list, std::size_t number) {
    if (list >= numbered_.size()) numbered_.resize(list + 1);
    std::vector<Key>& keys = numbered_[list];
    while (keys.size() <= number) keys.push_back(count_++);
    return keys[number];
  }

  Key line_count_;
  Key channel_count_;
  Key copies_ = 0;
  Key channels_ = 0;
  Key count_ = 0;
  std::vector<std::vector<Key>> numbered_;
};

// One key of an event, and in which roles:
//   reads, writes   two events commute if they share no key, or only read ones
//   widens          later writes of it would have given the event further choices, though they leave the one it made
//   dates           earlier writes of it leave the event its choice, but fewer choices to those that follow
struct Touch {
  static constexpr std::uint8_t reads = 1, writes = 2, widens = 4, dates = 8;
  Keys::Key key = 0;
  std::uint8_t roles = 0;
};

// What an event has to do with; built while it happens.
class Footprint {
 public:
  void clear() {
    touches_.clear();
    signatures_ = {};
  }

  void add(Keys::Key key, std::uint8_t roles) {
    const std::uint64_t bit = std::uint64_t{1} << (key & 63U);
    for (std::size_t at = 0; at < signatures_.size(); ++at) signatures_[at] |= (roles >> at & 1U) != 0 ? bit : 0;
    for (Touch& each : touches_) {
      if (each.key == key) {
        each.roles = static_cast<std::uint8_t>(each.roles | roles);
        return;
      }
    }
    touches_.push_back({key, roles});
  }

  const std::vector<Touch>& touches() const { return touches_; }
  const std::array<std::uint64_t, 4>& signatures() const { return signatures_; }

 private:
  std::vector<Touch> touches_;
  std::array<std::uint64_t, 4> signatures_{};  // by role, in the order of their bits
};

}  // namespace fencepost::stepped
