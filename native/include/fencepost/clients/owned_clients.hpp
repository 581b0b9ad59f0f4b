// The next-expected numbers of the clients that one worker owns: no atomics, as nobody else looks.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/clients/client_ids.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// Insert-only open addressing over 16-byte entries, never more than half full, so that four clients share a line and
// 1,024 of them 32 KiB. An entry's index is the client's number for as long as the table lives. A client is looked for at
// one entry, at the one beside it on the same line, and then pair by pair: of ids drawn at random, in a table that is
// half full, one in five is not at its first entry, and one in ten at neither.
class OwnedClients {
 public:
  static constexpr std::uint64_t no_client = UINT64_MAX;  // no legal id: ids are at most 2^63 - 1

  struct Entry {
    std::uint64_t client_id = no_client;
    std::uint64_t word = 0;  // the owner's: what it knows of the client
  };
  static_assert(sizeof(Entry) == 16);

  // Where a client's search begins. Holds copies of what never changes, for loops whose stores the compiler cannot tell
  // from the table's own fields.
  class Finder {
   public:
    std::size_t first_index(std::uint64_t client_id) const noexcept {
      // One multiplication and a shift, since this stands in front of every batch (Fibonacci hashing: Knuth, The Art of
      // Computer Programming 3, 6.4). Both halves of the factor are 2^32 over the golden ratio, so ids that differ in
      // their upper half only are spread as those that differ in the lower.
      return (client_id * 0x9e3779b99e3779b9U) >> shift_;
    }
    Entry& entry_at(std::size_t index) const noexcept { return entries_[index]; }

    // The client's index, or that of an entry without a client where it has none. The look beside the first entry takes
    // no branch: which of the two it is is chance, for ids that are.
    std::size_t index_of(std::uint64_t client_id) const noexcept {
      std::size_t index = first_index(client_id);
      index ^= static_cast<std::size_t>(entries_[index].client_id != client_id);
      if (entries_[index].client_id != client_id) [[unlikely]] return search(first_index(client_id), client_id);
      return index;
    }

   private:
    friend class OwnedClients;
    Finder(Entry* entries, int shift) noexcept : entries_(entries), shift_(shift) {}

    // From the pair of `index` on, which ends at an entry without a client: at most half of them have one.
    std::size_t search(std::size_t index, std::uint64_t client_id) const noexcept {
      const std::size_t mask = (std::size_t{1} << (64 - shift_)) - 1;
      for (;; index = (index + 2) & mask) {
        for (const std::size_t each : {index, index ^ 1}) {
          if (entries_[each].client_id == client_id || entries_[each].client_id == no_client) return each;
        }
      }
    }

    Entry* entries_;
    int shift_;
  };

  // Allocates 32 to 64 bytes per client here and nothing later.
  explicit OwnedClients(std::size_t client_capacity)
      : client_capacity_(checked("client_capacity", static_cast<std::int64_t>(client_capacity), 1,
                                 client_capacity_max)),
        entries_(std::bit_ceil(client_capacity_ * 2)),
        shift_(64 - std::countr_zero(entries_.size())) {}

  Finder finder() noexcept { return {entries_.data(), shift_}; }
  std::size_t entry_count() const noexcept { return entries_.size(); }
  std::size_t index_of(const Entry& entry) const noexcept { return static_cast<std::size_t>(&entry - entries_.data()); }

  template <class Visit>
  void for_each(Visit&& visit) {
    for (Entry& entry : entries_) visit(entry);
  }

  Entry& entry_at(std::size_t index) noexcept { return entries_[index]; }

  // The client's entry, made if it is new. Throws Refused when it is new and there are client_capacity others.
  Entry& entry_of(std::uint64_t client_id) {
    Entry& entry = entries_[finder().index_of(client_id)];
    if (entry.client_id == client_id) [[likely]] return entry;
    return add(entry, client_id);
  }

 private:
  Entry& add(Entry& entry, std::uint64_t client_id) {
    if (client_count_ == client_capacity_) refuse_client(client_id, client_capacity_);
    ++client_count_;
    entry.client_id = client_id;
    return entry;
  }

  std::size_t client_capacity_;
  std::size_t client_count_ = 0;
  std::vector<Entry> entries_;
  int shift_;
};

}  // namespace fencepost
