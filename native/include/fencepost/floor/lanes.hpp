// Timed repetitions: one thread a lane, each on a core of its own, all starting together; what was done is verified.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/race/thread_group.hpp"
#include "fencepost/floor/machine.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"

namespace fencepost {

// A timing loop did not do what its figure would have claimed.
class Miscounted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void check_count(const char* what, std::uint64_t expected_count, std::uint64_t counted) {
  if (counted == expected_count) return;
  throw Miscounted(std::string(what) + ": " + std::to_string(counted) + " counted, " + std::to_string(expected_count) +
                   " expected: no time is reported for what did not happen");
}

using Extras = std::map<std::string, double>;

// What is measured. For each repetition: prepare(lane) in every lane, then work(lane) in every lane, timed, then
// verify() in lane 0, which throws Miscounted if something other than the work happened.
class Probe {
 public:
  Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  virtual ~Probe() = default;

  virtual void prepare(std::size_t /*lane*/) {}
  // At most some 50 ms. Whoever waits for another lane in it leaves when `stop` is set.
  virtual void work(std::size_t lane, const StopFlag& stop) = 0;
  virtual void verify() = 0;
  // What else is to be said of the work, by name; after the last repetition.
  virtual Extras extras() const { return {}; }
};

// Waits at meetings until all lanes are there, or until stopped.
class Meeting {
 public:
  Meeting(std::size_t lane_count, const StopFlag& stop) noexcept : lane_count_(lane_count), stop_(stop) {}

  // The `meeting_count`-th meeting of the calling lane, from 1. False: stopped.
  // Release and acquire: what any lane did before a meeting is behind every lane after it.
  bool meet(std::size_t meeting_count) noexcept {
    arrived_count_.fetch_add(1, std::memory_order_acq_rel);
    while (arrived_count_.load(std::memory_order_acquire) < lane_count_ * meeting_count) {
      if (stop_.is_set()) return false;
      Coherent::pause();
    }
    return !stop_.is_set();
  }

 private:
  const std::size_t lane_count_;
  const StopFlag& stop_;
  alignas(cache_line_size) std::atomic<std::size_t> arrived_count_{0};
};

// Seconds by probe and repetition; how many of the repetitions of each probe had, whenever they were taken, a lane that
// was made to leave its core (a busy machine shows there); and the core of each lane (-1: the system chose).
struct LaneTimes {
  std::vector<std::vector<double>> seconds;
  std::vector<std::int64_t> disturbed_counts;
  std::vector<int> cpus;
};

// Runs all probes in turn, `repetition_count` times and once before for nothing, in one set of threads: so probes are
// compared under the same conditions. Odd repetitions go through the probes backwards, so that none profits from what
// its neighbour leaves in the caches. A repetition in which a thread was made to leave its core is taken again, up to
// take_count_max times in all; one that is disturbed even then is kept and counted.
class Lanes {
 public:
  Lanes(std::size_t lane_count, std::vector<Probe*> probes, std::size_t repetition_count)
      : lane_count_(lane_count), probes_(std::move(probes)), round_count_(repetition_count + 1) {
    spans_.resize(probes_.size() * round_count_ * lane_count_);
    times_.cpus.assign(lane_count_, -1);
  }

  // BLOCKS until done; calls `check_interrupt` every 50 ms. What it or a probe throws leaves with all threads joined.
  LaneTimes run(const std::function<void()>& check_interrupt) {
    const std::vector<int> cpus = allowed_cpus();
    StopFlag stop;
    Meeting meeting(lane_count_, stop);
    {
      ThreadGroup crew(lane_count_, stop);
      for (std::size_t lane = 0; lane < lane_count_; ++lane) {
        crew.add([this, lane, &cpus, &meeting, &stop] {
          if (cpus.size() >= lane_count_) times_.cpus[lane] = pin_this_thread(cpus[lane]);
          run_lane(lane, meeting, stop);
        });
      }
      crew.wait(check_interrupt);
    }
    collect();
    return std::move(times_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int take_count_max = 5;

  // A line each, so that lanes do not meet where they note the time.
  struct alignas(cache_line_size) Span {
    Clock::time_point began;
    Clock::time_point done;
    bool is_disturbed = false;
  };

  Span& span(std::size_t probe, std::size_t round, std::size_t lane) {
    return spans_[(probe * round_count_ + round) * lane_count_ + lane];
  }

  void run_lane(std::size_t lane, Meeting& meeting, const StopFlag& stop) {
    std::size_t meeting_count = 0;
    for (std::size_t round = 0; round < round_count_; ++round) {
      for (std::size_t turn = 0; turn < probes_.size(); ++turn) {
        const std::size_t index = round % 2 == 0 ? turn : probes_.size() - 1 - turn;
        for (int take = 0; take < take_count_max; ++take) {
          if (!take_once(*probes_[index], span(index, round, lane), lane, meeting, meeting_count, stop)) return;
          if (!is_disturbed(index, round)) break;
        }
      }
    }
  }

  // False: stopped.
  static bool take_once(Probe& probe, Span& noted, std::size_t lane, Meeting& meeting, std::size_t& meeting_count,
                        const StopFlag& stop) {
    probe.prepare(lane);
    if (!meeting.meet(++meeting_count)) return false;
    const std::int64_t preempted_before = preemption_count();
    noted.began = Clock::now();
    probe.work(lane, stop);
    noted.done = Clock::now();
    noted.is_disturbed = preemption_count() != preempted_before;
    if (!meeting.meet(++meeting_count)) return false;
    if (lane == 0) probe.verify();
    return meeting.meet(++meeting_count);
  }

  // Between a take's last meeting and the next one's first no lane writes, so all read the same.
  bool is_disturbed(std::size_t probe, std::size_t round) {
    for (std::size_t lane = 0; lane < lane_count_; ++lane) {
      if (span(probe, round, lane).is_disturbed) return true;
    }
    return false;
  }

  // A repetition lasts from the first lane's start to the last lane's end. Round 0 warmed up and is left out.
  void collect() {
    times_.seconds.resize(probes_.size());
    times_.disturbed_counts.resize(probes_.size());
    for (std::size_t probe = 0; probe < probes_.size(); ++probe) {
      for (std::size_t round = 1; round < round_count_; ++round) {
        Span whole = span(probe, round, 0);
        for (std::size_t lane = 1; lane < lane_count_; ++lane) {
          whole.began = std::min(whole.began, span(probe, round, lane).began);
          whole.done = std::max(whole.done, span(probe, round, lane).done);
        }
        times_.disturbed_counts[probe] += is_disturbed(probe, round) ? 1 : 0;
        times_.seconds[probe].push_back(std::chrono::duration<double>(whole.done - whole.began).count());
      }
    }
  }

  const std::size_t lane_count_;
  const std::vector<Probe*> probes_;
  const std::size_t round_count_;
  std::vector<Span> spans_;
  LaneTimes times_;
};

}  // namespace fencepost
