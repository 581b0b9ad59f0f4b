// One run of the pipeline with everything written down, to be held against the model's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/limits.hpp"
#include "fencepost/stepped_draw.hpp"
#include "fencepost/stepped_picks.hpp"
#include "fencepost/stepped_pipeline.hpp"
#include "fencepost/stepped_snapshot.hpp"

namespace fencepost::stepped {

struct Record {
  Schedule schedule;
  std::vector<ActRow> acts;
  std::vector<std::pair<std::size_t, Row>> snapshots;  // after so many events
  bool ended = false;           // of a picked run: it came to its end, or to a violation
  std::size_t stale_count = 0;  // of a picked run: reads of a line that was stale in the reader's cache
};

// Takes a snapshot before the first event, then after every `interval`-th, and after the last.
class Recorder {
 public:
  Recorder(Pipeline& pipeline, std::size_t interval) : pipeline_(pipeline), interval_(interval) {}

  // One drawn run, cut at `depth_most` events.
  Record drawn(const Random& random, std::size_t pct_depth, std::size_t steps, std::size_t depth_most) {
    const Picker picker(random, pct_depth, steps, pipeline_.system().thread_count());
    return whole([&](Schedule& schedule) {
      draw(pipeline_.system(), picker, depth_most, event_, transitions_, schedule,
           [&](const Event& event) { note(event, schedule.size()); });
    });
  }

  // The run that takes what it can of some hints, then some picks, cut at `depth_most` events.
  Record picked(const std::vector<Hint>& hints, const std::vector<Pick>& picks, std::size_t depth_most) {
    return whole([&](Schedule& schedule) {
      System& system = pipeline_.system();
      PickedRun run(picks);
      auto hint = hints.begin();
      system.start(event_, true);
      note(event_, 0);
      while (schedule.size() < depth_most && !system.violated()) {
        system.transitions(transitions_);
        std::optional<Transition> chosen;
        while (!chosen && hint != hints.end()) chosen = taken_as_hinted(*hint++, transitions_);
        if (chosen) {
          run.took(*chosen);
        } else {
          chosen = run.next(transitions_);
        }
        record_.ended = !chosen;
        if (!chosen) return;
        record_.stale_count += meets_stale_line(system, *chosen) ? 1 : 0;
        system.perform(chosen->actor, chosen->choice, event_);
        system.cells().forget();
        schedule.emplace_back(chosen->actor, chosen->choice);
        note(event_, schedule.size());
      }
      record_.ended = system.violated();
    });
  }

  // The run of a schedule. Throws Refused, with the number of the step, where it cannot be followed.
  Record followed(const Schedule& given) {
    return whole([&](Schedule& schedule) {
      System& system = pipeline_.system();
      system.start(event_, true);
      note(event_, 0);
      for (const auto& [actor, choice] : given) {
        system.transitions(transitions_);
        const auto is_next = [&](const Transition& each) { return each.actor == actor && each.choice == choice; };
        if (std::ranges::none_of(transitions_, is_next)) {
          throw Refused("step " + std::to_string(schedule.size() + 1) + " of the schedule cannot happen in the native build");
        }
        system.perform(actor, choice, event_);
        schedule.emplace_back(actor, choice);
        note(event_, schedule.size());
      }
    });
  }

 private:
  template <class Run>
  Record whole(Run&& run) {
    while (true) {
      record_ = {};
      try {
        run(record_.schedule);
        break;
      } catch (const LinesChanged&) {
        continue;
      }
    }
    take_snapshot(record_.schedule.size());
    return std::move(record_);
  }

  void note(const Event& event, std::size_t number) {
    pipeline_.write_down(event, number, record_.acts);
    if (interval_ != 0 && number % interval_ == 0) take_snapshot(number);
  }

  void take_snapshot(std::size_t number) {
    record_.snapshots.emplace_back(number, snapshot(pipeline_.system(), scratch_));
  }

  Pipeline& pipeline_;
  std::size_t interval_;
  Record record_;
  Event event_;
  std::vector<Transition> transitions_;
  std::vector<Transition> scratch_;
};

}  // namespace fencepost::stepped
