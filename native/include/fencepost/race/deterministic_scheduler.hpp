// The threads of a race as fibres that take turns, in an order that follows from a seed.
//
// What a thread does between two accesses to what it shares depends on nothing but what it reads. So a race whose turns
// are drawn is the same race for the same seed, on any machine and however busy that is; and one that does not end is
// left, whatever its threads are doing. Every place where a thread waits for another must pass the turn on, or nobody
// goes on: polls and locks do (memory/clocked.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/clients/client_ids.hpp"
#include "fencepost/race/thread_group.hpp"
#include "fencepost/race/fibre.hpp"

namespace fencepost {

// Has the interface of ThreadGroup. Members that are left in the middle drop their stacks as they are.
class DeterministicScheduler {
 public:
  // Races take up to some thousand steps for each arrival: what goes on for so many more does not end.
  static constexpr std::uint64_t step_max(std::size_t row_count) noexcept { return 40'000 + 6'000 * row_count; }
  static constexpr std::size_t nobody = SIZE_MAX;

  struct Endless : std::runtime_error {
    explicit Endless(std::uint64_t step_count)
        : std::runtime_error("a race did not end within " + std::to_string(step_count) + " steps") {}
  };

  DeterministicScheduler(std::uint64_t seed, std::size_t row_count, StopFlag& stop)
      : stop_(stop), step_max_(step_max(row_count)), random_(mixed_client(seed + 1)) {
    constexpr std::array<std::uint64_t, 4> choices{3, 8, 24, 96};
    steps_between_ = choices[seed % choices.size()];
  }
  DeterministicScheduler(const DeterministicScheduler&) = delete;
  DeterministicScheduler& operator=(const DeterministicScheduler&) = delete;
  ~DeterministicScheduler() = default;

  template <class Work>
  void add(Work work) {
    live_.push_back(members_.size());
    members_.push_back(std::make_unique<Member>(std::move(work)));
  }

  // Runs all members to their ends. Rethrows the first exception of a member; throws Endless, and what
  // `check_interrupt` throws, which is called now and then.
  void wait(const std::function<void()>& check_interrupt) {
    const ThreadGroup::Clock::time_point began = ThreadGroup::Clock::now();
    for (std::uint64_t turn_count = 0; !live_.empty(); ++turn_count) {
      if (turn_count % turns_between_checks == 0) check_interrupt();
      if (step_ > step_max_) throw Endless(step_max_);
      take_turn(next());
    }
    seconds_ = std::chrono::duration<double>(ThreadGroup::Clock::now() - began).count();
    if (error_) std::rethrow_exception(error_);
  }

  double seconds() const noexcept { return seconds_; }

  // The member whose turn it is, in order of add(); `nobody` outside of wait().
  std::size_t current() const noexcept { return current_; }

  // The current member is about to access something: perhaps others do before it, or much happens meanwhile.
  void access() {
    ++step_;
    const std::uint64_t drawn = draw();
    if (drawn % (steps_between_ * 8) == 1) members_[current_]->asleep_until = step_ + draw() % sleep_steps_max;
    if (drawn % steps_between_ <= 1) pass();
  }

  // The current member waits for another.
  void pass() {
    ++step_;
    members_[current_]->pass();
  }

 private:
  static constexpr std::uint64_t sleep_steps_max = 1'024;
  static constexpr std::uint64_t turns_between_checks = 10'000;

  struct Member final : Fibre {
    explicit Member(std::function<void()> given) : work(std::move(given)) {}
    void run() override { work(); }
    void go_on() { std::exchange(has_begun, true) ? enter() : restart(); }
    void pass() { leave(); }

    std::function<void()> work;
    std::uint64_t asleep_until = 0;
    bool has_begun = false;
  };

  void take_turn(std::size_t member) {
    current_ = member;
    try {
      members_[member]->go_on();
    } catch (...) {
      if (!error_) error_ = std::current_exception();
      stop_.set();
    }
    current_ = nobody;
    if (members_[member]->done()) std::erase(live_, member);
  }

  std::uint64_t draw() noexcept { return random_ = mixed_client(random_); }

  // Any member that is awake; if none is, the one that wakes first.
  std::size_t next() noexcept {
    const auto is_awake = [this](std::size_t each) { return members_[each]->asleep_until <= step_; };
    const auto awake_count = static_cast<std::uint64_t>(std::ranges::count_if(live_, is_awake));
    if (awake_count == 0) {
      return *std::ranges::min_element(live_, {}, [this](std::size_t each) { return members_[each]->asleep_until; });
    }
    std::uint64_t left = draw() % awake_count;
    return *std::ranges::find_if(live_, [&](std::size_t each) { return is_awake(each) && left-- == 0; });
  }

  StopFlag& stop_;
  const std::uint64_t step_max_;
  std::uint64_t random_;
  std::uint64_t steps_between_ = 1;
  std::uint64_t step_ = 0;
  double seconds_ = 0;
  std::size_t current_ = nobody;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::size_t> live_;
  std::exception_ptr error_;
};

}  // namespace fencepost
