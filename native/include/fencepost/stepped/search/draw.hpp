// Drawn runs: uniformly at random, or by priorities that change at few moments (PCT). model/explorer/search/strategies.py.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/stepped/search/reduction.hpp"
#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

// xoshiro256** (Blackman and Vigna, 2018), filled by splitmix64.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t run) {
    std::uint64_t state = seed * 0x9E3779B97F4A7C15ULL ^ (run + 1) * 0xD1B54A32D192ED03ULL;
    for (auto& each : words_) {
      state += 0x9E3779B97F4A7C15ULL;
      std::uint64_t mixed = (state ^ state >> 30U) * 0xBF58476D1CE4E5B9ULL;
      mixed = (mixed ^ mixed >> 27U) * 0x94D049BB133111EBULL;
      each = mixed ^ mixed >> 31U;
    }
  }

  std::uint64_t bits() {
    const std::uint64_t result = std::rotl(words_[1] * 5, 7) * 9;
    const std::uint64_t shifted = words_[1] << 17U;
    words_[2] ^= words_[0];
    words_[3] ^= words_[1];
    words_[1] ^= words_[2];
    words_[0] ^= words_[3];
    words_[2] ^= shifted;
    words_[3] = std::rotl(words_[3], 45);
    return result;
  }

  // Below `count`. Counts are small, so the unevenness of a remainder is far below what a test could see.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(bits() % count); }
  double share() { return static_cast<double>(bits() >> 11U) * 0x1.0p-53; }

 private:
  std::array<std::uint64_t, 4> words_{};
};

inline constexpr double luck = 0.25;  // how often a choice that needs luck is taken, and a run goes on by luck

// Draws the next transition. With `depth` 0 each step is drawn apart; else by priorities, for violations of that depth
// in runs of about `steps` steps.
class Picker {
 public:
  Picker(Random random, std::size_t depth, std::size_t steps, std::size_t thread_count)
      : random_(random), by_priority_(depth > 0), priorities_(depth > 0 ? 2 * thread_count : 0, -1.0) {
    for (std::size_t moment = 1; moment < depth; ++moment) {
      moments_.push_back(1 + random_.below(std::max<std::size_t>(2, steps) - 1));
    }
    std::ranges::sort(moments_);
    set_.assign(priorities_.size(), 0);
  }

  // Returns null where the run ends: nothing can go on without luck.
  const Transition* pick(const std::vector<Transition>& transitions) {
    if (transitions.empty() || (stuck(transitions) && random_.share() > luck)) return nullptr;
    const std::size_t first = by_priority_ ? highest(transitions) : drawn(transitions);
    std::size_t end = first;
    std::size_t plain_count = 0;
    for (; end < transitions.size() && transitions[end].actor == transitions[first].actor; ++end) {
      plain_count += transitions[end].lucky ? 0U : 1U;
    }
    const std::size_t lucky_count = end - first - plain_count;
    const bool by_luck = plain_count == 0 || (lucky_count > 0 && random_.share() < luck);
    std::size_t left = random_.below(by_luck ? lucky_count : plain_count);
    for (std::size_t at = first; at < end; ++at) {
      if (transitions[at].lucky == by_luck && left-- == 0) return &transitions[at];
    }
    return nullptr;  // not reached: one of them was counted
  }

 private:
  static bool begins_actor(const std::vector<Transition>& transitions, std::size_t at) {
    return at == 0 || transitions[at].actor != transitions[at - 1].actor;
  }

  std::size_t drawn(const std::vector<Transition>& transitions) {
    std::size_t actor_count = 0;
    for (std::size_t at = 0; at < transitions.size(); ++at) actor_count += begins_actor(transitions, at) ? 1U : 0U;
    std::size_t left = random_.below(actor_count);
    for (std::size_t at = 0;; ++at) {
      if (begins_actor(transitions, at) && left-- == 0) return at;
    }
  }

  static std::size_t slot(Actor actor) { return 2 * actor.thread + (actor.is_thread() ? 1 : 0); }

  std::size_t highest(const std::vector<Transition>& transitions) {
    for (const Transition& each : transitions) {
      const std::size_t at = slot(each.actor);
      if (set_[at] == 0) priorities_[at] = 1 + random_.share();
      set_[at] = 1;
    }
    ++taken_;
    std::size_t at = find_highest(transitions);
    if (fallen_ < moments_.size() && taken_ >= moments_[fallen_]) {
      ++fallen_;
      priorities_[slot(transitions[at].actor)] = -static_cast<double>(taken_);  // below all that fell before
      at = find_highest(transitions);
    }
    return at;
  }

  // Of a buffer's entries the oldest: they come in their order.
  std::size_t find_highest(const std::vector<Transition>& transitions) const {
    std::size_t best = 0;
    for (std::size_t at = 1; at < transitions.size(); ++at) {
      if (priorities_[slot(transitions[at].actor)] > priorities_[slot(transitions[best].actor)]) best = at;
    }
    return best;
  }

  Random random_;
  bool by_priority_;
  std::vector<double> priorities_;  // of each thread's buffer, and of the thread
  std::vector<std::uint8_t> set_;
  std::vector<std::size_t> moments_;
  std::size_t fallen_ = 0;
  std::size_t taken_ = 0;
};

// One run. `see(event)` is told of what happens at once, then of each step.
// Returns whether the run came to its end. Throws LinesChanged.
template <class See>
bool draw(System& system, Picker picker, std::size_t depth_most, Event& event, std::vector<Transition>& transitions,
          Schedule& schedule, See&& see) {
  schedule.clear();
  system.start(event, true);
  see(event);
  while (schedule.size() < depth_most && !system.violated()) {
    system.transitions(transitions);
    const Transition* const picked = picker.pick(transitions);
    if (picked == nullptr) return true;
    const Transition chosen = *picked;
    system.perform(chosen.actor, chosen.choice, event);
    system.cells().forget();
    schedule.emplace_back(chosen.actor, chosen.choice);
    see(event);
  }
  return system.violated();
}

}  // namespace fencepost::stepped
