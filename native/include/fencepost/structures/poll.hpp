// Poll policies: what a thread does between two looks at what it waits for.
#pragma once

#include <cstdint>
#include <string_view>

namespace fencepost {

// Never gives the core away: for a thread that has one to itself.
template <class Memory>
class Pause {
 public:
  void reset() noexcept {}
  void wait() noexcept { Memory::pause(); }
};

// A few pauses for somebody who is about to finish, then yields, as there may be more threads than cores.
template <class Memory>
class SpinThenYield {
 public:
  void reset() noexcept { wait_count_ = 0; }

  void wait() noexcept {
    if (wait_count_ < pause_count_max) {
      ++wait_count_;
      Memory::pause();
    } else {
      Memory::yield();
    }
  }

 private:
  static constexpr unsigned pause_count_max = 64;
  unsigned wait_count_ = 0;
};

enum class PollPolicy : std::uint8_t { pause, spin_then_yield };

inline constexpr std::string_view poll_policy_names[] = {"pause", "spin_then_yield"};

// One of the two, chosen when it is made.
template <class Memory>
class ChosenPoll {
 public:
  explicit ChosenPoll(PollPolicy policy) noexcept : policy_(policy) {}
  void reset() noexcept { spin_then_yield_.reset(); }
  void wait() noexcept { policy_ == PollPolicy::pause ? Memory::pause() : spin_then_yield_.wait(); }

 private:
  PollPolicy policy_;
  SpinThenYield<Memory> spin_then_yield_;
};

}  // namespace fencepost
