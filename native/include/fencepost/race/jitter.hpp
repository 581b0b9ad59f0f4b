// Small seeded delays, so that two runs of one workload interleave differently.
#pragma once

#include <cstdint>

namespace fencepost {

// Mostly nothing, sometimes up to 31 pauses, rarely a yield. The delays are the same for the same seed; what the
// operating system makes of them is not. One per thread.
template <class Memory>
class Jitter {
 public:
  Jitter(std::uint64_t seed, std::uint64_t thread_index) noexcept : state_(seed ^ (thread_index << 32)) { next(); }

  void lose_some_time() noexcept {
    const std::uint64_t drawn = next();
    if (drawn % 16 != 0) return;
    if ((drawn >> 4) % 4 == 0) {
      Memory::yield();
      return;
    }
    for (std::uint64_t count = (drawn >> 8) % 32; count > 0; --count) Memory::pause();
  }

 private:
  // SplitMix64.
  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
  }

  std::uint64_t state_;
};

}  // namespace fencepost
