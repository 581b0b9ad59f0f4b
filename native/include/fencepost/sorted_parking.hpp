// The batches of one ring that were read before their predecessors were ordered. Private to one scanner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/batch.hpp"

namespace fencepost {

struct ParkedBatch {
  Batch batch;
  std::size_t slot_index;
};

// Kept sorted by (client_id, batch_seq), so that one walk upwards releases a whole chain of successors.
// Parking moves the entries behind: linear in what is parked, cheap while few batches are.
class SortedParking {
 public:
  // Room for a ring's every slot, allocated here and never again.
  explicit SortedParking(std::size_t slot_count) { entries_.reserve(slot_count); }

  std::size_t count() const noexcept { return entries_.size(); }

  void park(const Batch& batch, std::size_t slot_index) {
    const auto place = std::upper_bound(entries_.begin(), entries_.end(), batch, batch_before_entry);
    entries_.insert(place, ParkedBatch{batch, slot_index});  // within the reserved room: no allocation
  }

  // Offers the client's entries in batch_seq order to `settles` and removes those for which it returns true. Stops at
  // the first it does not settle: those behind wait for that one.
  template <class Settles>
  void release_client(std::uint64_t client_id, Settles&& settles) {
    const auto first = std::lower_bound(entries_.begin(), entries_.end(), client_id, entry_before_client);
    auto last = first;
    while (last != entries_.end() && last->batch.client_id == client_id && settles(*last)) ++last;
    entries_.erase(first, last);
  }

  // Offers every entry, in batch_seq order within a client, and removes those that `settles`. `settles` may throw:
  // nothing is promised about the entries then.
  template <class Settles>
  void release_all(Settles&& settles) {
    auto kept = entries_.begin();
    for (auto& entry : entries_) {
      if (!settles(entry)) *kept++ = entry;
    }
    entries_.erase(kept, entries_.end());
  }

 private:
  static bool batch_before_entry(const Batch& batch, const ParkedBatch& entry) noexcept {
    if (batch.client_id != entry.batch.client_id) return batch.client_id < entry.batch.client_id;
    return batch.batch_seq < entry.batch.batch_seq;
  }

  static bool entry_before_client(const ParkedBatch& entry, std::uint64_t client_id) noexcept {
    return entry.batch.client_id < client_id;
  }

  std::vector<ParkedBatch> entries_;
};

}  // namespace fencepost
