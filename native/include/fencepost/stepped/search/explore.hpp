// Exploring a system: every run of it, or drawn ones, within budgets. model/explorer/search/exploration.py.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "fencepost/stepped/search/draw.hpp"
#include "fencepost/stepped/search/reduction.hpp"
#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

enum class Strategy : std::uint8_t { exhaustive, random, pct };
enum class Stop : std::uint8_t { none, seconds, interrupted, runs };

struct Budget {
  double seconds = 60;
  std::size_t depth = 5'000;  // steps of a run
  std::uint64_t runs = 2'000;  // complete ones
};

struct Found {
  Counts counts;
  double seconds = 0;
  Stop stop = Stop::none;
  bool violated = false;
  Schedule schedule;      // of the first violation
  std::size_t longest = 0;  // steps of a drawn run
};

// The user wants it to end; thrown by what is asked meanwhile.
struct Interrupted {};

// What is wrong at the end of a complete run, and whether to go on after it.
class Ends {
 public:
  Ends() = default;
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  virtual ~Ends() = default;

  virtual bool wrong(const System& system) = 0;
  virtual bool goes_on() const { return false; }
  virtual void begin() {}  // forgets what was seen: the exploration begins again
};

// Called every 50 ms with the counts and the estimated part that is done.
using Pulse = std::function<void(const Counts&, double)>;

class Explorer {
 public:
  Explorer(System& system, Ends& ends, Budget budget, Pulse pulse)
      : system_(system), ends_(ends), budget_(budget), pulse_(std::move(pulse)) {}

  Found explore(Strategy strategy, std::uint64_t seed, std::size_t pct_depth) {
    began_ = pulsed_ = Clock::now();
    try {
      if (strategy == Strategy::exhaustive) {
        exhaust();
      } else {
        draw_runs(seed, strategy == Strategy::pct ? pct_depth : 0);
      }
    } catch (const Interrupted&) {
      found_.stop = Stop::interrupted;
    }
    found_.seconds = seconds_since(began_);
    return std::move(found_);
  }

  // --- what a walk asks ---

  bool ended(System& system, const Reduction& walk) {
    found_.counts = walk.counts();
    const bool wrong = ends_.wrong(system);
    if (wrong && !found_.violated) {
      found_.violated = true;
      found_.schedule = walk.schedule();
    }
    return found_.violated && !ends_.goes_on();
  }

  bool interrupted(const Reduction& walk) {
    if (walk.counts().complete >= budget_.runs) found_.stop = Stop::runs;
    return spent(walk.counts(), [&] { return walk.progress(); });
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr double pulse_seconds = 0.05;

  static double seconds_since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
  }

  template <class Done>
  bool spent(const Counts& counts, Done&& done) {
    const Clock::time_point now = Clock::now();
    if (std::chrono::duration<double>(now - began_).count() > budget_.seconds) {
      found_.stop = Stop::seconds;
    } else if (std::chrono::duration<double>(now - pulsed_).count() > pulse_seconds) {
      pulsed_ = now;
      found_.counts = counts;
      pulse_(counts, done());
    }
    return found_.stop != Stop::none;
  }

  void exhaust() {
    Reduction reduction(system_, budget_.depth);
    for (bool again = true; again;) {
      again = false;
      found_ = {};
      ends_.begin();
      try {
        reduction.walk(*this);
      } catch (const LinesChanged&) {
        again = true;
      }
    }
    found_.counts = reduction.counts();
  }

  void draw_runs(std::uint64_t seed, std::size_t pct_depth) {
    Event event;
    std::vector<Transition> transitions;
    Schedule schedule;
    Counts& counts = found_.counts;
    while (!found_.violated && counts.complete + counts.cut < budget_.runs) {
      const Picker picker(Random(seed, counts.complete + counts.cut), pct_depth, found_.longest != 0 ? found_.longest : 50,
                          system_.thread_count());
      bool ended = false;
      for (bool again = true; again;) {
        again = false;
        try {
          ended = draw(system_, picker, budget_.depth, event, transitions, schedule, [](const Event&) {});
        } catch (const LinesChanged&) {
          again = true;
        }
      }
      ++(ended ? counts.complete : counts.cut);
      counts.steps += schedule.size();
      found_.longest = std::max(found_.longest, schedule.size());
      if (system_.violated() || (ended && ends_.wrong(system_))) {
        found_.violated = true;
        found_.schedule = schedule;
      }
      const std::uint64_t drawn = counts.complete + counts.cut;
      const double done = static_cast<double>(drawn) / static_cast<double>(budget_.runs);
      if (drawn % 16 == 0 && spent(counts, [&] { return done; })) return;
    }
  }

  System& system_;
  Ends& ends_;
  Budget budget_;
  Pulse pulse_;
  Clock::time_point began_;
  Clock::time_point pulsed_;
  Found found_;
};

}  // namespace fencepost::stepped
