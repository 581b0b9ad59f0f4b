// Threads that start together, stop together, and are always joined.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"

namespace fencepost {

// Set once, by anybody; read in every hot loop, hence a line of its own. Relaxed: it says only "leave", and whoever
// looks at the members' results joins them first.
class alignas(cache_line_size) StopFlag {
 public:
  bool is_set() const noexcept { return is_set_.load(std::memory_order_relaxed); }
  void set() noexcept { is_set_.store(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> is_set_{false};
};

static_assert(sizeof(StopFlag) == cache_line_size);

// Members wait for each other at a gate and then work. The first exception of any of them stops all and comes out of
// wait(). However a crew ends, its destructor stops and joins: no thread outlives it.
class ThreadGroup {
 public:
  using Clock = std::chrono::steady_clock;

  // `member_count` is how many times add() will be called; the gate opens when all are there. Outlived by `stop`.
  ThreadGroup(std::size_t member_count, StopFlag& stop) : member_count_(member_count), stop_(stop) {
    threads_.reserve(member_count);
  }
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  ~ThreadGroup() {
    stop_.set();  // opens the gate, too: if a thread could not be started, the others still wait there
    join();
  }

  // Starts a thread. `work()` has to return soon after the stop flag is set, also when it is set from the first.
  template <class Work>
  void add(Work work) {
    threads_.emplace_back([this, work = std::move(work)]() mutable { run(work); });
  }

  // BLOCKS until every member has returned, calling `check_interrupt` every 50 ms; if that throws, so does this, and
  // the destructor stops the crew. Rethrows the first exception of a member after all are joined.
  void wait(const std::function<void()>& check_interrupt) {
    while (!finished_within(std::chrono::milliseconds(50))) check_interrupt();
    join();
    if (error_) std::rethrow_exception(error_);
  }

  // From the first member through the gate to the last one done. After wait().
  double seconds() const {
    return member_count_ == 0 ? 0 : std::chrono::duration<double>(last_done_ - first_began_).count();
  }

 private:
  template <class Work>
  void run(Work& work) noexcept {
    Clock::time_point began = Clock::now();
    try {
      if (passes_gate()) {
        began = Clock::now();
        work();
      }
    } catch (...) {
      const std::scoped_lock guard(mutex_);
      if (!error_) error_ = std::current_exception();
      stop_.set();
    }
    finish(began);
  }

  void finish(Clock::time_point began) noexcept {
    const Clock::time_point done = Clock::now();
    // Notified under the lock: once it is free the crew may be gone, and the condition variable with it.
    const std::scoped_lock guard(mutex_);
    first_began_ = std::min(first_began_, began);
    last_done_ = std::max(last_done_, done);
    ++finished_count_;
    finished_.notify_one();
  }

  // Whether all members are there; false for every one of them if it was stopped before. All or none, because a member
  // may wait for what another one does last (closes what it writes): both then see the stop flag and leave.
  //
  // Release and acquire: whoever leaves the gate has everything behind it that the others did before it.
  bool passes_gate() noexcept {
    std::size_t arrived = arrived_count_.fetch_add(1, std::memory_order_acq_rel) + 1;
    while (arrived < member_count_) {  // `aborted` is above any count
      if (stop_.is_set() && arrived_count_.compare_exchange_strong(arrived, aborted, std::memory_order_acq_rel)) break;
      std::this_thread::yield();
      arrived = arrived_count_.load(std::memory_order_acquire);
    }
    return arrived == member_count_;
  }

  bool finished_within(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return finished_.wait_for(lock, patience, [this] { return finished_count_ == member_count_; });
  }

  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  static constexpr std::size_t aborted = SIZE_MAX / 2;

  const std::size_t member_count_;
  StopFlag& stop_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable finished_;
  std::size_t finished_count_ = 0;
  std::exception_ptr error_;
  std::atomic<std::size_t> arrived_count_{0};
  Clock::time_point first_began_ = Clock::time_point::max();
  Clock::time_point last_done_ = Clock::time_point::min();
};

}  // namespace fencepost
