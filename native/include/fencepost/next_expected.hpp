// What the one owner of a set of clients does with a batch: order it, park it, or drop it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fencepost/batch.hpp"
#include "fencepost/configuration.hpp"
#include "fencepost/mutant.hpp"
#include "fencepost/owned_clients.hpp"
#include "fencepost/parking.hpp"

namespace fencepost {

enum class Taken : std::int8_t {
  ordered,    // it was its client's next
  later,      // its predecessor is not ordered, and it was not to be parked: nothing happened
  duplicate,  // it was ordered before, or a copy of it is parked
  parked,     // its predecessor is not ordered; it will be ordered when that is
  full,       // it should be parked and there is no room: nothing happened; take nothing more from where it came
};

// Private to one thread. Next-expected is exact: word >> 1 of a client's entry is the number of its batches that were
// ordered, and everything parked has a higher number.
class NextExpected {
 public:
  explicit NextExpected(const Configuration& configuration)
      : clients_(configuration.client_capacity), parking_(configuration.parking_capacity, clients_.entry_count()) {}

  std::uint64_t next_seq(std::uint64_t client_id) { return clients_.entry_of(client_id).word >> 1; }

  // Forgets what is parked, as when a reader is stopped and another takes its place; what was ordered stays ordered.
  void forget_parked() noexcept {
    parking_.clear();
    clients_.for_each([](OwnedClients::Entry& entry) { entry.word &= ~has_parked; });
  }

  std::size_t parked_count() const noexcept { return parking_.parked_count(); }

  // Calls `order(batch, origin, was_parked)` for the batch if it is next, then for each parked one that follows it;
  // `drop(batch, origin)` if it is a duplicate. What `order` throws leaves, with that batch not counted as ordered.
  template <bool parks, class Order, class Drop>
  Taken take(const Batch& batch, std::uint64_t origin, Order&& order, Drop&& drop) {
    return take_at<parks>(clients_.entry_of(batch.client_id), batch, origin, order, drop);
  }

  // Takes the batches `batch_at(0)` to `batch_at(count - 1)`, which came from `origin_of(index)`, until one is `full`;
  // returns how many were taken. The table's shape is kept in registers meanwhile.
  template <class BatchAt, class OriginOf, class Order, class Drop>
  std::size_t take_run(std::size_t count, BatchAt&& batch_at, OriginOf&& origin_of, Order&& order, Drop&& drop) {
    const OwnedClients::Finder find = clients_.finder();
    for (std::size_t index = 0; index < count; ++index) {
      const Batch batch = batch_at(index);
      OwnedClients::Entry* entry = &find.first_entry(batch.client_id);
      if (entry->client_id != batch.client_id) [[unlikely]] entry = &clients_.entry_of(batch.client_id);
      if (take_at<true>(*entry, batch, origin_of(index), order, drop) == Taken::full) [[unlikely]] return index;
    }
    return count;
  }

 private:
  static constexpr std::uint64_t has_parked = 1;
  static constexpr std::uint64_t one_batch = 2;

  // Few branches that depend on what arrived: whether the batch is next, and if so whether its client has any parked.
  template <bool parks, class Order, class Drop>
  Taken take_at(OwnedClients::Entry& entry, const Batch& batch, std::uint64_t origin, Order& order, Drop& drop) {
    const std::uint64_t word = entry.word;
    if (word >> 1 == batch.batch_seq) [[likely]] {
      order(batch, origin, false);
      entry.word = word + one_batch;
      if ((word & has_parked) != 0) release(entry, order);
      return Taken::ordered;
    }
    if (batch.batch_seq < word >> 1 && !mutated(Mutation::duplicate_not_dropped)) [[unlikely]] {
      drop(batch, origin);
      return Taken::duplicate;
    }
    if constexpr (!parks) return Taken::later;
    return park(entry, batch, origin, drop);
  }

  template <class Drop>
  Taken park(OwnedClients::Entry& entry, const Batch& batch, std::uint64_t origin, Drop& drop) {
    switch (parking_.try_park(clients_.index_of(entry), batch, origin)) {
      case ParkOutcome::parked:
        entry.word |= has_parked;
        return Taken::parked;
      case ParkOutcome::copy:
        drop(batch, origin);
        return Taken::duplicate;
      case ParkOutcome::full:
        break;
    }
    return mutated(Mutation::full_taken_for_parked) ? Taken::parked : Taken::full;
  }

  // Orders what was parked behind the batch that was just ordered.
  template <class Order>
  void release(OwnedClients::Entry& entry, Order& order) {
    const std::size_t index = clients_.index_of(entry);
    std::uint64_t next_seq = entry.word >> 1;
    do {
      const Parking::Place place = parking_.find(index, next_seq);
      if (place == nullptr) return;
      const Parking::Parked& parked = parking_.at(place);
      order(Batch{entry.client_id, next_seq, parked.message_count}, parked.origin, true);
      parking_.remove(place);
      entry.word = ++next_seq << 1 | has_parked;
    } while (parking_.has_parked(index) && !mutated(Mutation::one_release_only));
    entry.word &= ~has_parked;
  }

  OwnedClients clients_;
  Parking parking_;
};

}  // namespace fencepost
