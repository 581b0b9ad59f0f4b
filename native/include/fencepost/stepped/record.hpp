// One run with everything written down, to be held against the model's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/stepped/search/draw.hpp"
#include "fencepost/stepped/search/picks.hpp"
#include "fencepost/stepped/snapshot.hpp"
#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

// Everything that one act was, as numbers.
struct ActRow {
  static constexpr std::size_t width = 12 + Step::argument_max;
  static constexpr Value drain = 100;  // added to what the entry is in the buffer, for the kind of a drain

  // event, thread, kind, line, word, value, second, index, result, choice, action, argument count, arguments
  std::array<Value, width> columns{};
};

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
  Recorder(System& system, std::size_t interval) : system_(system), interval_(interval) {}

  // One drawn run, cut at `depth_most` events.
  Record drawn(const Random& random, std::size_t pct_depth, std::size_t steps, std::size_t depth_most) {
    const Picker picker(random, pct_depth, steps, system_.thread_count());
    return whole([&](Schedule& schedule) {
      draw(system_, picker, depth_most, event_, transitions_, schedule,
           [&](const Event& event) { note(event, schedule.size()); });
    });
  }

  // The run that takes what it can of some hints, then some picks, cut at `depth_most` events.
  Record picked(const std::vector<Hint>& hints, const std::vector<Pick>& picks, std::size_t depth_most) {
    return whole([&](Schedule& schedule) {
      PickedRun run(picks);
      auto hint = hints.begin();
      system_.start(event_, true);
      note(event_, 0);
      while (schedule.size() < depth_most && !system_.violated()) {
        system_.transitions(transitions_);
        std::optional<Transition> chosen;
        while (!chosen && hint != hints.end()) chosen = taken_as_hinted(*hint++, transitions_);
        if (chosen) {
          run.took(*chosen);
        } else {
          chosen = run.next(transitions_);
        }
        record_.ended = !chosen;
        if (!chosen) return;
        record_.stale_count += meets_stale_line(system_, *chosen) ? 1U : 0U;
        system_.perform(chosen->actor, chosen->choice, event_);
        system_.cells().forget();
        schedule.emplace_back(chosen->actor, chosen->choice);
        note(event_, schedule.size());
      }
      record_.ended = system_.violated();
    });
  }

  // The run of a schedule. Throws Refused, with the number of the step, where it cannot be followed.
  Record followed(const Schedule& given) {
    return whole([&](Schedule& schedule) {
      system_.start(event_, true);
      note(event_, 0);
      for (const auto& [actor, choice] : given) {
        system_.transitions(transitions_);
        const auto is_next = [actor = actor, choice = choice](const Transition& each) {
          return each.actor == actor && each.choice == choice;
        };
        if (std::ranges::none_of(transitions_, is_next)) {
          throw Refused("step " + std::to_string(schedule.size() + 1) + " of the schedule cannot happen in the native build");
        }
        system_.perform(actor, choice, event_);
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
    write_down(event, number);
    if (interval_ != 0 && number % interval_ == 0) take_snapshot(number);
  }

  // Adds what was done in an event.
  void write_down(const Event& event, std::size_t number) {
    for (const Act& act : event.acts) {
      const Operation& operation = system_.nodes(act.thread).operation(act.node);
      const Step& step = act.step;
      ActRow row;
      auto& to = row.columns;
      to[0] = static_cast<Value>(number);
      to[1] = act.thread;
      if (act.is_drain) {
        const Entry& entry = system_.cells().entry(act.entry);
        write(to, ActRow::drain + static_cast<Value>(entry.kind), entry.word, entry.value, entry.number);
      } else if (operation.kind == Kind::poll) {
        const Watched& watched = operation.watched[act.result.index];
        write(to, static_cast<Value>(operation.kind), watched.word, watched.seen,
              static_cast<Value>(operation.watched.size()));
      } else {
        write(to, static_cast<Value>(operation.kind), operation.word, operation.value, operation.second);
        to[7] = operation.channel;
      }
      if (operation.kind == Kind::poll && !act.is_drain) to[7] = act.result.index;
      to[8] = act.result.value;
      to[9] = static_cast<Value>(act.choice.bits());
      to[10] = static_cast<Value>(step.action);
      to[11] = step.argument_count;
      std::ranges::copy(step.arguments, to.begin() + 12);
      record_.acts.push_back(row);
    }
  }

  static void write(std::array<Value, ActRow::width>& to, Value kind, Word word, Value value, Value second) {
    to[2] = kind;
    to[3] = word.line;
    to[4] = word.word;
    to[5] = value;
    to[6] = second;
  }

  void take_snapshot(std::size_t number) {
    record_.snapshots.emplace_back(number, snapshot(system_, scratch_));
  }

  System& system_;
  std::size_t interval_;
  Record record_;
  Event event_;
  std::vector<Transition> transitions_;
  std::vector<Transition> scratch_;
};

}  // namespace fencepost::stepped
