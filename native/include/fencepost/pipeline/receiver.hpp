// The receiver: puts arriving batches into its broker's ring, one slot after the other, lap after lap.
#pragma once

#include <cstdint>
#include <span>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/mutants.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

struct Arriving {
  Batch batch;
  Value arrival_ns = 0;
};

// The guard of the batch with this index: never 0, and no two laps share one.
constexpr Value full_index(Value index) { return index + 1; }

// Payload first, written back and fenced, then the header with its guard last. A slot of an earlier lap is used again
// only when the subscriber has said that it is consumed; until then the receiver waits, and its clients with it.
//
// `is_one_of_many`: several fill the ring together. Each claims a slot, which settles the batch's place among those of the
// ring: that is when it arrives. model/programs/roles/connection.py.
template <class Memory, bool is_one_of_many = false>
class Receiver {
 public:
  // `first`: the index of the first batch that comes; those before it are in the ring already.
  Receiver(Memory& memory, const Layout& layout, std::uint32_t ring, Value first)
      : memory_(memory), layout_(layout), ring_(ring), first_(first), index_(first) {}
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  virtual ~Receiver() = default;

  // BLOCKS until all batches are in the ring, or the run is to end.
  void run(std::span<const Arriving> batches) {
    for (const Arriving& each : batches) {
      memory_.sleep_until(each.arrival_ns);
      if (!take(each.batch)) return;
    }
  }

  // BLOCKS until the run is to end: fills slot after slot with what clients send.
  void serve() {
    while (true) {
      const Result message = memory_.receive(layout_.to_ring(ring_));
      if (message.stopped() || !take(unpack_batch(message.value))) return;
    }
  }

 protected:
  // A batch without messages is turned away at the door.
  virtual bool accepts(const Batch& batch) const { return batch.count >= 1; }

  // BLOCKS until the batch that had this slot a lap before is consumed; false: the run is to end.
  virtual bool wait_for_space() {
    while (freed_count_ < index_ - static_cast<Value>(layout_.slots) + 1) {
      const Watched watched{{layout_.consumed(ring_), 0}, freed_count_, true};
      const Result found = memory_.poll({&watched, 1});
      if (found.stopped()) return false;
      freed_count_ = found.value;
    }
    return true;
  }

  virtual void write_slot(const Batch& batch) {
    write_payload(batch);
    memory_.store_fence();
    write_header(batch);
  }

  // Begins to write the payload back.
  void write_payload(const Batch& batch) {
    const LineIndex payload = layout_.payload(ring_, index_);
    memory_.store({payload, 0}, pack(Batch{batch.client, batch.seq, 0}));
    if constexpr (Memory::mutant != Mutant::payload_unflushed) memory_.flush(payload);
  }

  // Writes the header, its guard last, and makes it readable by other hosts.
  virtual void write_header(const Batch& batch) {
    const LineIndex header = this->header();
    if (layout_.has_fields) {
      memory_.store({header, client_word}, batch.client);
      memory_.store({header, seq_word}, batch.seq);
      memory_.store({header, count_word}, layout_.kept_count(batch.count));
    } else {
      memory_.store({header, batch_word}, pack(batch));
    }
    store_guard(batch);
    memory_.flush(header);
    memory_.store_fence();
  }

  // With the guard the batch has arrived.
  void store_guard(const Batch& batch) {
    memory_.store(layout_.header_guard(ring_, index_), full_index(index_),
                  is_one_of_many ? Memory::unlabelled() : arrive(batch));
  }

  LineIndex header() const { return layout_.header(ring_, index_); }
  bool is_first_of_lap() const { return layout_.slot(index_) == 0; }

  Memory& memory_;

 private:
  // False: the run is to end.
  bool take(const Batch& batch) {
    if (!accepts(batch)) return true;
    if constexpr (is_one_of_many) {
      const Value claimed_count = memory_.fetch_add({layout_.claimed(ring_), 0}, 1, arrive(batch));
      index_ = first_ + claimed_count;
    }
    if (!wait_for_space()) return false;
    memory_.witness(Memory::at(Action::overwrite, ring_, layout_.slot(index_), ring_, index_));
    write_slot(batch);
    ++index_;
    return true;
  }

  auto arrive(const Batch& batch) const {
    return Memory::at(Action::arrive, ring_, batch.client, batch.seq, batch.count);
  }

  const Layout& layout_;
  const std::uint32_t ring_;
  const Value first_;
  Value index_;
  Value freed_count_ = 0;  // slots, ever
};

}  // namespace fencepost::pipeline
