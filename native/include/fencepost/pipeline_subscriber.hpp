// The subscriber: follows a ring's export chain and reads what it is offered, batch by batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/pipeline_layout.hpp"
#include "fencepost/pipeline_words.hpp"

namespace fencepost::pipeline {

// Reads one ring's chain from another host, and tells the receiver which slots are consumed.
template <class Memory>
class Subscriber {
 public:
  Subscriber(Memory& memory, const Layout& layout, std::uint32_t ring)
      : memory_(memory), layout_(layout), ring_(ring), consumed_(layout.slots) {}

  // BLOCKS until the run is to end: follows the chain, entry after entry. Allocates nothing.
  void run() {
    for (Value number = 0; wait(number); ++number) {
      const ChainEntry entry = unpack_entry(memory_.load({layout_.chain(ring_, number), entry_word}));
      if (entry.kind == deliver_entry) deliver(entry);
      consume(entry.index);
    }
  }

 private:
  // Waits for the entry with this number; the guard last seen in its place is that of the lap before.
  bool wait(Value number) {
    const Value lap_before = number + 1 - static_cast<Value>(layout_.slots);
    Value seen = lap_before > 0 ? lap_before : 0;
    while (seen != number + 1) {
      const Watched watched{{layout_.chain(ring_, number), guard_word}, seen, true};
      const Result found = memory_.poll({&watched, 1});
      if (found.stopped()) return false;
      seen = found.value;
    }
    return true;
  }

  // Reads the payload of an ordered batch and hands it on. An older copy is dropped first: this slot's last lap may
  // still be in the cache.
  void deliver(const ChainEntry& entry) {
    const LineIndex payload = layout_.payload(ring_, entry.index);
    memory_.flush(payload);
    memory_.full_fence();
    const Value content = memory_.load({payload, 0}, Memory::computed(found, ring_, entry.index, entry.start));
    memory_.delivered(ring_, entry, content);
  }

  // Whose payload was found, and under which range.
  static Step found(const Step& given, Value content) {
    const Batch batch = content == 0 ? Batch{-1, -1, 0} : unpack_batch(content);
    return step(Action::deliver, given.arguments[0], given.arguments[1], given.arguments[2], batch.client, batch.seq);
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
  std::vector<std::uint8_t> consumed_;  // of each slot, whether it is consumed before an earlier one
  Value consumed_count_ = 0;            // slots from the first on
};

}  // namespace fencepost::pipeline
