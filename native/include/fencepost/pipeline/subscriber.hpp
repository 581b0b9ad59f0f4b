// The subscriber: follows a ring's export chain and reads what it is offered, batch by batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// Reads the chains that workers have for one ring (mostly one has one) from another host, and tells the receiver which
// slots are consumed: those that all of them have passed.
template <class Memory>
class Subscriber {
 public:
  Subscriber(Memory& memory, const Layout& layout, std::uint32_t ring)
      : memory_(memory), layout_(layout), ring_(ring), passed_(layout.slots), consumed_(layout.slots) {
    for (std::uint32_t worker = 0; worker < layout.worker_count; ++worker) {
      chains_.push_back({layout.chain_of(ring, worker)});
    }
    watched_.reserve(chains_.size());
  }

  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  virtual ~Subscriber() = default;

  // BLOCKS until the run is to end: follows the chains, entry after entry. Allocates nothing.
  void run() {
    while (true) {
      watched_.clear();
      for (const Chain& each : chains_) {
        watched_.push_back({{layout_.chain(each.chain, each.number), guard_word}, each.seen, true});
      }
      const Result found = memory_.poll(watched_);
      if (found.stopped()) return;
      Chain& chain = chains_[found.index];
      chain.seen = found.value;
      if (chain.seen == chain.number + 1) take(chain);
    }
  }

  // Notes that one chain is past a slot; when all are, the slot may be used again.
  void pass_by(Value index) {
    std::uint32_t& passed = passed_[layout_.slot(index)];
    if (++passed < chains_.size()) return;
    passed = 0;
    consume(index);
  }

  // Whose payload was found, and under which range.
  static Step found(const Step& given, Value content) {
    const Batch batch = content == 0 ? Batch{-1, -1, 0} : unpack_batch(content);
    return step(Action::deliver, given.arguments[0], given.arguments[1], given.arguments[2], batch.client, batch.seq);
  }

 protected:
  // Drops an older copy: this slot's last lap may still be in the cache.
  virtual void invalidate(LineIndex payload) {
    memory_.flush(payload);
    memory_.full_fence();
  }

 private:
  // A chain as far as it was read: the number of the entry to come, and the guard last seen in its place. At first that
  // is the guard of the lap before.
  struct Chain {
    std::uint32_t chain;
    Value number = 0;
    Value seen = 0;
  };

  void take(Chain& chain) {
    const ChainEntry entry = unpack_entry(memory_.load({layout_.chain(chain.chain, chain.number), entry_word}));
    ++chain.number;
    chain.seen = std::max<Value>(chain.number + 1 - static_cast<Value>(layout_.slots), 0);
    if (entry.kind == deliver_entry) deliver(entry);
    pass_by(entry.index);
  }

  // Reads the payload of an ordered batch and hands it on. An older copy is dropped first: this slot's last lap may
  // still be in the cache.
  void deliver(const ChainEntry& entry) {
    const LineIndex payload = layout_.payload(ring_, entry.index);
    invalidate(payload);
    const Value content = memory_.load({payload, 0}, Memory::computed(found, ring_, entry.index, entry.start));
    memory_.delivered(ring_, entry, content);
  }

  // Tells the receiver how many slots, from the first on, may be used again.
  void consume(Value index) {
    if (index >= consumed_count_) consumed_[layout_.slot(index)] = 1;
    while (consumed_[layout_.slot(consumed_count_)] != 0) {
      consumed_[layout_.slot(consumed_count_)] = 0;
      ++consumed_count_;
    }
    memory_.store({layout_.consumed(ring_), 0}, consumed_count_,
                  Memory::at(Action::consumed, ring_, consumed_count_));
    memory_.flush(layout_.consumed(ring_));
    memory_.store_fence();
  }

  Memory& memory_;
  const Layout& layout_;
  const std::uint32_t ring_;
  std::vector<Chain> chains_;
  std::vector<Watched> watched_;        // scratch of a poll
  std::vector<std::uint32_t> passed_;   // of each slot, how many chains have passed it
  std::vector<std::uint8_t> consumed_;  // of each slot, whether it is consumed before an earlier one
  Value consumed_count_ = 0;            // slots from the first on
};

}  // namespace fencepost::pipeline
