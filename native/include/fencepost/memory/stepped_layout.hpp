// The memory policy of the shared structures in the stepped build: memory/coherent.hpp is its other form.
//
// A structure is laid out as it is in production: words that share 64 bytes there share a line of the stepped memory, at
// the same places. Each thread has a copy of the structure of its own, made anew whenever its program begins again: what
// one thread leaves in it outside of shared words, no other can see, as if each had mapped the memory somewhere else.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/stepped.hpp"
#include "fencepost/stepped/threads.hpp"
#include "fencepost/stepped/values.hpp"

namespace fencepost::stepped {

// Numbers the lines of a structure in the order in which it makes their first words, while this is there.
class LayingOut {
 public:
  LayingOut() { present_ = this; }
  LayingOut(const LayingOut&) = delete;
  LayingOut& operator=(const LayingOut&) = delete;
  ~LayingOut() { end(); }

  // Nothing more is made.
  void end() {
    if (present_ == this) present_ = nullptr;
  }

  // The place of a word that is made at this address.
  static Word made(const void* address, Value initial) {
    if (present_ == nullptr) throw std::logic_error("a word is made while nothing is laid out");
    return present_->add(reinterpret_cast<std::uintptr_t>(address), initial);
  }

  LineIndex line_of(const void* address) const {
    const std::uintptr_t line = reinterpret_cast<std::uintptr_t>(address) / cache_line_size;
    const auto found = std::ranges::find(lines_, line);
    if (found == lines_.end()) throw std::logic_error("a line is written back that no word is in");
    return static_cast<LineIndex>(found - lines_.begin());
  }

  // Of each line, how many words it has and what they hold at first.
  const std::vector<std::uint32_t>& word_counts() const { return word_counts_; }
  const std::vector<std::array<Value, words_per_line>>& initial() const { return initial_; }

 private:
  Word add(std::uintptr_t address, Value initial) {
    const std::uintptr_t line = address / cache_line_size;
    auto at = static_cast<std::size_t>(std::ranges::find(lines_, line) - lines_.begin());
    if (at == lines_.size()) {
      lines_.push_back(line);
      word_counts_.push_back(0);
      initial_.emplace_back();
    }
    const auto word = static_cast<std::uint32_t>(address % cache_line_size / sizeof(Value));
    word_counts_[at] = std::max(word_counts_[at], word + 1);
    initial_[at][word] = initial;
    return {static_cast<LineIndex>(at), word};
  }

  static inline thread_local LayingOut* present_ = nullptr;
  std::vector<std::uintptr_t> lines_;  // addresses, in units of lines
  std::vector<std::uint32_t> word_counts_;
  std::vector<std::array<Value, words_per_line>> initial_;
};

// A program around a structure.
class StructureThread : public FibreProgram {
 public:
  const Operation* begin() override {
    returned_.clear();
    looked_.clear();
    dropped_.clear();
    layout_.emplace();
    make();
    layout_->end();
    return FibreProgram::begin();
  }

  std::vector<Value> returned() const override { return returned_; }

  // Of the thread on whose fibre this is called.
  static StructureThread& running() { return static_cast<StructureThread&>(FibreProgram::running()); }

  Value access(Kind kind, Word word, Value value, Value second) override {
    Operation operation;
    operation.kind = kind;
    operation.word = word;
    operation.value = value;
    operation.second = second;
    const Value result = ask(operation).value;
    if (kind == Kind::load) look(word, result);
    if (kind == Kind::fetch_add) look(word, result + value);
    if (kind == Kind::compare_exchange) look(word, result == value ? second : result);
    return result;
  }

  void drop(const void* address) {
    const LineIndex line = layout_->line_of(address);
    access(Kind::flush, {line, 0}, 0, 0);
    dropped_.push_back(line);
  }

  // Waits until one of the words that were looked at since the last wait changes: nothing else can end the loop that
  // waits. A look is a load, or an atomic operation, which leaves its word as it knows. A word whose line was dropped
  // before it was looked at is looked at in that way again. After no look there is no wait.
  void wait() {
    if (looked_.empty()) {
      dropped_.clear();
      return;
    }
    for (Watched& each : looked_) each.invalidate = std::ranges::find(dropped_, each.word.line) != dropped_.end();
    Operation operation;
    operation.kind = Kind::poll;
    operation.watched = looked_;
    ask(operation);
    looked_.clear();
    dropped_.clear();
  }

  void give(Value value) { returned_.push_back(value); }
  void give(std::uint64_t value) { give(static_cast<Value>(value)); }

  const LayingOut& layout() const { return *layout_; }

 protected:
  // Makes this thread's copy of the structure. Not on the fibre: nothing is accessed.
  virtual void make() = 0;

 private:
  void look(Word word, Value value) {
    const auto found = std::ranges::find(looked_, word, &Watched::word);
    if (found == looked_.end()) {
      looked_.push_back({word, value, false});
    } else {
      found->seen = value;
    }
  }

  std::optional<LayingOut> layout_;
  std::vector<Value> returned_;
  std::vector<Watched> looked_;      // since the last wait
  std::vector<LineIndex> dropped_;  // since then
};

// Every memory order is that of the stepped machine, which has one for loads, stores and atomics.
struct SteppedStructures {
  template <std::integral T>
  class Word {
   public:
    explicit Word(T initial = T{}) : place_(LayingOut::made(this, static_cast<Value>(initial))) {}

   private:
    friend struct SteppedStructures;
    static_assert(sizeof(T) == sizeof(Value), "the words of the stepped memory have eight bytes");
    static_assert(sizeof(stepped::Word) == sizeof(T), "a place takes the room of the word, so that the layout stays");
    stepped::Word place_;
  };

  // Several words where the value has more than eight bytes: no wider access is atomic.
  template <class T>
  class Plain {
   public:
    explicit Plain(T = T{}) {
      for (stepped::Word& each : places_) each = LayingOut::made(&each, 0);
    }

   private:
    friend struct SteppedStructures;
    static constexpr std::size_t word_count = sizeof(T) / sizeof(Value);
    static_assert(sizeof(T) % sizeof(Value) == 0 && std::is_trivially_copyable_v<T>);
    std::array<stepped::Word, word_count> places_;
  };

  template <class T>
  static T load_relaxed(const Word<T>& word) {
    return static_cast<T>(access(Kind::load, word.place_));
  }
  template <class T>
  static T load_acquire(const Word<T>& word) {
    return load_relaxed(word);
  }
  template <class T>
  static void store_relaxed(Word<T>& word, std::type_identity_t<T> value) {
    access(Kind::store, word.place_, static_cast<Value>(value));
  }
  template <class T>
  static void store_release(Word<T>& word, std::type_identity_t<T> value) {
    store_relaxed(word, value);
  }
  template <class T>
  static T fetch_add_relaxed(Word<T>& word, std::type_identity_t<T> addend) {
    return static_cast<T>(access(Kind::fetch_add, word.place_, static_cast<Value>(addend)));
  }
  template <class T>
  static bool compare_exchange_relaxed(Word<T>& word, T& expected, std::type_identity_t<T> desired) {
    const auto found = static_cast<T>(
        access(Kind::compare_exchange, word.place_, static_cast<Value>(expected), static_cast<Value>(desired)));
    return found == std::exchange(expected, found);
  }

  template <class T>
  static T read(const Plain<T>& plain) {
    std::array<Value, Plain<T>::word_count> values;
    for (std::size_t at = 0; at < values.size(); ++at) values[at] = access(Kind::load, plain.places_[at]);
    return std::bit_cast<T>(values);
  }
  template <class T>
  static void write(Plain<T>& plain, const std::type_identity_t<T>& value) {
    const auto values = std::bit_cast<std::array<Value, Plain<T>::word_count>>(value);
    for (std::size_t at = 0; at < values.size(); ++at) access(Kind::store, plain.places_[at], values[at]);
  }

  static void write_back(const void* address) { StructureThread::running().drop(address); }
  static void invalidate(const void* address) { StructureThread::running().drop(address); }
  static void fence() { access(Kind::store_fence, {}); }
  static void full_fence() { access(Kind::full_fence, {}); }
  static void prefetch(const void*) {}  // may come or not: the machine's caches fetch by themselves
  static void pause() { StructureThread::running().wait(); }
  static void yield() { pause(); }

  // Which line a word lies in.
  template <class T>
  static LineIndex line_of(const Word<T>& word) {
    return word.place_.line;
  }

 private:
  static Value access(Kind kind, stepped::Word word, Value value = 0, Value second = 0) {
    return StructureThread::running().access(kind, word, value, second);
  }
};

}  // namespace fencepost::stepped
