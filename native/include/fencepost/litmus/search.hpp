// Breadth-first search over the states of a litmus program: packed states in one arena, an open-addressing set of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "fencepost/litmus/steps.hpp"

namespace fencepost::litmus {

enum class Answer : std::uint8_t { forbidden, allowed, unknown };

struct Budget {
  std::size_t states = 0;
  double seconds = 0;
};

struct Result {
  Answer answer = Answer::forbidden;
  std::size_t states = 0;
  double seconds = 0;
  std::vector<Label> schedule;                     // main steps of a run into the condition
  std::vector<std::vector<std::int64_t>> outcomes;  // without a condition: registers, then memory where it matters
  std::string reason;                              // of unknown
};

// Every state found, in the order found, each once. A record is its length and its ids, padded to eight bytes; records
// follow each other, so the queue of the search is the store itself.
class StateStore {
 public:
  using Offset = std::uint32_t;  // of a record, in units of eight bytes

  StateStore() : slots_(1U << 14U) {}

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return words_.size() * sizeof(Id) + slots_.size() * sizeof(Slot); }

  // Reads the record at `at` and moves `at` to the next one.
  void read_next(Offset& at, State& into) const {
    const Id* const record = words_.data() + std::size_t{at} * unit;
    into.assign(record + 1, record + 1 + record[0]);
    at += record_units(record[0]);
  }

  // Three calls, one after the other for a batch of states, so that the waits for memory overlap.
  void expect_slot(std::uint32_t hash) const { prefetch(&slots_[hash & (slots_.size() - 1)]); }
  void expect_record(std::uint32_t hash) const {
    const Slot& slot = slots_[hash & (slots_.size() - 1)];
    if (slot.hash == hash) prefetch(words_.data() + std::size_t{slot.offset} * unit);
  }
  bool try_insert(std::uint32_t hash, const Id* state, std::size_t length) {
    check_length(length);
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].hash != 0) {
      if (slots_[at].hash == hash && equal(slots_[at].offset, state, length)) return false;
      at = (at + 1) & (slots_.size() - 1);
    }
    if (words_.size() / unit > UINT32_MAX - record_units(UINT16_MAX)) throw OutOfIds();
    slots_[at] = {hash, static_cast<Offset>(words_.size() / unit)};
    words_.push_back(static_cast<Id>(length));
    words_.insert(words_.end(), state, state + length);
    words_.resize((words_.size() + unit - 1) / unit * unit);
    if (2 * ++size_ > slots_.size()) grow();
    return true;
  }

  // A record says its length in one id.
  static void check_length(std::size_t length) {
    if (length > UINT16_MAX) throw OutOfIds("a state of more than 65535 cells, words and registers");
  }

  // Never 0, which marks a free slot.
  static std::uint32_t hash_of(const Id* state, std::size_t length) {
    std::uint64_t hash = 0x9E3779B97F4A7C15ULL ^ length;
    const std::size_t bytes = length * sizeof(Id);
    const auto* const data = reinterpret_cast<const unsigned char*>(state);
    for (std::size_t at = 0; at < bytes; at += 8) {
      std::uint64_t part = 0;
      std::memcpy(&part, data + at, std::min<std::size_t>(8, bytes - at));
      hash = (hash ^ part) * 0xD6E8FEB86659FD93ULL;
      hash ^= hash >> 29U;
    }
    return static_cast<std::uint32_t>(hash * 0x9E3779B97F4A7C15ULL >> 32U) | 0x80000000U;
  }

 private:
  static constexpr std::size_t unit = 4;  // ids in eight bytes

  struct Slot {
    std::uint32_t hash = 0;  // all of it: growing needs no state
    Offset offset = 0;
  };

  static void prefetch(const void* address) { __builtin_prefetch(address); }
  static Offset record_units(std::size_t length) { return static_cast<Offset>((length + unit) / unit); }

  bool equal(Offset offset, const Id* state, std::size_t length) const {
    const Id* const record = words_.data() + std::size_t{offset} * unit;
    return record[0] == length && std::memcmp(record + 1, state, length * sizeof(Id)) == 0;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 4);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.hash == 0) continue;
      std::size_t at = slot.hash & (slots_.size() - 1);
      while (slots_[at].hash != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::vector<Id> words_;
  std::size_t size_ = 0;
};

class Search {
 public:
  Search(const Program& program, Budget budget, void (*interrupted)())
      : program_(program), budget_(budget), interrupted_(interrupted), machine_(program), steps_(machine_) {}

  Result run() {
    Result result;
    try {
      find(result);
    } catch (const OutOfIds& error) {
      result.reason = error.what();
    } catch (const Spent& error) {
      result.reason = std::string(error.what()) + " on " + std::to_string(store_.size()) + " states";
    }
    if (!result.reason.empty()) result.answer = Answer::unknown;
    result.states = std::min(store_.size(), budget_.states);
    result.seconds = seconds_since(began_);
    return result;
  }

 private:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t clock_interval = 1U << 18U;  // ids written between two looks at the clock
  static constexpr std::size_t memory_budget = std::size_t{1} << 31U;  // bytes of states

  class Spent : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
  };

  static double seconds_since(Time began) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }

  // A state that was reached and not yet looked up.
  struct Candidate {
    std::size_t begin = 0;
    std::size_t length = 0;
    std::uint32_t hash = 0;
    Label label;
  };

  void find(Result& result) {
    State state = machine_.initial();
    StateStore::check_length(state.size());
    steps_.hasten(state);
    add(StateStore::hash_of(state.data(), state.size()), state, {}, 0);
    if (steps_.hopeless(state)) return;
    bool stopped = steps_.reached(state);
    StateStore::Offset at = 0;
    for (std::size_t index = 0; !stopped && index < store_.size() && result.reason.empty(); ++index) {
      store_.read_next(at, state);
      if ((program_.condition.empty() || !program_.options.reduced) && steps_.final(state)) {
        if (program_.condition.empty()) note(state);
        if (!program_.options.crashes || !program_.options.memory_matters) continue;  // a crash may still come
      }
      gather(state);
      stopped = take(result, static_cast<std::uint32_t>(index));
    }
    result.answer = stopped ? Answer::allowed : Answer::forbidden;
    if (stopped) trace(result);
    result.outcomes.assign(outcomes_.begin(), outcomes_.end());
  }

  void gather(const State& state) {
    candidates_.clear();
    gathered_.clear();
    steps_.each_step(state, [&](Label label, State& after) {
      work_ += after.size();
      if (work_ > clock_interval) look_at_clock();
      steps_.hasten(after);
      if (steps_.hopeless(after)) return;
      const std::uint32_t hash = StateStore::hash_of(after.data(), after.size());
      store_.expect_slot(hash);
      candidates_.push_back({gathered_.size(), after.size(), hash, label});
      gathered_.insert(gathered_.end(), after.begin(), after.end());
    });
  }

  // Adds what was gathered; says whether one of the new states ends the search.
  bool take(Result& result, std::uint32_t parent) {
    for (const Candidate& each : candidates_) store_.expect_record(each.hash);
    for (const Candidate& each : candidates_) {
      const Id* const begin = gathered_.data() + each.begin;
      if (!store_.try_insert(each.hash, begin, each.length)) continue;
      labels_.push_back(each.label);
      parents_.push_back(parent);
      if (store_.size() > budget_.states) {
        result.reason = "the budget of " + std::to_string(budget_.states) + " states was spent";
        return false;
      }
      if (program_.condition.empty()) continue;
      taken_.assign(begin, begin + each.length);
      if (steps_.reached(taken_)) return true;
    }
    return false;
  }

  void add(std::uint32_t hash, const State& state, Label label, std::uint32_t parent) {
    store_.try_insert(hash, state.data(), state.size());
    labels_.push_back(label);
    parents_.push_back(parent);
  }

  void look_at_clock() {
    work_ = 0;
    interrupted_();
    if (seconds_since(began_) > budget_.seconds) throw Spent("the time was spent");
    if (store_.bytes() > memory_budget) throw Spent("2 GiB were spent");
  }

  void note(const State& state) {
    std::vector<std::int64_t> row;
    for (std::size_t thread = 0; thread < machine_.thread_count(); ++thread) {
      for (std::size_t each = 0; each < program_.threads[thread].register_count; ++each) {
        row.push_back(machine_.values().number(machine_.reg(state, thread, each)));
      }
    }
    for (std::size_t line = 0; program_.options.memory_matters && line < machine_.line_count(); ++line) {
      for (const Id word : machine_.values().content_words(machine_.memory(state, line))) {
        row.push_back(machine_.values().number(word));
      }
    }
    outcomes_.insert(std::move(row));
  }

  void trace(Result& result) const {
    for (std::size_t index = store_.size() - 1; index != 0; index = parents_[index]) {
      result.schedule.insert(result.schedule.begin(), labels_[index]);
    }
  }

  const Program& program_;
  Budget budget_;
  void (*interrupted_)();
  Machine machine_;
  Steps steps_;
  const Time began_ = std::chrono::steady_clock::now();
  std::size_t work_ = 0;  // ids written since the last look at the clock
  StateStore store_;
  std::vector<Candidate> candidates_;
  std::vector<Id> gathered_;
  State taken_;
  std::vector<Label> labels_;
  std::vector<std::uint32_t> parents_;
  std::set<std::vector<std::int64_t>> outcomes_;
};

}  // namespace fencepost::litmus
