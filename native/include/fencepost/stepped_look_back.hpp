// A look at an earlier state of the same run: what memory, channels and buffers had then, and all of it back again.
#pragma once

#include <cstdint>
#include <utility>

#include "fencepost/stepped/cells.hpp"

namespace fencepost::stepped {

// While it lives, the cells have what they had at the moment that was asked for last, and must not change. Places of
// threads, the watch, and the buffer of one thread stay as they are now: they are what is asked about.
class LookBack {
 public:
  LookBack(Cells& cells, std::uint32_t thread) : cells_(cells), thread_(thread), at_(cells.now()) {}
  LookBack(const LookBack&) = delete;
  LookBack& operator=(const LookBack&) = delete;
  ~LookBack() { to(cells_.now()); }

  void to(Cells::Moment moment) {
    while (at_ > moment) step(cells_.changes_[--at_], false);
    while (at_ < moment) step(cells_.changes_[at_++], true);
  }

 private:
  using What = Cells::What;

  // Takes a change back, or makes it again: it holds the other one of before and after.
  void step(Cells::Change& change, bool again) {
    const std::uint32_t where = change.where;
    switch (change.what) {
      case What::word: swap(cells_.words_[where], change.before); break;
      case What::dirty: swap(cells_.dirty_[where], change.before); break;
      case What::seen: {
        const Seen held = std::exchange(cells_.seen_[where], {change.place, static_cast<std::int32_t>(change.before)});
        change.place = held.since;
        change.before = static_cast<std::uint64_t>(held.kept);
        break;
      }
      case What::stored: {
        const Stored held = std::exchange(cells_.stored_[where], {change.place, static_cast<std::uint32_t>(change.before)});
        change.place = held.thread;
        change.before = held.moment;
        break;
      }
      case What::standing: swap(cells_.versions_[where][change.place].standing, change.before); break;
      case What::version: step_version(change, again); break;
      case What::put:
      case What::taken:
        if (where != thread_) step_buffer(change, again == (change.what == What::put));
        break;
      case What::sent: step_message(change, again); break;
      case What::received: again ? ++cells_.taken_counts_[where] : --cells_.taken_counts_[where]; break;
      case What::content:
      case What::moment:
      case What::node:
      case What::watch:
      case What::writer: break;  // not looked at, or not reached from what an earlier state has
    }
  }

  template <class Held>
  static void swap(Held& held, std::uint64_t& before) {
    before = static_cast<std::uint64_t>(std::exchange(held, static_cast<Held>(before)));
  }

  void step_version(Cells::Change& change, bool again) {
    auto& versions = cells_.versions_[change.where];
    if (again) {
      versions.push_back({static_cast<Content>(change.before), static_cast<Standing>(change.place)});
    } else {
      change.place = static_cast<std::uint32_t>(versions.back().standing);
      change.before = versions.back().content;
      versions.pop_back();
    }
  }

  // What was put was put last.
  void step_buffer(Cells::Change& change, bool enters) {
    auto& buffer = cells_.buffers_[change.where];
    if (change.what == What::put) {
      if (!enters) change.before = buffer.back();
      enters ? buffer.push_back(static_cast<EntryIndex>(change.before)) : buffer.pop_back();
    } else {
      const auto place = buffer.begin() + change.place;
      enters ? static_cast<void>(buffer.insert(place, static_cast<EntryIndex>(change.before))) : static_cast<void>(buffer.erase(place));
    }
  }

  void step_message(Cells::Change& change, bool again) {
    auto& messages = cells_.messages_[change.where];
    if (again) {
      messages.push_back(static_cast<Value>(change.before));
    } else {
      change.before = static_cast<std::uint64_t>(messages.back());
      messages.pop_back();
    }
  }

  Cells& cells_;
  std::uint32_t thread_;
  Cells::Moment at_;
};

}  // namespace fencepost::stepped
