// The level-4 scanners: what is next is ordered, what is early is parked, what was ordered is dropped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/order4_claim.hpp"
#include "fencepost/sequencers/order4_mutex.hpp"
#include "fencepost/sequencers/order4_sharded_mutex.hpp"
#include "fencepost/pipeline/scanners/scanner.hpp"

namespace fencepost::pipeline {

// Reads slot after slot; sets aside what is early, and looks at it again when its client's word has changed. At most as
// many slots are parked as the ring has; every slot is kept, also a second one with the same seq: replacing it would
// lose track of a copy that must be dropped later.
template <class Memory, class SequencerOfAll>
class ScannerOrder4 : private Scanner<Memory> {
 public:
  using Sequencer = SequencerOfAll;
  static constexpr int level = 4;

  ScannerOrder4(Memory& memory, const Layout& layout, std::uint32_t ring, bool delegated,
                std::shared_ptr<Sequencer> sequencer)
      : Scanner<Memory>(memory, layout, ring, delegated),
        sequencer_(std::move(sequencer)),
        words_(layout.client_count) {
    parked_.reserve(layout.slots);
    watched_.reserve(1 + layout.client_count);
    watching_.reserve(layout.client_count);
  }

  using Scanner<Memory>::hand_over;
  using Scanner<Memory>::take_over;

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
      const Result found = this->memory_.poll(watched_, [this](std::size_t place) {
        return static_cast<Value>(sequencer_->word(static_cast<std::uint64_t>(watching_[place - 1])));
      });
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
    watching_.erase(std::unique(watching_.begin(), watching_.end()), watching_.end());
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
  AttemptOutcome settle(Slot slot) {
    const fencepost::Attempt made = this->memory_.attempt(*sequencer_, this->layout_, this->ring_, slot);
    const bool is_ordered = made.outcome == AttemptOutcome::ordered;
    // An attempt of another batch has seen a newer word, perhaps the very one that parked batches of this client wait
    // for: if that became the last value seen, they would wait for ever.
    if (slot.is_parked || earliest(slot.batch.client) == parked_.end()) {
      const auto met = is_ordered ? Sequencer::word_before(static_cast<std::uint64_t>(slot.batch.seq)) : made.start;
      words_[static_cast<std::size_t>(slot.batch.client)] = static_cast<Value>(met);
    }
    const Value start = is_ordered ? static_cast<Value>(made.start) : -1;
    if (is_ordered) {
      this->publish_in_turn(slot, start);
    } else if (made.outcome == AttemptOutcome::later) {
      slot.is_parked = true;
      parked_.push_back(slot);
    } else {
      this->discard(slot);
    }
    this->memory_.attempted(this->ring_, slot.index, made.outcome, start);
    return made.outcome;
  }

  // Attempts the client's parked slots that are due, until one is ordered: then its word has changed again. That change
  // is seen by the next poll, whose fence comes after the stores of this one.
  void release(Value client) {
    while (true) {
      const auto first = earliest(client);
      if (first == parked_.end() ||
          static_cast<std::uint64_t>(first->batch.seq) > Sequencer::next_seq_in(seen_word(client))) {
        return;
      }
      const Slot slot = *first;
      parked_.erase(first);
      if (settle(slot) != AttemptOutcome::duplicate) return;
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

  std::uint64_t seen_word(Value client) const {
    return static_cast<std::uint64_t>(words_[static_cast<std::size_t>(client)]);
  }

  const std::shared_ptr<Sequencer> sequencer_;  // all scanners'
  std::vector<Slot> parked_;                    // in the order in which they were set aside
  std::vector<Value> words_;                    // of each client, its next-expected word, as last seen
  std::vector<Watched> watched_;                // scratch of a poll
  std::vector<Value> watching_;                 // the clients of watched_[1..]
};

template <class Memory>
using ScannerOrder4Claim = ScannerOrder4<Memory, Order4Claim<typename Memory::Policy>>;
template <class Memory>
using ScannerOrder4Mutex = ScannerOrder4<Memory, Order4Mutex<typename Memory::Policy>>;
template <class Memory>
using ScannerOrder4ShardedMutex =
    ScannerOrder4<Memory, Order4ShardedMutex<typename Memory::Policy, Memory::shard_count>>;

}  // namespace fencepost::pipeline
