// The loop of a worker that orders what it owns: over one ring or over all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/slot_id.hpp"
#include "fencepost/structures/quiescence.hpp"

namespace fencepost {

// A ring as one worker sees it.
template <class Reader>
struct RingView {
  std::size_t ring_index;
  Reader reader;
  bool is_held = false;  // its next batch has to be parked and there is no room
};

// `Observer` as in scanner.hpp, without claim_lost(); is told what happens by the worker itself (order4_owner.hpp).
//
// Memory is bounded as there: a ring whose next batch finds no room to park is held, while the worker goes on with the
// others. Rings can hold each other for ever; not if parking_capacity is at least what the worker's clients together may
// have sent without an acknowledgement.
template <class Memory, class Worker, class Reader, class Observer, class Poll>
class WorkerLoop {
 public:
  WorkerLoop(std::size_t worker_index, Worker& worker, std::vector<RingView<Reader>> views,
             Quiescence<Memory>& quiescence, Observer& surroundings, Poll poll, bool prefetches)
      : worker_index_(worker_index),
        worker_(worker),
        views_(std::move(views)),
        quiescence_(quiescence),
        surroundings_(surroundings),
        poll_(poll),
        prefetches_(prefetches) {}

  // BLOCKS until its rings are closed and read; or until they and those of all other workers are held, so that nothing
  // can change any more; or until stopped. What is parked then stays parked: nobody else orders this worker's clients.
  // Allocates nothing. Throws what take throws.
  void run() {
    while (!surroundings_.stopped()) {
      if (read_all()) {
        poll_.reset();
        continue;
      }
      worker_.finish(surroundings_);  // nothing to take: an epoch must not wait for more
      surroundings_.idle();
      if (all_finished() || has_settled()) break;
      poll_.wait();
    }
    worker_.finish(surroundings_);
    for (RingView<Reader>& view : views_) view.reader.abandon();
    // What it took is announced before it leaves, or those who are held would not look again.
    quiescence_.announce_progress(std::exchange(progress_count_, 0));
    quiescence_.leave(worker_index_);
  }

 private:
  static constexpr std::size_t slots_at_once = 64;  // of one ring, before the next ring's turn

  bool read_all() {
    std::size_t taken_count = 0;
    for (RingView<Reader>& view : views_) {
      if (!surroundings_.stopped()) taken_count += read(view);
    }
    progress_count_ += taken_count;
    return taken_count > 0;
  }

  std::size_t read(RingView<Reader>& view) {
    const std::size_t count = view.reader.readable_count(slots_at_once);
    if (prefetches_) view.reader.prefetch(count);
    const std::uint64_t first_index = view.reader.consumed_count();
    const auto origin_of = [&](std::size_t offset) { return SlotId::of(view.ring_index, first_index + offset); };
    const auto batch_at = [&](std::size_t offset) {
      surroundings_.before_attempt(origin_of(offset));
      return view.reader.at(offset);
    };
    const std::size_t taken_count = worker_.take_run(count, batch_at, origin_of, surroundings_);
    view.reader.consume(taken_count);
    view.is_held = taken_count < count;
    return taken_count;
  }

  bool all_finished() const noexcept {
    for (const RingView<Reader>& view : views_) {
      if (!view.reader.is_finished()) return false;
    }
    return true;
  }

  // Whether nothing that this worker waits for can come unless another one reads on: each of its rings is read to the
  // end, held by itself, or read and full, so that some other reader holds it.
  bool waits_for_readers() const noexcept {
    for (const RingView<Reader>& view : views_) {
      if (!view.is_held && !view.reader.is_finished() && !view.reader.is_full()) return false;
    }
    return true;
  }

  // One round of quiescence.hpp: whether all workers wait for each other.
  bool has_settled() {
    quiescence_.announce_progress(std::exchange(progress_count_, 0));
    const std::uint64_t total = quiescence_.progress_total();
    if (!is_settled_ || total != settled_total_) {
      if (!waits_for_readers() || read_all()) return false;
      quiescence_.announce_settled(worker_index_, total);
      settled_total_ = total;
      is_settled_ = true;
    }
    // Asked again, as somebody may have made some progress and left since.
    return quiescence_.all_settled(total) && quiescence_.progress_total() == total;
  }

  const std::size_t worker_index_;
  Worker& worker_;
  std::vector<RingView<Reader>> views_;
  Quiescence<Memory>& quiescence_;
  Observer& surroundings_;
  Poll poll_;
  const bool prefetches_;
  std::uint64_t progress_count_ = 0;
  bool is_settled_ = false;
  std::uint64_t settled_total_ = 0;
};

}  // namespace fencepost
