// The level-4 scanners: what is next is ordered, what is early is parked, what was ordered is dropped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "fencepost/pipeline_scanner.hpp"

namespace fencepost::pipeline {

struct Attempt {
  Outcome outcome = Outcome::later;
  Value start = -1;
};

// A client's word is twice its next seq, plus one while a scanner works on it.
template <class Memory>
class Claim {
 public:
  static constexpr Value expected(Value word) { return word / 2; }

  // `seen` is set to the client's word as it was found.
  static Attempt attempt(Memory& memory, Scanner<Memory>& scanner, const Layout& layout, std::uint32_t ring,
                         const Slot& slot, Value& seen) {
    const Word word = layout.next_seq(slot.batch.client);
    const Value idle = 2 * slot.batch.seq;
    Value start = -1;
    if constexpr (Memory::mutant == Mutant::reserve_before_claim) {
      start = memory.fetch_add(layout.issued(), slot.batch.count, Memory::at(Action::reserve, ring));
    }
    do {
      seen = memory.load(word, Memory::computed(look, ring, slot.index, slot.batch.seq, slot.parked ? 1 : 0));
      if (seen != idle) return {expected(seen) > slot.batch.seq ? Outcome::duplicate : Outcome::later, -1};
    } while (memory.compare_exchange(word, idle, idle + 1, Memory::at_if(idle, Action::claim, ring, slot.index)) != idle);
    if constexpr (Memory::mutant != Mutant::reserve_before_claim) {
      start = memory.fetch_add(layout.issued(), slot.batch.count, Memory::at(Action::reserve, ring));
    }
    scanner.assign(slot, start);
    memory.store(word, idle + 2, Memory::at(Action::release, ring));
    scanner.publish_in_turn(slot, start);
    return {Outcome::ordered, start};
  }

 private:
  // A look at a client's word may show a duplicate, or that the batch is early.
  static Step look(const Step& given, Value word) {
    const Value ring = given.arguments[0], index = given.arguments[1], seq = given.arguments[2];
    if (word / 2 > seq) return step(Action::drop, ring, index);
    const bool is_early = word / 2 < seq || word % 2 == 1;
    return is_early && given.arguments[3] == 0 ? step(Action::park, ring) : Step{};
  }
};

// The word is the next seq; the lock is held from the test to the advance.
template <class Memory>
class Mutex {
 public:
  static constexpr Value expected(Value word) { return word; }

  static Attempt attempt(Memory& memory, Scanner<Memory>& scanner, const Layout& layout, std::uint32_t ring,
                         const Slot& slot, Value& seen) {
    const Word word = layout.next_seq(slot.batch.client), lock = layout.lock();
    memory.lock(lock, Memory::at(Action::lock, ring, slot.index));
    seen = memory.load(word);
    if (slot.batch.seq != seen) {
      const bool is_duplicate = slot.batch.seq < seen;
      memory.unlock(lock, Memory::at(is_duplicate ? Action::drop : Action::park, ring));
      return {is_duplicate ? Outcome::duplicate : Outcome::later, -1};
    }
    const Value start = memory.fetch_add(layout.issued(), slot.batch.count, Memory::at(Action::reserve, ring));
    scanner.assign(slot, start);
    memory.store(word, slot.batch.seq + 1, Memory::at(Action::advance, ring));
    memory.unlock(lock, Memory::at(Action::unlock, ring));
    scanner.publish_in_turn(slot, start);
    return {Outcome::ordered, start};
  }
};

// Reads slot after slot; sets aside what is early, and looks at it again when its client's word has changed. At most as
// many slots are parked as the ring has; every slot is kept, also a second one with the same seq: replacing it would
// lose track of a copy that must be dropped later.
template <class Memory, template <class> class Rule>
class ScannerOrder4 : private Scanner<Memory> {
 public:
  static constexpr int level = 4;

  ScannerOrder4(Memory& memory, const Layout& layout, std::uint32_t ring, bool delegated)
      : Scanner<Memory>(memory, layout, ring, delegated), words_(layout.client_count) {
    parked_.reserve(layout.slots);
    watched_.reserve(1 + layout.client_count);
    watching_.reserve(layout.client_count);
  }

  // BLOCKS until the run is to end. Looks at the ring's next slot and at the words of the parked clients in turn; acts
  // on what has changed. Allocates nothing.
  void run() {
    Value index = 0;
    while (true) {
      const std::optional<Watched> gate = this->gate(index);
      if (!gate) {
        if (!take(index++)) return;
        continue;
      }
      watch(*gate);
      const Result found = this->memory_.poll(watched_);
      if (found.stopped()) return;
      if (found.index == 0) {
        if (this->passes(index, found.value) && !take(index++)) return;
      } else {
        const Value client = watching_[found.index - 1];
        words_[static_cast<std::size_t>(client)] = found.value;
        release(client);
      }
    }
  }

 private:
  void watch(const Watched& gate) {
    watching_.clear();
    for (const Slot& each : parked_) watching_.push_back(each.batch.client);
    std::ranges::sort(watching_);
    watching_.erase(std::ranges::unique(watching_).begin(), watching_.end());
    watched_.assign(1, gate);
    for (const Value client : watching_) {
      watched_.push_back({this->layout_.next_seq(client), words_[static_cast<std::size_t>(client)], false});
    }
  }

  // Reads a slot and deals with it; false: the run is to end.
  bool take(Value index) {
    const std::optional<Slot> slot = this->read(index);
    if (slot) settle(*slot);
    return slot.has_value();
  }

  // Attempts one slot; parks it if it is early.
  Outcome settle(Slot slot) {
    Value& word = words_[static_cast<std::size_t>(slot.batch.client)];
    const Value before = word;
    const Attempt done = Rule<Memory>::attempt(this->memory_, *this, this->layout_, this->ring_, slot, word);
    // An attempt of another batch has seen a newer word, perhaps the very one that parked batches of this client wait
    // for: if that became the last value seen, they would wait for ever.
    if (!slot.parked && earliest(slot.batch.client) != parked_.end()) word = before;
    if (done.outcome == Outcome::later) {
      slot.parked = true;
      parked_.push_back(slot);
    } else if (done.outcome == Outcome::duplicate) {
      this->discard(slot);
    }
    this->memory_.attempted(this->ring_, slot.index, done.outcome, done.start);
    return done.outcome;
  }

  // Attempts the client's parked slots that are due, until one is ordered: then its word has changed again. That change
  // is seen by the next poll, whose fence comes after the stores of this one.
  void release(Value client) {
    while (true) {
      const auto first = earliest(client);
      if (first == parked_.end() ||
          first->batch.seq > Rule<Memory>::expected(words_[static_cast<std::size_t>(client)])) {
        return;
      }
      const Slot slot = *first;
      parked_.erase(first);
      if (settle(slot) != Outcome::duplicate) return;
    }
  }

  // The parked slot of the client with the lowest seq; of copies, the one that was parked first.
  typename std::vector<Slot>::iterator earliest(Value client) {
    auto best = parked_.end();
    for (auto each = parked_.begin(); each != parked_.end(); ++each) {
      if (each->batch.client == client && (best == parked_.end() || each->batch.seq < best->batch.seq)) best = each;
    }
    return best;
  }

  std::vector<Slot> parked_;      // in the order in which they were set aside
  std::vector<Value> words_;      // of each client, its next-expected word, as last seen
  std::vector<Watched> watched_;  // scratch of a poll
  std::vector<Value> watching_;   // the clients of watched_[1..]
};

template <class Memory>
using ScannerOrder4Claim = ScannerOrder4<Memory, Claim>;
template <class Memory>
using ScannerOrder4Mutex = ScannerOrder4<Memory, Mutex>;

}  // namespace fencepost::pipeline
