// How far each client, or each ring, is acknowledged: ordered, and offered to subscribers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "fencepost/clients/client_table.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/structures/slot_id.hpp"

namespace fencepost {

// One thread advances the frontiers, from what it reads in the export chains; any thread reads them. A word per client
// (or ring): so many of its batches, from its first, are acknowledged. It counts nobody else's batches, so an ack never
// vouches for what another client sent.
//
// At level 4 the frontier is the client's; its batches stand in several chains. The record at the head of a chain is
// taken when it is its client's next, else it waits there. Nothing has to be remembered for that, and nothing waits for
// ever: of all batches that were ordered and are not acknowledged, take the one that was ordered first. The client's
// batches before it were ordered earlier, so they are acknowledged; what stands before it in its chain was ordered
// earlier by the same scanner, so it is gone. So that batch is at the head of its chain, and next.
//
// At level 5 a client's batches have no order, but a ring's have: the frontier is the ring's, and its one chain has the
// ring's batches in ring order.
//
// `Words` is the memory of the frontiers' own words.
template <class Words>
class AckFrontierIn {
 public:
  AckFrontierIn(std::size_t capacity, bool is_per_client) : table_(capacity), is_per_client_(is_per_client) {}

  // Takes what can be taken from the chains; returns how many records. Never blocks. One thread only. `Memory` is that
  // of the chains: the words are written back as it says.
  template <class Memory, class Reader>
  std::size_t advance(std::span<Reader> chains) {
    std::size_t taken_count = 0;
    for (Reader& chain : chains) {
      const std::size_t count = chain.readable_count(records_at_once);
      std::size_t taken = 0;
      while (taken < count && take<Memory>(chain.at(taken))) ++taken;
      chain.consume(taken);
      taken_count += taken;
    }
    if (taken_count > 0) Memory::fence();
    return taken_count;
  }

  // Counts as acknowledged what its client was told otherwise. Before the threads start.
  void catch_up(std::uint64_t key, std::uint64_t acked_count) {
    auto& word = table_.word_of(key);
    if (Words::load_relaxed(word) < acked_count) Words::store_relaxed(word, acked_count);
  }

  // How many batches of that client, or ring, are acknowledged. Any thread, also of another host: nothing is stored.
  template <class Memory>
  std::uint64_t acked_count(std::uint64_t key) const {
    const auto* const word = table_.template find<Memory>(key);
    if (word == nullptr) return 0;
    // Acquire: who sees a batch acknowledged has its export, and its order, behind it.
    return Memory::load_acquire(*word);
  }

 private:
  static constexpr std::size_t records_at_once = 64;  // of one chain, before the next chain's turn

  template <class Memory>
  bool take(const ExportRecord& record) {
    auto& word = table_.word_of(is_per_client_ ? record.client_id : SlotId::ring_index(record.origin));
    // Relaxed: the word has one writer, this thread.
    const std::uint64_t acked_count = Memory::load_relaxed(word);
    if (is_per_client_ && record.batch_seq != acked_count) return false;
    // Release: pairs with acked_count(). Between hosts: the record was read here after its guard, so it is in memory.
    Memory::store_release(word, acked_count + 1);
    Memory::write_back(&word);
    return true;
  }

  ClientTable<Words> table_;
  const bool is_per_client_;
};

using AckFrontier = AckFrontierIn<Coherent>;

}  // namespace fencepost
