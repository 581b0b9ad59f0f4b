// The committer: copies ordered batches into the log, in position order, and says how far the log may be read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/subscriber.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// Follows the export chains of all rings, from a host of its own, in the place of a subscriber for each ring.
//
// Ranges are not exported in the order in which they were reserved: what comes early waits here, in its slot, until the
// log is filled up to it. A slot is consumed when its batch is in the log, or when every worker passed it over.
template <class Memory>
class Committer {
 public:
  Committer(Memory& memory, const Layout& layout) : memory_(memory), layout_(layout) {
    for (std::uint32_t ring = 0; ring < layout.ring_count; ++ring) rings_.emplace_back(memory, layout, ring);
    chains_.resize(std::size_t{layout.ring_count} * layout.worker_count);
    watched_.reserve(chains_.size());
    early_.reserve(std::size_t{layout.ring_count} * layout.slots);
  }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;
  virtual ~Committer() = default;

  // BLOCKS until the run is to end: takes entry after entry of any chain, and commits what is next. Allocates nothing.
  void run() {
    while (true) {
      watched_.clear();
      for (std::uint32_t chain = 0; chain < chains_.size(); ++chain) {
        watched_.push_back({{layout_.chain(chain, chains_[chain].number), guard_word}, chains_[chain].seen, true});
      }
      const Result found = memory_.poll(watched_);
      if (found.stopped()) return;
      Chain& chain = chains_[found.index];
      chain.seen = found.value;
      if (chain.seen != chain.number + 1) continue;
      take(found.index);
      commit();
    }
  }

 protected:
  // A batch whose entry was read, and whose messages are not in the log yet.
  struct Early {
    Value start = 0;
    std::uint32_t ring = 0;
    Value index = 0;
  };

  // Copies the batches that are next in position order; lets the log be read up to their ends.
  virtual void commit() {
    while (true) {
      const auto next = std::ranges::find(early_, committed_below_, &Early::start);
      if (next == early_.end()) return;
      const Early batch = *next;
      early_.erase(next);
      copy(batch);
      rings_[batch.ring].pass_by(batch.index);
    }
  }

  // Which message of a batch goes to its position number `place`.
  virtual Value number_at(Value place, Value /*count*/) const { return place; }

  // Lets what was written to the log reach memory before the frontier that vouches for it.
  virtual void finish_copy() { memory_.store_fence(); }

  // Copies one batch to its positions, message after message; then moves the frontier past it. Copies of the lap before
  // may still be in the cache.
  void copy(const Early& batch) {
    const LineIndex header = layout_.header(batch.ring, batch.index);
    const LineIndex payload = layout_.payload(batch.ring, batch.index);
    memory_.flush(header);
    memory_.flush(payload);
    memory_.full_fence();
    const Value packed = memory_.load({header, batch_word});
    const Value content =
        memory_.load({payload, 0}, Memory::computed(Subscriber<Memory>::found, batch.ring, batch.index, batch.start));
    memory_.delivered(batch.ring, {batch.index, batch.start, deliver_entry}, content);
    const Value count = packed == 0 ? 1 : unpack_batch(packed).count;
    const Batch of = content == 0 ? Batch{-1, -1, 0} : unpack_batch(content);
    for (Value place = 0; place < count; ++place) {
      const Word entry = layout_.log(batch.start + place);
      memory_.store(entry, pack(Message{of.client, of.seq, number_at(place, count)}));
      memory_.flush(entry.line);
    }
    finish_copy();
    move(batch.start + count);
  }

  Memory& memory_;
  std::vector<Early> early_;                // never more than there are slots
  std::deque<Subscriber<Memory>> rings_;    // which know when a slot is consumed

 private:
  // A chain as far as it was read: the number of the entry to come, and the guard last seen in its place.
  struct Chain {
    Value number = 0;
    Value seen = 0;
  };

  // Reads the next entry of a chain: a batch with its range, or a slot without one.
  void take(std::uint32_t number) {
    Chain& chain = chains_[number];
    const ChainEntry entry = unpack_entry(memory_.load({layout_.chain(number, chain.number), entry_word}));
    ++chain.number;
    chain.seen = std::max<Value>(chain.number + 1 - static_cast<Value>(layout_.slots), 0);
    const std::uint32_t ring = number / layout_.worker_count;
    if (entry.kind == deliver_entry) {
      early_.push_back({entry.start, ring, entry.index});
    } else {
      rings_[ring].pass_by(entry.index);
    }
  }

  // Lets readers see all positions below one.
  void move(Value below) {
    committed_below_ = below;
    memory_.store(layout_.committed(), below, Memory::at(Action::commit, below));
    memory_.flush(layout_.committed().line);
    memory_.store_fence();
  }

  const Layout& layout_;
  std::vector<Chain> chains_;
  std::vector<Watched> watched_;  // scratch of a poll
  Value committed_below_ = 0;     // positions that may be read
};

}  // namespace fencepost::pipeline
