// What the one owner of a set of clients does with a batch: order it, park it, or drop it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fencepost/batch.hpp"
#include "fencepost/configuration.hpp"
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

  std::size_t parked_count() const noexcept { return parking_.parked_count(); }

  // Calls `order(batch, origin, was_parked)` for the batch if it is next, then for each parked one that follows it;
  // `drop(batch, origin)` if it is a duplicate. What `order` throws leaves, with that batch not counted as ordered.
  template <bool parks, class Order, class Drop>
  Taken take(const Batch& batch, std::uint64_t origin, Order&& order, Drop&& drop) {
    OwnedClients::Entry& entry = clients_.entry_of(batch.client_id);
    if (entry.word == batch.batch_seq << 1) [[likely]] {
      order(batch, origin, false);
      entry.word += one_batch;
      return Taken::ordered;
    }
    return take_out_of_turn<parks>(entry, batch, origin, order, drop);
  }

 private:
  static constexpr std::uint64_t has_parked = 1;
  static constexpr std::uint64_t one_batch = 2;

  template <bool parks, class Order, class Drop>
  Taken take_out_of_turn(OwnedClients::Entry& entry, const Batch& batch, std::uint64_t origin, Order& order,
                         Drop& drop) {
    const std::uint64_t next_seq = entry.word >> 1;
    if (batch.batch_seq > next_seq) {
      if constexpr (!parks) return Taken::later;
      return park(entry, batch, origin, drop);
    }
    if (batch.batch_seq < next_seq) {
      drop(batch, origin);
      return Taken::duplicate;
    }
    order(batch, origin, false);
    entry.word += one_batch;
    release(entry, order);
    return Taken::ordered;
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
    return Taken::full;
  }

  // Orders what was parked behind the batch that was just ordered.
  template <class Order>
  void release(OwnedClients::Entry& entry, Order& order) {
    const std::size_t index = clients_.index_of(entry);
    while (const Parking::Parked* parked = parking_.find(index, entry.word >> 1)) {
      const Batch batch{entry.client_id, parked->batch_seq, parked->message_count};
      const std::uint64_t origin = parked->origin;
      order(batch, origin, true);
      parking_.remove(*parked);
      entry.word += one_batch;
    }
    if (!parking_.has_parked(index)) entry.word &= ~has_parked;
  }

  OwnedClients clients_;
  Parking parking_;
};

}  // namespace fencepost
