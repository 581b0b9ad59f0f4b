// What the one owner of a set of clients does with a batch: order it, park it, or drop it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/clients/owned_clients.hpp"
#include "fencepost/clients/parked_near.hpp"
#include "fencepost/clients/parking.hpp"

namespace fencepost {

enum class Taken : std::int8_t {
  ordered,    // it was its client's next
  later,      // its predecessor is not ordered, and it was not to be parked: nothing happened
  duplicate,  // it was ordered before, or a copy of it is parked
  parked,     // its predecessor is not ordered; it will be ordered when that is
  full,       // it should be parked and there is no room: nothing happened; take nothing more from where it came
};

// Private to one thread. Next-expected is exact: a client's word, but for its uppermost bit, is the number of its batches
// that were ordered, and everything parked has a higher number. What is near is parked in the client's own places, what
// is further ahead in a table of all clients; together they hold parking_capacity batches at most.
class NextExpected {
 public:
  explicit NextExpected(const Configuration& configuration)
      : clients_(configuration.client_capacity),
        parking_capacity_(configuration.parking_capacity),
        near_(configuration.parking_capacity, clients_.entry_count()),
        far_(configuration.parking_capacity, clients_.entry_count()) {}

  std::uint64_t next_seq(std::uint64_t client_id) { return next_of(clients_.entry_of(client_id)); }

  // Forgets what is parked, as when a reader is stopped and another takes its place; what was ordered stays ordered.
  void forget_parked() noexcept {
    near_.clear();
    far_.clear();
    clients_.for_each([](OwnedClients::Entry& entry) { entry.word &= ~has_far; });
  }

  std::size_t parked_count() const noexcept { return near_.parked_count() + far_.parked_count(); }

  // Calls `order(batch, origin, was_parked)` for the batch if it is next, then for each parked one that follows it;
  // `drop(batch, origin)` if it is a duplicate. What `order` throws leaves, with that batch not counted as ordered.
  template <bool parks, class Order, class Drop>
  Taken take(const Batch& batch, std::uint64_t origin, Order&& order, Drop&& drop) {
    return take_at<parks>(clients_.entry_of(batch.client_id), batch, origin, order, drop);
  }

  // Takes the batches `batch_at(0)` to `batch_at(count - 1)`, which came from `origin_of(index)`, until one is `full`;
  // returns how many were taken. `order` and `drop` are told of them in the same order as by take(). `order` should not
  // throw: batches behind the one at which it does may be counted as ordered, too. `batch_at` may be asked twice for one
  // batch, and the second answer is the one that counts.
  //
  // Inlined, with both loops, so that what `order` writes to can stay in registers: called, they take twice as long.
  template <class BatchAt, class OriginOf, class Order, class Drop>
  [[gnu::always_inline]] std::size_t take_run(std::size_t count, BatchAt&& batch_at, OriginOf&& origin_of,
                                              Order&& order, Drop&& drop) {
    for (std::size_t index = 0; true; ++index) {
      index = parked_count() == 0 ? take_next_ones(index, count, batch_at, origin_of, order)
                                  : take_near_ones(index, count, batch_at, origin_of, order);
      if (index == count) return count;
      // Asked for again: what it was found not to be holds of nothing else, and to keep it costs a store for each batch.
      const Batch other = batch_at(index);
      OwnedClients::Entry& entry = clients_.entry_of(other.client_id);
      if (take_at<true>(entry, other, origin_of(index), order, drop) == Taken::full) [[unlikely]] return index;
    }
  }

 private:
  // In a client's word: something of it is parked in the table of all. Above every number (batch_seq_max is 2^62), so that
  // such a client's word is no batch's number, and no number is near behind it.
  static constexpr std::uint64_t has_far = std::uint64_t{1} << 63;

  static std::uint64_t next_of(const OwnedClients::Entry& entry) noexcept { return entry.word & ~has_far; }

  // Takes batches from `index` on as long as each is its client's next, while nothing at all is parked. Returns the index
  // of the first that is not, or count.
  template <class BatchAt, class OriginOf, class Order>
  [[gnu::always_inline]] std::size_t take_next_ones(std::size_t index, std::size_t count, BatchAt& batch_at,
                                                    OriginOf& origin_of, Order& order) {
    const OwnedClients::Finder find = clients_.finder();
    for (; index < count; ++index) {
      const Batch batch = batch_at(index);
      OwnedClients::Entry& entry = find.entry_at(find.index_of(batch.client_id));
      if (entry.client_id != batch.client_id || entry.word != batch.batch_seq) [[unlikely]] break;
      order(batch, origin_of(index), false);
      ++entry.word;
    }
    return index;
  }

  static constexpr std::size_t ready_at_once = 2;     // copied for each batch, whether they are ready or not
  static constexpr std::size_t batches_at_once = 64;  // before `order` is told of those that are ready

  // Batches that may be ordered, copied from where they were. Arrays side by side: of those that `order` does not look at
  // the compiler leaves nothing.
  struct Ready {
    static constexpr std::size_t size_max = batches_at_once * ready_at_once;
    std::uint64_t client_ids[size_max];
    std::uint64_t batch_seqs[size_max];
    std::uint64_t message_counts[size_max];
    std::uint64_t origins[size_max];
    bool were_parked[size_max];
  };

  // The same where batches come out of order: takes those that are next or near, and returns the index of the first that
  // is neither, or is a copy, or makes many ready; it may return at once.
  //
  // Which batch is next and how many follow it is chance, so a branch on it is mispredicted every other time, and that
  // costs more than all the rest. Hence none: each batch is put into its place; it and the first few of the places behind
  // it are copied behind what is ready; and how many of these count is the run of ones in the client's bits. For a batch
  // that is not its client's next that is none, so what was copied need not be true.
  template <class BatchAt, class OriginOf, class Order>
  [[gnu::always_inline]] std::size_t take_near_ones(std::size_t index, std::size_t count, BatchAt& batch_at,
                                                    OriginOf& origin_of, Order& order) {
    const OwnedClients::Finder find = clients_.finder();
    const ParkedNear::View near = near_.view();
    if (parking_capacity_ - parked_count() < count - index) return index;  // no room for each of them to be parked
    while (index < count) {
      Ready ready;
      std::size_t ready_count = 0;
      const std::size_t first = index;
      const std::size_t end = std::min(count, first + batches_at_once);
      for (; index < end; ++index) {
        const Batch batch = batch_at(index);
        const std::size_t client_index = find.index_of(batch.client_id);
        OwnedClients::Entry& entry = find.entry_at(client_index);
        const std::uint64_t distance = batch.batch_seq - entry.word;  // far beyond reach where the client has_far
        if (entry.client_id != batch.client_id || !near.reaches(distance)) [[unlikely]] break;
        const std::uint32_t before = near.bits(client_index);
        const std::uint32_t parked = before | std::uint32_t{1} << distance;
        const std::uint32_t run_count = ParkedNear::run_count(parked);
        if (parked == before || run_count > ready_at_once) [[unlikely]] break;
        const std::uint64_t origin = origin_of(index);
        for (std::size_t ahead = 0; ahead < ready_at_once; ++ahead) {
          const ParkedNear::Place& place = near.place(client_index, batch.batch_seq + ahead);
          ready.client_ids[ready_count + ahead] = batch.client_id;
          ready.batch_seqs[ready_count + ahead] = batch.batch_seq + ahead;
          ready.message_counts[ready_count + ahead] = ahead == 0 ? batch.message_count : place.message_count;
          ready.origins[ready_count + ahead] = ahead == 0 ? origin : place.origin;
          ready.were_parked[ready_count + ahead] = ahead != 0;
        }
        near.place(client_index, batch.batch_seq) = {origin, batch.message_count};
        near.bits(client_index) = parked >> run_count;
        entry.word += run_count;
        ready_count += run_count;
      }
      near_.count_parked(index - first, ready_count);
      for (std::size_t each = 0; each < ready_count; ++each) {
        order(Batch{ready.client_ids[each], ready.batch_seqs[each], ready.message_counts[each]}, ready.origins[each],
              ready.were_parked[each]);
      }
      if (index < end) break;
    }
    return index;
  }

  template <bool parks, class Order, class Drop>
  Taken take_at(OwnedClients::Entry& entry, const Batch& batch, std::uint64_t origin, Order& order, Drop& drop) {
    const std::uint64_t next_seq = next_of(entry);
    if (next_seq == batch.batch_seq) [[likely]] {
      order(batch, origin, false);
      advance(entry);
      if (parked_count() != 0) release(entry, order);
      return Taken::ordered;
    }
    if (batch.batch_seq < next_seq) [[unlikely]] {
      drop(batch, origin);
      return Taken::duplicate;
    }
    if constexpr (!parks) return Taken::later;
    return park(entry, batch, origin, drop);
  }

  // Its client's next batch was ordered.
  void advance(OwnedClients::Entry& entry) noexcept {
    near_.view().bits(clients_.index_of(entry)) >>= 1;
    ++entry.word;
  }

  template <class Drop>
  Taken park(OwnedClients::Entry& entry, const Batch& batch, std::uint64_t origin, Drop& drop) {
    const std::size_t index = clients_.index_of(entry);
    const std::uint64_t distance = batch.batch_seq - next_of(entry);
    const bool is_near = near_.try_reach(distance, [&](std::size_t client_index) {
      return next_of(clients_.entry_at(client_index));
    });
    const ParkedNear::View near = near_.view();
    const std::uint32_t bit = is_near ? std::uint32_t{1} << distance : 0;
    // A batch that was far when it came may be near by now: a copy of it has to be looked for in both.
    const bool is_copy = (near.bits(index) & bit) != 0 ||
                         ((entry.word & has_far) != 0 && far_.find(index, batch.batch_seq) != nullptr);
    if (is_copy) {
      drop(batch, origin);
      return Taken::duplicate;
    }
    if (parked_count() == parking_capacity_) return Taken::full;
    if (bit != 0) {
      near.place(index, batch.batch_seq) = {origin, batch.message_count};
      near.bits(index) |= bit;
      near_.count_parked(1, 0);
    } else {
      far_.try_park(index, batch, origin);  // has room and no copy
      entry.word |= has_far;
    }
    return Taken::parked;
  }

  // Orders what was parked behind the batch that was just ordered.
  template <class Order>
  void release(OwnedClients::Entry& entry, Order& order) {
    const std::size_t index = clients_.index_of(entry);
    const ParkedNear::View near = near_.view();
    while (true) {
      const std::uint64_t next_seq = next_of(entry);
      if ((near.bits(index) & 1) != 0) {
        const ParkedNear::Place& place = near.place(index, next_seq);
        order(Batch{entry.client_id, next_seq, place.message_count}, place.origin, true);
        near_.count_parked(0, 1);
      } else if ((entry.word & has_far) == 0 || !release_far(entry, next_seq, order)) {
        return;
      }
      advance(entry);
    }
  }

  // The same for the batch of that number if it was far when it was parked; whether it was.
  template <class Order>
  bool release_far(OwnedClients::Entry& entry, std::uint64_t next_seq, Order& order) {
    const std::size_t index = clients_.index_of(entry);
    const Parking::Place place = far_.find(index, next_seq);
    if (place == nullptr) return false;
    const Parking::Parked& parked = far_.at(place);
    order(Batch{entry.client_id, next_seq, parked.message_count}, parked.origin, true);
    far_.remove(place);
    if (!far_.has_parked(index)) entry.word &= ~has_far;
    return true;
  }

  OwnedClients clients_;
  std::size_t parking_capacity_;
  ParkedNear near_;
  Parking far_;
};

}  // namespace fencepost
