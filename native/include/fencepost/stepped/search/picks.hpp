// Runs by given picks: whoever draws them can make them fewer and smaller, and the run stays as plain as it can be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

// So many steps are taken as plainly as can be; the one after them is another than the plainest.
struct Pick {
  std::uint32_t plain_count = 0;
  std::uint32_t choice = 0;
};

// A step of another run, to be taken where there is one like it: of this thread itself, or the oldest that its buffer can
// drain; by this choice if it can be made, else by one that needs no luck.
struct Hint {
  std::uint32_t thread = 0;
  bool drains = false;
  Choice choice;
};

// Returns nothing where there is no step like it.
inline std::optional<Transition> taken_as_hinted(const Hint& hint, const std::vector<Transition>& transitions) {
  std::optional<Transition> found;
  for (const Transition& each : transitions) {
    if (each.actor.thread != hint.thread || each.actor.is_thread() == hint.drains) continue;
    if (found && found->actor != each.actor) break;
    if (each.choice == hint.choice) return each;
    if (!found && !each.lucky) found = each;
  }
  return found;
}

// Plainest is to go on with the same actor, and to do without luck. Where nothing goes on without luck, the run ends, if
// no pick is left; one that is left is taken there, so that a run need not be as long as it was when the pick was drawn.
class PickedRun {
 public:
  explicit PickedRun(const std::vector<Pick>& picks) : picks_(picks) {
    if (!picks.empty()) plain_left_ = picks.front().plain_count;
  }

  // Returns nothing where the run ends. Sorts the transitions.
  std::optional<Transition> next(std::vector<Transition>& transitions) {
    if (transitions.empty()) return std::nullopt;
    std::ranges::stable_sort(transitions, {}, [this](const Transition& each) {
      return (each.lucky ? 2 : 0) + (has_last_ && each.actor == last_ ? 0 : 1);
    });
    const bool is_stuck = transitions.front().lucky;
    std::size_t at = 0;
    if (taken_ < picks_.size() && (plain_left_ == 0 || is_stuck)) {
      at = (1 + std::size_t{picks_[taken_].choice}) % transitions.size();
      ++taken_;
      plain_left_ = taken_ < picks_.size() ? picks_[taken_].plain_count : 0;
    } else if (is_stuck) {
      return std::nullopt;
    } else if (plain_left_ > 0) {
      --plain_left_;
    }
    took(transitions[at]);
    return transitions[at];
  }

  // Tells of a step that was not picked.
  void took(const Transition& transition) {
    last_ = transition.actor;
    has_last_ = true;
  }

 private:
  const std::vector<Pick>& picks_;
  std::size_t taken_ = 0;
  std::uint32_t plain_left_ = 0;
  Actor last_{};
  bool has_last_ = false;
};

// Says whether a thread is about to read a line of which its host's copy, or the one it reads, is older than what memory
// has: unless it drops that copy first, it reads what is no longer so.
inline bool meets_stale_line(const System& system, const Transition& transition) {
  if (!transition.actor.is_thread()) return false;
  const Operation* const operation = system.pending(transition.actor.thread);
  const bool polls = operation->kind == Kind::poll;
  if (!polls && operation->kind != Kind::load) return false;
  const Choice choice = polls ? transition.choice.without_poll() : transition.choice;
  const Word word = polls ? operation->watched[transition.choice.poll()].word : operation->word;
  const Cells& cells = system.cells();
  const auto newest = static_cast<Value>(cells.versions(word.line).size()) - 1;
  const auto kept = static_cast<Value>(cells.seen(system.host(transition.actor.thread), word.line).kept);
  return (kept >= 0 && kept < newest) ||
         (choice.kind() == Choice::Kind::copy && static_cast<Value>(choice.place()) < newest);
}

}  // namespace fencepost::stepped
