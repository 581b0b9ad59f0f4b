// Batches that were read before their predecessors were ordered. Private to one thread, bounded, constant time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

enum class ParkOutcome : std::int8_t {
  parked,
  copy,  // the same batch is parked already: this one is a duplicate
  full,  // parking_capacity batches are parked: the caller keeps it, and stops reading
};

// A hash table of chains over a pool. It holds a copy of each batch, so a ring's slot is free once its batch is parked.
//
// A batch's chain is at (client's place + batch_seq): a client's successive batches are in successive chains, so a
// whole run of them is released along one stretch of memory.
class Parking {
 public:
  struct Parked {
    std::uint64_t batch_seq;
    std::uint64_t origin;  // the caller's: where the batch came from
    std::uint32_t message_count;
    std::uint32_t client_index;
    std::uint32_t next;  // in the chain, or in the list of free ones
  };
  static_assert(sizeof(Parked) == 32, "two of them share a line");

  // Room for `parking_capacity` batches, of clients numbered below client_index_count. Allocates 33 to 34 bytes per
  // batch and 4 per client here, and nothing later. There are four batches to a chain when all the room is taken; with
  // more chains, those that a few parked batches wander over would not stay in the nearest cache.
  Parking(std::size_t parking_capacity, std::size_t client_index_count)
      : pool_(checked("parking_capacity", static_cast<std::int64_t>(parking_capacity), 0, parking_capacity_max)),
        chains_(std::bit_ceil(parking_capacity / 4 + 64), nothing),
        client_counts_(client_index_count) {
    link_free();
  }

  // Forgets every parked batch. Takes as long as construction.
  void clear() noexcept {
    std::fill(chains_.begin(), chains_.end(), nothing);
    std::fill(client_counts_.begin(), client_counts_.end(), 0U);
    parked_count_ = 0;
    link_free();
  }

  std::size_t parked_count() const noexcept { return parked_count_; }
  bool has_parked(std::size_t client_index) const noexcept { return client_counts_[client_index] != 0; }

  // Keeps a copy of the batch, unless it has one already or is full. Constant expected time, never blocks.
  ParkOutcome try_park(std::size_t client_index, const Batch& batch, std::uint64_t origin) noexcept {
    std::uint32_t& chain = chain_of(client_index, batch.batch_seq);
    for (std::uint32_t at = chain; at != nothing; at = pool_[at].next) {
      if (is_at(at, client_index, batch.batch_seq)) return ParkOutcome::copy;
    }
    if (free_ == nothing) return ParkOutcome::full;
    const std::uint32_t place = free_;
    free_ = pool_[place].next;
    pool_[place] = {batch.batch_seq, origin, static_cast<std::uint32_t>(batch.message_count),
                    static_cast<std::uint32_t>(client_index), chain};
    chain = place;
    ++client_counts_[client_index];
    ++parked_count_;
    return ParkOutcome::parked;
  }

  // Where a parked batch hangs; valid until something is parked or removed.
  using Place = std::uint32_t*;

  // The place of the batch of that number, or nullptr.
  Place find(std::size_t client_index, std::uint64_t batch_seq) noexcept {
    for (Place at = &chain_of(client_index, batch_seq); *at != nothing; at = &pool_[*at].next) {
      if (is_at(*at, client_index, batch_seq)) return at;
    }
    return nullptr;
  }

  const Parked& at(Place place) const noexcept { return pool_[*place]; }

  // Forgets a batch that find() returned.
  void remove(Place place) noexcept {
    const std::uint32_t freed = *place;
    Parked& parked = pool_[freed];
    --client_counts_[parked.client_index];
    --parked_count_;
    *place = parked.next;
    parked.next = free_;
    free_ = freed;
  }

 private:
  static constexpr std::uint32_t nothing = UINT32_MAX;
  static_assert(parking_capacity_max < nothing && client_capacity_max * 4 < nothing);

  void link_free() noexcept {
    free_ = nothing;
    for (std::size_t index = pool_.size(); index-- > 0;) {
      pool_[index].next = free_;
      free_ = static_cast<std::uint32_t>(index);
    }
  }

  std::uint32_t& chain_of(std::size_t client_index, std::uint64_t batch_seq) noexcept {
    const std::uint64_t place = (client_index * 0x9e3779b97f4a7c15U) >> 20;
    return chains_[(place + batch_seq) & (chains_.size() - 1)];
  }

  bool is_at(std::uint32_t at, std::size_t client_index, std::uint64_t batch_seq) const noexcept {
    return pool_[at].batch_seq == batch_seq && pool_[at].client_index == client_index;
  }

  std::vector<Parked> pool_;
  std::vector<std::uint32_t> chains_;
  std::vector<std::uint32_t> client_counts_;
  std::uint32_t free_ = nothing;
  std::size_t parked_count_ = 0;
};

}  // namespace fencepost
