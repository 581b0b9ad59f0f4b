// The steps of a litmus program: the larger ones of model/litmus/reduced.py, in the same order, and the definition's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fencepost/litmus/at_once.hpp"
#include "fencepost/litmus/machine.hpp"

namespace fencepost::litmus {

// Numbered for native/schedules/litmus.py.
enum class Act : std::uint8_t { issue, drain, evict, clean, fetch, tear, prefetch, crash };

struct Label {
  Act act{};
  std::uint16_t actor = 0;   // a thread for issue, drain and prefetch; else a host
  std::uint16_t line = 0;    // UINT16_MAX: none
  std::uint16_t detail = 0;  // index in the buffer, or word
};

enum class Truth : std::uint8_t { no, yes, open };

class Steps : public AtOnce {
 public:
  explicit Steps(Machine& machine) : AtOnce(machine) {
    for (std::size_t host = 0; host < machine.host_count(); ++host) {
      std::vector<bool> named(machine.line_count(), false);
      for (const Thread& thread : machine.program().threads) {
        for (const Instruction& each : thread.instructions) {
          if (thread.host == host && each.line >= 0) named[static_cast<std::size_t>(each.line)] = true;
        }
      }
      named_.push_back(std::move(named));
    }
  }

  bool final(const State& s) const { return options_.memory_matters ? machine_.settled(s) : machine_.ended(s); }

  // Whether the search is over in this state: met now under a snapshot, at the end of every run from here otherwise.
  bool reached(const State& s) {
    if (machine_.program().condition.empty()) return false;
    if (options_.reduced && !options_.snapshot) return decide(s, Knows::what_ends) == Truth::yes;
    return (options_.snapshot || final(s)) && decide(s, Knows::everything) == Truth::yes;
  }

  bool hopeless(const State& s) {
    return options_.reduced && !machine_.program().condition.empty() && !reached(s) &&
           decide(s, Knows::what_is_final) == Truth::no;
  }

  // Calls visit(label, state) for each step; the state is scratch, to be changed or copied by the visitor.
  template <class Visit>
  void each_step(const State& s, Visit visit) {
    if (options_.reduced) {
      for (std::size_t thread = 0; thread < machine_.thread_count(); ++thread) {
        if (goes_first(s, thread)) return issue(s, thread, visit);
      }
    }
    for (std::size_t thread = 0; thread < machine_.thread_count(); ++thread) {
      issue(s, thread, visit);
      drains(s, thread, visit);
    }
    environment(s, visit);
    for (std::size_t host = 0; options_.crashes && host < machine_.host_count(); ++host) {
      after_ = s;
      machine_.crash(after_, host);
      visit(Label{Act::crash, narrow(host), none, 0}, after_);
    }
  }

 private:
  // Memory is known of a settled state, if the run ends there, or if no crash may come that changes it.
  enum class Knows : std::uint8_t { what_is_final, what_ends, everything };

  Truth decide(const State& s, Knows knows) {
    const bool stays = knows == Knows::what_ends || !options_.crashes;
    const bool settled = knows == Knows::everything || (!options_.snapshot && stays && machine_.settled(s));
    stack_.clear();
    for (const Item& item : machine_.program().condition) {
      if (item.what == Item::What::atom) {
        stack_.push_back(atom(s, item, settled, knows == Knows::everything));
      } else if (item.what == Item::What::negate) {
        Truth& top = stack_.back();
        if (top != Truth::open) top = top == Truth::yes ? Truth::no : Truth::yes;
      } else {
        const Truth right = stack_.back();
        stack_.pop_back();
        Truth& left = stack_.back();
        const Truth decisive = item.what == Item::What::both ? Truth::no : Truth::yes;
        if (left == decisive || right == decisive) {
          left = decisive;
        } else if (left == Truth::open || right == Truth::open) {
          left = Truth::open;
        }
      }
    }
    return stack_.back();
  }

  Truth atom(const State& s, const Item& item, bool memory_known, bool registers_known) const {
    Id word = 0;
    if (item.thread >= 0) {
      const auto thread = static_cast<std::size_t>(item.thread);
      if (!registers_known && machine_.ahead(thread).assigns(machine_.pc(s, thread), item.reg)) return Truth::open;
      word = machine_.reg(s, thread, item.reg);
      if (machine_.values().number(word) == no_value) return Truth::open;
    } else {
      if (!memory_known) return Truth::open;
      word = machine_.values().word_of(machine_.memory(s, item.line), item.reg);
    }
    return (machine_.values().number(word) == item.value) == item.equal ? Truth::yes : Truth::no;
  }

  // --- one at a time ---

  template <class Visit>
  void issue(const State& s, std::size_t thread, Visit visit) {
    if (machine_.at_end(s, thread)) return;
    const Instruction& each = machine_.code(thread)[machine_.pc(s, thread)];
    if (waits_for_buffer(each.op) && machine_.length(s, thread) != 0) return;
    if (each.op == Op::ur && streams(s, thread)) return;
    const Label label{Act::issue, narrow(thread), each.line < 0 ? none : narrow(static_cast<std::size_t>(each.line)), 0};
    if (each.op == Op::r || is_locked(each.op)) return loads(s, thread, each, label, visit);
    if (is_buffered(each.op) && !options_.buffers) return acts(s, thread, label, visit);
    after_ = s;
    if (each.op == Op::crash) {
      machine_.crash(after_, machine_.host(thread));
    } else if (is_past_caches(each.op)) {
      machine_.device_add(after_, thread);
    } else if (each.op == Op::pf && (!options_.reduced || !options_.speculate)) {
      const auto line = static_cast<std::size_t>(each.line);
      if (options_.reduced) {
        machine_.prefetch(after_, thread);
      } else {
        if (machine_.cell_id(s, machine_.host(thread), line) == absent) {
          machine_.took(after_, machine_.host(thread), line, machine_.memory(s, line));
          ++after_[thread];
          visit(Label{Act::prefetch, label.actor, label.line, 0}, after_);
          after_ = s;
        }
        ++after_[thread];
      }
    } else if (options_.reduced || !quietly(after_, thread, each)) {
      return;
    }
    visit(label, after_);
  }

  // Whether a non-temporal store of the thread waits to drain.
  bool streams(const State& s, std::size_t thread) const {
    const std::size_t begin = machine_.buffer_at(s, thread);
    for (std::size_t at = begin; at < begin + machine_.length(s, thread); ++at) {
      if (machine_.entry_at(s, at).kind == Kind::nt) return true;
    }
    return false;
  }

  template <class Visit>
  void loads(const State& s, std::size_t thread, const Instruction& each, Label label, Visit visit) {
    const std::size_t begin = machine_.buffer_at(s, thread);
    for (std::size_t at = begin + machine_.length(s, thread); at-- > begin;) {
      const Entry& held = machine_.entry_at(s, at);
      if ((held.kind == Kind::w || held.kind == Kind::nt) && held.line == each.line && held.word == each.word) {
        after_ = s;
        machine_.assign(after_, thread, held.value);
        return visit(label, after_);
      }
    }
    machine_.choices(s, machine_.host(thread), static_cast<std::size_t>(each.line), found_);
    for (const Id content : found_) {
      after_ = s;
      machine_.load(after_, thread, content);
      visit(label, after_);
    }
  }

  // Without buffers, what would enter one acts at once.
  template <class Visit>
  void acts(const State& s, std::size_t thread, Label label, Visit visit) {
    State entered = s;
    machine_.enter(entered, thread);
    machine_.bases(entered, thread, machine_.entry_at(entered, machine_.buffer_at(entered, thread)), found_);
    for (const Id content : found_) {
      after_ = entered;
      machine_.drain(after_, thread, 0, content);
      visit(label, after_);
    }
  }

  template <class Visit>
  void drains(const State& s, std::size_t thread, Visit visit) {
    const std::size_t begin = machine_.buffer_at(s, thread);
    for (std::size_t index = 0; index < machine_.length(s, thread); ++index) {
      if (machine_.blocked(s, begin, index)) continue;
      const Entry each = machine_.entry_at(s, begin + index);
      machine_.bases(s, thread, each, found_);
      for (const Id content : found_) {
        after_ = s;
        machine_.drain(after_, thread, index, content);
        visit(Label{Act::drain, narrow(thread), each.line, narrow(index)}, after_);
      }
    }
  }

  template <class Visit>
  void environment(const State& s, Visit visit) {
    const bool evict = options_.evict || (machine_.all_drained(s) && machine_.ended(s));
    if (options_.reduced && !evict) return;
    for (std::size_t host = 0; host < machine_.host_count(); ++host) {
      for (std::size_t line = 0; line < machine_.line_count(); ++line) {
        const std::int16_t mask = machine_.cell(s, host, line).mask;
        if (options_.reduced) {
          if (mask > 0 && noticed(s, host, line)) write_backs(s, host, line, mask, true, false, visit);
        } else if (named_[host][line]) {
          if (machine_.cell_id(s, host, line) != absent) {
            write_backs(s, host, line, mask, evict, evict, visit);
          } else if (options_.speculate) {
            after_ = s;
            machine_.took(after_, host, line, machine_.memory(s, line));
            visit(Label{Act::fetch, narrow(host), narrow(line), 0}, after_);
          }
        }
      }
    }
  }

  template <class Visit>
  void write_backs(const State& s, std::size_t host, std::size_t line, std::int16_t mask, bool clean, bool evict,
                   Visit visit) {
    if (evict) {
      after_ = s;
      machine_.write_back(after_, host, line);
      machine_.drop(after_, host, line);
      visit(Label{Act::evict, narrow(host), narrow(line), 0}, after_);
    }
    if (clean && mask > 0) {
      after_ = s;
      machine_.write_back(after_, host, line);
      visit(Label{Act::clean, narrow(host), narrow(line), 0}, after_);
    }
    if (options_.line_atomic || mask <= 0) return;
    for (std::size_t word = 0; word < 8; ++word) {
      if ((mask >> word & 1) == 0) continue;
      after_ = s;
      machine_.tear(after_, host, line, word);
      visit(Label{Act::tear, narrow(host), narrow(line), narrow(word)}, after_);
    }
  }

  static constexpr std::uint16_t none = UINT16_MAX;

  std::vector<std::vector<bool>> named_;  // host, line: environment steps elsewhere could not be noticed
  State after_;
  std::vector<Id> found_;
  std::vector<Truth> stack_;
};

}  // namespace fencepost::litmus
