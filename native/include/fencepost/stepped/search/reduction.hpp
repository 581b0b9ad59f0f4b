// Every run of a small system, each once up to the order of steps that have nothing to do with each other.
// model/explorer/search/reduction.py: dynamic partial-order reduction with source sets and sleep sets.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "fencepost/stepped_look_back.hpp"
#include "fencepost/stepped/search/order.hpp"
#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

struct Counts {
  std::uint64_t complete = 0;
  std::uint64_t blocked = 0;  // cut short by a sleep set
  std::uint64_t cut = 0;      // longer than the depth
  std::uint64_t steps = 0;
};

using Schedule = std::vector<std::pair<Actor, Choice>>;

inline bool stuck(const std::vector<Transition>& transitions) {
  return std::ranges::all_of(transitions, [](const Transition& each) { return each.lucky; });
}

// What sleeping transitions have to do with, kept like a stack: what is noted at a place goes when the place is left.
class Footprints {
 public:
  struct Print {
    std::uint32_t begin = 0;
    std::uint32_t count = 0;
    std::array<std::uint64_t, 4> signatures{};
  };

  Print note(const Footprint& touched) {
    Print print{static_cast<std::uint32_t>(touches_.size()), static_cast<std::uint32_t>(touched.touches().size()),
                touched.signatures()};
    touches_.insert(touches_.end(), touched.touches().begin(), touched.touches().end());
    return print;
  }

  std::size_t size() const { return touches_.size(); }
  void shrink(std::size_t size) { touches_.resize(size); }

  // Says whether what sleeps, done after this event, may come to something new.
  bool wakes(const Footprint& event, const Print& asleep) const {
    enum : std::size_t { reads, writes, widens, dates };
    const auto& mine = event.signatures();
    const auto& theirs = asleep.signatures;
    if (((mine[writes] & (theirs[writes] | theirs[reads])) | ((mine[reads] | mine[dates]) & theirs[writes])) == 0) {
      return false;
    }
    for (const Touch& one : event.touches()) {
      for (const Touch& other : std::span(touches_).subspan(asleep.begin, asleep.count)) {
        if (one.key != other.key) continue;
        const bool by_write = (one.roles & Touch::writes) != 0 && (other.roles & (Touch::reads | Touch::writes)) != 0;
        if (by_write || ((one.roles & (Touch::reads | Touch::dates)) != 0 && (other.roles & Touch::writes) != 0)) {
          return true;
        }
      }
    }
    return false;
  }

 private:
  std::vector<Touch> touches_;
};

// A walk through the runs of a system. `Look` has
//   bool ended(system, walk)   told the end of each complete run; true: stop there
//   bool interrupted(walk)     asked now and then; true: stop there
class Reduction {
 public:
  Reduction(System& system, std::size_t depth_most) : system_(system), order_(system), depth_most_(depth_most) {}

  // Says whether it was stopped. Throws LinesChanged where the walk must begin again.
  template <class Look>
  bool walk(Look& look) {
    counts_ = {};
    depth_ = 0;
    footprints_.shrink(0);
    schedule_.clear();
    system_.start(event_);
    order_.begin(event_);
    enter(nullptr);
    if (at_end() && look.ended(system_, *this)) return true;
    while (depth_ > 0) {
      Transition tried;
      if (!next(places_[depth_ - 1], tried)) {
        leave();
        continue;
      }
      step(tried);
      if (at_end() && look.ended(system_, *this)) return true;
      if (counts_.steps % look_interval == 0 && look.interrupted(*this)) return true;
    }
    return false;
  }

  const Counts& counts() const { return counts_; }
  const Schedule& schedule() const { return schedule_; }

  // An estimate of how much of the walk is done, 0 to 1: as if all branches of a place were alike.
  double progress() const {
    double done = 0, share = 1;
    for (std::size_t at = 0; at < depth_; ++at) {
      const Place& place = places_[at];
      std::size_t width = place.tried_count;
      for (const Actor& actor : place.to_try) width += awake_count(place, actor);
      width = std::max<std::size_t>(1, width);
      const std::size_t finished = place.tried_count == 0 ? 0 : place.tried_count - 1;
      done += share * static_cast<double>(finished) / static_cast<double>(width);
      share /= static_cast<double>(width);
    }
    return std::min(done, 1.0);
  }

 private:
  static constexpr std::uint64_t look_interval = 1024;

  // What a wait may end at, one bit each (`System::each_answer`). Those of many words share the last one: it is set
  // where one of them is possible, and is never taken for possible still.
  using Answers = std::uint64_t;
  static constexpr Answers uncertain_answers = Answers{1} << 63U;

  struct Known {
    std::uint32_t thread;
    Nodes::Index node;  // of the wait
    Answers answers;
  };

  struct Asleep {
    Actor actor;
    Choice choice;
    Footprints::Print print;
  };

  // One state of the run that is being extended, and what has been and is to be tried from it.
  struct Place {
    std::vector<Transition> transitions;
    std::vector<Asleep> asleep;
    std::vector<Actor> to_try;        // every actor that is or was to be tried here
    std::size_t done = 0;             // how many of them were
    std::vector<Transition> pending;  // what is left to try of the current actor, the next one last
    std::size_t tried_count = 0;
    Cells::Moment moment = 0;
    std::size_t footprints = 0;  // when it was entered
    std::vector<Known> known;    // of waits that later places asked about
  };

  static bool sleeps(const Place& place, const Transition& transition) {
    return std::ranges::any_of(place.asleep, [&](const Asleep& each) {
      return each.actor == transition.actor && each.choice == transition.choice;
    });
  }

  static std::size_t awake_count(const Place& place, Actor actor) {
    return static_cast<std::size_t>(std::ranges::count_if(place.transitions, [&](const Transition& each) {
      return each.actor == actor && !sleeps(place, each);
    }));
  }

  static bool has(const Place& place, Actor actor) {
    return std::ranges::any_of(place.transitions, [&](const Transition& each) { return each.actor == actor; });
  }

  // Finds the next transition to try; false when all is done.
  static bool next(Place& place, Transition& found) {
    while (place.pending.empty()) {
      if (place.done == place.to_try.size()) return false;
      const Actor actor = place.to_try[place.done++];
      for (std::size_t at = place.transitions.size(); at-- > 0;) {
        const Transition& each = place.transitions[at];
        if (each.actor == actor && !sleeps(place, each)) place.pending.push_back(each);
      }
    }
    ++place.tried_count;
    found = place.pending.back();
    place.pending.pop_back();
    return true;
  }

  void step(const Transition& transition) {
    const std::size_t at = depth_ - 1;
    system_.cells().back_to(places_[at].moment);
    passed_over_.clear();
    if (transition.actor.is_thread()) find_passed_over(transition.actor.thread);
    system_.perform(transition.actor, transition.choice, event_);
    ++counts_.steps;
    schedule_.resize(at);
    schedule_.emplace_back(transition.actor, transition.choice);
    order_.push(event_, races_);
    for (const Race& race : races_) reverse(race, order_.size() - 1, event_.actor);
    for (const Race& race : passed_over_) reverse(race, order_.size() - 1, event_.actor);
    const Footprints::Print print = footprints_.note(event_.touched);
    enter(&places_[at].asleep);
    places_[at].asleep.push_back({transition.actor, transition.choice, print});
  }

  void enter(const std::vector<Asleep>* asleep) {
    if (places_.size() == depth_) places_.emplace_back();
    Place& place = places_[depth_++];
    place.asleep.clear();
    if (asleep != nullptr) {
      for (const Asleep& each : *asleep) {
        if (each.actor != event_.actor && !footprints_.wakes(event_.touched, each.print)) place.asleep.push_back(each);
      }
    }
    place.to_try.clear();
    place.pending.clear();
    place.known.clear();
    place.done = place.tried_count = 0;
    place.moment = system_.cells().now();
    place.footprints = footprints_.size();
    place.transitions.clear();
    if (!system_.violated()) system_.transitions(place.transitions);
    if (order_.size() < depth_most_) choose_first(place);
  }

  // Who goes on: the one who just went, if it can without luck; else the first who can; else with luck.
  void choose_first(Place& place) {
    bool found = false, found_ready = false;
    Actor first, first_ready;
    const Transition* last = nullptr;
    for (const Transition& each : place.transitions) {
      if (sleeps(place, each)) continue;
      const bool is_first_of_actor = last == nullptr || last->actor != each.actor;
      last = &each;
      if (!is_first_of_actor) continue;
      if (!found) first = each.actor;
      found = true;
      if (each.lucky) continue;
      if (order_.size() > 0 && each.actor == order_.actor(order_.size() - 1)) {
        place.to_try.push_back(each.actor);
        return;
      }
      if (!found_ready) first_ready = each.actor;
      found_ready = true;
    }
    if (found) place.to_try.push_back(found_ready ? first_ready : first);
  }

  void leave() {
    // What was noted of the event that led here stays: it sleeps at the place before.
    footprints_.shrink(places_[depth_ - 1].footprints);
    if (--depth_ > 0) order_.pop();
  }

  // Says whether the run has come to its end, complete: nothing more to do, or only with luck.
  bool at_end() {
    const Place& place = places_[depth_ - 1];
    if (order_.size() >= depth_most_ && !place.transitions.empty()) {
      ++counts_.cut;
      return false;
    }
    if (!stuck(place.transitions)) {
      if (place.to_try.empty()) {
        reverse_asleep();
        ++counts_.blocked;
      }
      return false;
    }
    reverse_waiting();
    ++counts_.complete;
    return true;
  }

  // A thread that waits in vain might have been let through earlier: what it waits for is treated as a race.
  void reverse_waiting() {
    if (system_.violated()) return;
    for (std::uint32_t thread = 0; thread < system_.thread_count(); ++thread) {
      const Operation* const operation = system_.pending(thread);
      if (operation == nullptr) continue;
      find_waited_for(*operation);
      if (keys_.empty()) continue;
      order_.waiting(thread, keys_, races_);
      for (const Race& race : races_) reverse(race, order_.size(), {thread, Actor::thread_itself});
    }
  }

  // A wait that sleeps has an answer that was tried before: it might have been let through by another one.
  void reverse_asleep() {
    const Place& place = places_[depth_ - 1];
    for (std::uint32_t thread = 0; thread < system_.thread_count(); ++thread) {
      if (!has(place, {thread, Actor::thread_itself})) continue;
      find_passed_over(thread);
      for (const Race& race : passed_over_) reverse(race, order_.size(), {thread, Actor::thread_itself});
    }
  }

  // The races of a wait with earlier events that took back what would have ended it. The nearest event of a poll that
  // ends at the 2 of a word that was 1, 0 and 2 is the store of the 2, before which it cannot go on at all: that it could
  // before the store of the 0, no chain of nearest events would show. Nor would one of a poll that ends at another word.
  void find_passed_over(std::uint32_t thread) {
    passed_over_.clear();
    const Operation* const operation = system_.pending(thread);
    if (operation == nullptr || (operation->kind != Kind::poll && operation->kind != Kind::receive)) return;
    find_waited_for(*operation);
    order_.waiting(thread, keys_, passed_over_);
    std::erase_if(passed_over_, [&](const Race& race) { return order_.actor(race.earlier).thread == thread; });
    if (passed_over_.empty()) return;
    LookBack look(system_.cells(), thread);
    std::erase_if(passed_over_, [&](const Race& race) {
      const Answers after = answers_at(look, race.earlier + 1, thread) & ~uncertain_answers;
      return (answers_at(look, race.earlier, thread) & ~after) == 0;
    });
  }

  // What a wait could have ended at in an earlier place of the run. It is kept there: most of the next runs pass it too.
  Answers answers_at(LookBack& look, std::size_t at, std::uint32_t thread) {
    Place& place = places_[at];
    const Nodes::Index node = system_.cells().node(thread);
    const bool is_kept = system_.cells().buffer(thread).empty();  // else it depends on what is in there, too
    for (const Known& each : place.known) {
      if (is_kept && each.thread == thread && each.node == node) return each.answers;
    }
    look.to(place.moment);
    Answers answers = 0;
    system_.each_answer(thread, [&](std::size_t answer) { answers |= Answers{1} << std::min<std::size_t>(answer, 63); });
    if (is_kept) place.known.push_back({thread, node, answers});
    return answers;
  }

  // The keys whose writes may let a waiting operation through, or take back what would have.
  void find_waited_for(const Operation& operation) {
    keys_.clear();
    const auto wait_for = [&](Word word) {
      system_.each_key(word, [&](Keys::Key key) { keys_.push_back(key); });
    };
    if (operation.kind == Kind::poll) {
      for (const Watched& each : operation.watched) wait_for(each.word);
    } else if (operation.kind == Kind::lock || operation.kind == Kind::load) {
      wait_for(operation.word);
    } else if (operation.kind == Kind::receive) {
      keys_.push_back(system_.keys().channel(operation.channel));
      keys_.push_back(system_.keys().taken(operation.channel));
    }
  }

  // Sees to it that the later of two racing events is also tried before the earlier one.
  //
  // What did not happen after the earlier event, and then the later one, is a run from the earlier one's place. One of
  // those that could begin it must be tried there, unless one was, or sleeps. `length` is of the run before the later.
  void reverse(const Race& race, std::size_t length, Actor later) {
    Place& place = places_[race.earlier];
    EventSets& sets = order_.sets();
    const EventSets::Set before = sets.size();
    const EventSets::Set seen = sets.make();
    beginning_.clear();
    for (std::size_t at = race.earlier + 1; at < length; ++at) {
      if (order_.after(at, race.earlier)) continue;
      if (sets.disjoint(order_.past(at), seen)) beginning_.push_back(order_.actor(at));
      sets.insert(seen, at);
    }
    if (sets.disjoint(race.before, seen)) beginning_.push_back(later);
    sets.shrink(before);
    const auto is_tried = [&](Actor each) { return std::ranges::find(place.to_try, each) != place.to_try.end(); };
    if (std::ranges::any_of(beginning_, is_tried)) return;
    std::erase_if(beginning_, [&](Actor each) { return !has(place, each); });
    if (std::ranges::any_of(beginning_, [&](Actor each) { return awake_count(place, each) == 0; })) return;
    if (!beginning_.empty()) place.to_try.push_back(beginning_.front());
  }

  System& system_;
  RunOrder order_;
  std::size_t depth_most_;
  std::deque<Place> places_;  // of the run, and places left over from longer runs
  std::size_t depth_ = 0;      // places of the run
  Footprints footprints_;
  Counts counts_;
  Schedule schedule_;
  Event event_;
  std::vector<Race> races_;
  std::vector<Race> passed_over_;
  std::vector<Actor> beginning_;
  std::vector<Keys::Key> keys_;
};

}  // namespace fencepost::stepped
