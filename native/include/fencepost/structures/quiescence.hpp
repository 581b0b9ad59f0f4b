// When may scanners stop although batches are parked? When all of them have looked, in vain, at the same final state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fencepost/structures/limits.hpp"

namespace fencepost {

// A scanner takes part once its ring is closed and read, or while it is held (scanner.hpp), and then repeats:
//
//   1. announce_progress(batches that it has read, released or dropped and not yet announced)
//   2. total = progress_total()
//   3. re-examine everything it has parked, and what holds it; if that changed anything, back to work, then to 1
//   4. announce_settled(total); stop if all_settled(total), else back to 1
//
// Claim: if every scanner has announced the same total, no parked batch can be ordered any more.
//
// Every ordering is progress, so it is enough to argue about orderings.
//
// Call an ordering *early* if its scanner made it before step 2 of that last vain round. It was announced before that
// step, by the same thread, so it is part of the total that this scanner then read; all scanners read the same total
// from one word, so that number includes every early ordering of every scanner. Reading it with acquire synchronises
// with all the announcements in it (they are one chain of read-modify-writes with release), so every vain round saw
// every early ordering finished, its busy bit gone. Now suppose that some ordering is not early: it was made after its
// scanner's vain round. Of all such take the one with the lowest position. Its batch was parked and found `later` in
// the vain round. Either its predecessor's ordering was not seen there, so that one is not early, and has a lower
// position: contradiction. Or a claim on the client was in progress: that claim's ordering is not early either, as it
// was not finished; it was for the predecessor (contradiction again) or for a copy of this batch, and then this one is
// dropped and was never ordered.
//
// A count of scanners that are idle *now* would not do: A finds X parked and goes idle, B (not idle) orders X's
// predecessor and goes idle, both see two idle scanners and X stays behind.
template <class Memory>
class Quiescence {
 public:
  explicit Quiescence(std::size_t scanner_count)
      : scanner_count_(scanner_count), settled_(std::make_unique<Settled[]>(scanner_count)) {}

  // Release: the client words written while ordering are seen by whoever reads the sum.
  void announce_progress(std::uint64_t batch_count) noexcept {
    if (batch_count > 0) Memory::fetch_add_release(progress_total_, batch_count);
  }

  // Acquire: pairs with every announcement that is in the sum.
  std::uint64_t progress_total() const noexcept { return Memory::load_acquire(progress_total_); }

  // Release and acquire on the announcements only so that a scanner's last step is behind whoever stops because of it.
  void announce_settled(std::size_t scanner_index, std::uint64_t total) noexcept {
    Memory::store_release(settled_[scanner_index].total, total);
  }

  // That scanner has read all it will ever read, and has announced it: nobody need wait for it.
  void leave(std::size_t scanner_index) noexcept { Memory::store_release(settled_[scanner_index].total, gone); }

  bool all_settled(std::uint64_t total) const noexcept {
    for (std::size_t index = 0; index < scanner_count_; ++index) {
      const std::uint64_t settled_total = Memory::load_acquire(settled_[index].total);
      if (settled_total != total && settled_total != gone) return false;
    }
    return true;
  }

 private:
  static constexpr std::uint64_t never = UINT64_MAX;
  static constexpr std::uint64_t gone = UINT64_MAX - 1;

  struct alignas(cache_line_size) Settled {
    typename Memory::template Word<std::uint64_t> total{never};
  };

  const std::size_t scanner_count_;
  const std::unique_ptr<Settled[]> settled_;
  alignas(cache_line_size) typename Memory::template Word<std::uint64_t> progress_total_{0};
};

}  // namespace fencepost
