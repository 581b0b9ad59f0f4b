// The floor: atomic read-modify-writes and a lock, alone and with every lane on one word.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// One word that all lanes count up, `operation_count` times each. `Add` is the way: bool add(word), true if it counted.
template <class Way>
class CountingProbe final : public Probe {
 public:
  CountingProbe(std::size_t lane_count, std::uint64_t operation_count)
      : lane_count_(lane_count), operation_count_(operation_count) {}

  void prepare(std::size_t lane) override {
    if (lane == 0) way_.reset();
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    for (std::uint64_t count = 0; count < operation_count_; ++count) way_.add();
  }

  void verify() override { check_count(Way::name, lane_count_ * operation_count_, way_.value()); }

 private:
  const std::size_t lane_count_;
  const std::uint64_t operation_count_;
  Way way_;
};

// Relaxed throughout: on x86 every locked instruction is a full barrier whatever is asked for, and nothing else is read.
class ByFetchAdd {
 public:
  static constexpr const char* name = "fetch_add";
  void reset() noexcept { word_.store(0, std::memory_order_relaxed); }
  void add() noexcept { word_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return word_.load(std::memory_order_relaxed); }

 private:
  alignas(cache_line_size) std::atomic<std::uint64_t> word_{0};
};

// An operation is one that succeeded; those that failed on the way are part of its price.
class ByCompareExchange {
 public:
  static constexpr const char* name = "compare_exchange";
  void reset() noexcept { word_.store(0, std::memory_order_relaxed); }
  void add() noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    while (!word_.compare_exchange_strong(seen, seen + 1, std::memory_order_relaxed, std::memory_order_relaxed)) {
    }
  }
  std::uint64_t value() const noexcept { return word_.load(std::memory_order_relaxed); }

 private:
  alignas(cache_line_size) std::atomic<std::uint64_t> word_{0};
};

// Lock, one addition, unlock; the lock and what it guards share a line, as in order4_mutex.hpp.
class ByLock {
 public:
  static constexpr const char* name = "lock pair";
  void reset() noexcept { word_ = 0; }
  void add() noexcept {
    const std::scoped_lock guard(mutex_);
    // The compiler may not keep the word in a register from one critical section to the next: the lock is opaque.
    ++word_;
  }
  std::uint64_t value() const noexcept { return word_; }

 private:
  alignas(cache_line_size) std::mutex mutex_;
  std::uint64_t word_ = 0;
};

// Wrong on purpose: a load and a store instead of one read-modify-write. With two lanes it loses additions, and
// verify() has to say so; kept beside the right ones to show that the check can fail.
class ByLoadAndStore {
 public:
  static constexpr const char* name = "load and store";
  void reset() noexcept { word_.store(0, std::memory_order_relaxed); }
  void add() noexcept { word_.store(word_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return word_.load(std::memory_order_relaxed); }

 private:
  alignas(cache_line_size) std::atomic<std::uint64_t> word_{0};
};

// Two lanes hand one word to and fro. An operation is a round trip: two transfers of the line.
class PingPongProbe final : public Probe {
 public:
  explicit PingPongProbe(std::uint64_t round_trip_count) : round_trip_count_(round_trip_count) {}

  void prepare(std::size_t lane) override {
    if (lane == 0) word_.store(0, std::memory_order_relaxed);
  }

  // Lane 0 makes even values odd, lane 1 odd ones even.
  void work(std::size_t lane, const StopFlag& stop) override {
    for (std::uint64_t count = 0; count < round_trip_count_; ++count) {
      const std::uint64_t expected = 2 * count + lane;
      std::uint64_t spin_count = 0;
      while (word_.load(std::memory_order_acquire) != expected) {
        if (++spin_count % 1024 == 0 && stop.is_set()) return;
      }
      word_.store(expected + 1, std::memory_order_release);
    }
  }

  void verify() override { check_count("ping-pong", 2 * round_trip_count_, word_.load(std::memory_order_relaxed)); }

 private:
  const std::uint64_t round_trip_count_;
  alignas(cache_line_size) std::atomic<std::uint64_t> word_{0};
};

}  // namespace fencepost
