// What the level-4 loops that are compared have in common: a ring by hand, and who is told what happens.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/memory/coherent.hpp"

namespace by_hand {

using namespace fencepost;

inline constexpr std::size_t slot_count = 4096;
inline constexpr std::uint64_t client_count = 7;

inline Batch batch_at(std::uint64_t index) { return {index % client_count, index / client_count, 1 + index % 5}; }

inline Configuration configured() {
  Configuration configuration;
  configuration.client_capacity = 64;
  configuration.parking_capacity = 64;
  return configuration;
}

// Told what happens; the starts are what the program prints.
class Told {
 public:
  explicit Told(std::vector<std::uint64_t>& starts) : starts_(starts) {}

  void ordered(const Batch&, std::uint64_t origin, std::uint64_t start, bool) noexcept { starts_[origin] = start; }
  void dropped(const Batch&, std::uint64_t) noexcept { ++dropped_count_; }
  void claim_lost() noexcept { ++claim_lost_count_; }
  bool stopped() const noexcept { return is_stopped_.load(std::memory_order_relaxed); }
  void before_attempt(std::uint64_t) noexcept {}
  void idle() noexcept {}

 private:
  std::vector<std::uint64_t>& starts_;
  std::uint64_t dropped_count_ = 0, claim_lost_count_ = 0;
  std::atomic<bool> is_stopped_{false};
};

// What the template's objects hold, as they hold it.
struct alignas(64) HandSlot {
  std::atomic<std::uint64_t> guard{0};
  Batch value;
};

struct alignas(64) HandLine {
  std::atomic<std::uint64_t> word{0};
};

struct HandRing {
  HandRing() : slots(std::make_unique<HandSlot[]>(slot_count)) { final_count.word = UINT64_MAX; }
  const std::size_t count = slot_count;
  const std::unique_ptr<HandSlot[]> slots;
  HandLine consumed, final_count, is_abandoned;
};

using Ring = LapRing<Coherent, Batch>;

inline void fill(Ring& ring) {
  for (std::uint64_t index = 0; index < slot_count && ring.has_room(1); ++index) {
    ring.place(batch_at(index));
    ring.raise();
  }
  ring.close();
}

inline void fill(HandRing& ring) {
  for (std::uint64_t index = 0; index < slot_count; ++index) {
    ring.slots[index].value = batch_at(index);
    ring.slots[index].guard = index + 1;
  }
  ring.final_count.word = slot_count;
}

// Prints what the loop has ordered, as one number.
inline void print(const std::vector<std::uint64_t>& starts) {
  std::uint64_t check = 0;
  for (const std::uint64_t start : starts) check = check * 31 + start;
  std::printf("%llu\n", static_cast<unsigned long long>(check));
}

}  // namespace by_hand
