// The loop of a worker that orders what it owns: over one ring or over all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fencepost/batch.hpp"
#include "fencepost/next_expected.hpp"
#include "fencepost/ring.hpp"
#include "fencepost/scanner.hpp"

namespace fencepost {

// Where a batch came from, in one word: ring and slot.
struct Origin {
  static constexpr unsigned slot_bits = 56;

  static std::uint64_t of(std::size_t ring_index, std::size_t slot_index) noexcept {
    return (static_cast<std::uint64_t>(ring_index) << slot_bits) | slot_index;
  }
  static std::size_t ring_index(std::uint64_t origin) noexcept { return static_cast<std::size_t>(origin >> slot_bits); }
  static std::size_t slot_index(std::uint64_t origin) noexcept {
    return static_cast<std::size_t>(origin & ((std::uint64_t{1} << slot_bits) - 1));
  }
};

// A ring as one worker sees it.
template <class Memory>
struct RingView {
  std::size_t ring_index;
  const Ring<Memory>* ring;
  std::size_t cursor = 0;  // the next slot to be read
};

// `Surroundings` is told what happens and asked whether to go on, all from the worker's thread:
//   ordered(batch, origin, start, was_parked)   the order of that slot's batch is final
//   dropped(batch, origin)                      it was a duplicate
//   stopped()                                   true: leave at the end of the epoch, whatever is unfinished
//   before_attempt()                            a place to lose some time, so that runs differ
template <class Memory, class Worker, class Surroundings>
class WorkerLoop {
 public:
  WorkerLoop(Worker& worker, std::vector<RingView<Memory>> views, Surroundings& surroundings)
      : worker_(worker), views_(std::move(views)), surroundings_(surroundings) {}

  // BLOCKS until every slot of its rings was read, or until stopped. What is parked then stays parked: all that could
  // release it has been seen, as nobody else orders this worker's clients. Allocates nothing. Throws what take throws.
  void run() {
    SpinThenYield<Memory> poll;
    while (!surroundings_.stopped()) {
      std::size_t taken_count = 0;
      bool all_read = true;
      for (RingView<Memory>& view : views_) {
        taken_count += read(view);
        all_read &= view.cursor == view.ring->slot_count();
      }
      if (taken_count > 0) {
        poll.reset();
        continue;
      }
      worker_.finish(surroundings_);  // nothing to take: an epoch must not wait for more
      if (all_read) return;
      poll.wait();
    }
    worker_.finish(surroundings_);
  }

 private:
  static constexpr std::size_t slots_at_once = 64;  // of one ring, before the next ring's turn

  std::size_t read(RingView<Memory>& view) {
    const std::size_t published = view.ring->published_count();
    const std::size_t end = std::min(published, view.cursor + slots_at_once);
    const std::size_t begin = view.cursor;
    if (surroundings_.stopped()) return 0;
    const auto batch_at = [&](std::size_t index) {
      surroundings_.before_attempt();
      return view.ring->batch_at(begin + index);
    };
    const auto origin_of = [&](std::size_t index) { return Origin::of(view.ring_index, begin + index); };
    view.cursor += worker_.take_run(end - begin, batch_at, origin_of, surroundings_);
    return view.cursor - begin;
  }

  Worker& worker_;
  std::vector<RingView<Memory>> views_;
  Surroundings& surroundings_;
};

}  // namespace fencepost
