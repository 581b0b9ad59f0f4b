// Memory of hosts that are not coherent, with the choices of caches made late: model/memory/lazy.py, choice by choice.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/stepped/cells.hpp"
#include "fencepost/stepped/values.hpp"

namespace fencepost::stepped {

// A line turned out to be used by more than so far: what was found must be found again, keeping it otherwise.
struct LinesChanged {};

// Who has to do with which line; learned while programs run. What it says decides how a line is kept.
class Lines {
 public:
  Lines(std::size_t line_count, bool one_host) : one_host_(one_host), lines_(line_count) {}

  // Throws LinesChanged when the line has to be kept in another way than so far.
  void use(LineIndex line, std::uint32_t thread, Host host, bool writes) {
    Line& each = lines_[line];
    const std::uint64_t thread_bit = std::uint64_t{1} << thread;
    const std::uint32_t host_bit = std::uint32_t{1} << host;
    if ((each.threads & thread_bit) != 0 && (each.hosts & host_bit) != 0 && (!writes || (each.writers & host_bit) != 0)) {
      return;
    }
    const bool was_private = is_private(line), was_single = std::popcount(each.hosts) < 2, was_contested = contested(line);
    each.threads |= thread_bit;
    each.hosts |= host_bit;
    if (writes) each.writers |= host_bit;
    if (std::popcount(each.writers) > static_cast<int>(writer_max)) {
      throw Refused("line " + std::to_string(line) + " is stored to by more than " + std::to_string(writer_max) + " hosts");
    }
    if (was_private != is_private(line) || was_single != (std::popcount(each.hosts) < 2) ||
        was_contested != contested(line)) {
      throw LinesChanged();
    }
  }

  bool own(LineIndex line) const { return one_host_ || std::popcount(lines_[line].hosts) < 2; }
  bool is_private(LineIndex line) const { return std::popcount(lines_[line].threads) < 2; }
  bool contested(LineIndex line) const { return std::popcount(lines_[line].writers) > 1; }
  std::uint32_t writers(LineIndex line) const { return lines_[line].writers; }  // one bit a host

  struct Line {  // one bit each
    std::uint64_t threads = 0;
    std::uint32_t hosts = 0;
    std::uint32_t writers = 0;
  };
  const std::vector<Line>& all() const { return lines_; }

  // Notes what was found out elsewhere.
  void join(LineIndex line, const Line& other) {
    lines_[line].threads |= other.threads;
    lines_[line].hosts |= other.hosts;
    lines_[line].writers |= other.writers;
  }

 private:

  bool one_host_;
  std::vector<Line> lines_;
};

// Loads, stores and flushes on `Cells`, and the choices that each has, under a profile. `Emit` is called with each
// choice and whether it is lucky. Every method that acts notes in `touched` what it had to do with.
class Memory {
 public:
  Memory(const Profile& profile, Lines& lines, Cells& cells, Keys& keys)
      : profile_(profile), lines_(lines), cells_(cells), keys_(keys) {}

  // --- what a load may find ---

  template <class Emit>
  void copies(Host host, LineIndex line, Emit&& emit) const {
    if (lines_.own(line)) {
      emit(Choice::own(), false);
    } else if (cells_.dirty(host, line) != 0) {
      emit(Choice::own(), false);
      if (lines_.contested(line)) {
        evictions(host, line, [&](Choice choice) {
          if (choice.evicts(host)) emit(choice, true);
        });
      }
    } else {
      places(host, line, emit);
      evictions(host, line, [&](Choice choice) { emit(choice, true); });
    }
  }

  // What a load finds right after the host dropped its copy.
  template <class Emit>
  void fresh(Host host, LineIndex line, Emit&& emit) const {
    if (lines_.own(line) || cells_.dirty(host, line) != 0) {
      emit(Choice::own(), false);
      if (lines_.own(line)) return;
    } else {
      const std::vector<Version>& versions = cells_.versions(line);
      const std::size_t last = certain(versions, versions.size() - 1);
      emit(Choice::copy(last), false);
      for (std::size_t place = last + 1; place < versions.size(); ++place) {
        if (versions[place].standing != Standing::ruled_out) emit(Choice::copy(place), true);
      }
    }
    evictions(host, line, [&](Choice choice) { emit(choice, true); });
  }

  // The orders in which some of the dirty copies of a line may be evicted before this host uses it.
  template <class Emit>
  void evictions(Host host, LineIndex line, Emit&& emit) const {
    if (!profile_.evict) return;
    std::array<Host, host_max + 1> owners{};
    std::size_t owner_count = 0;
    const std::uint32_t writers = lines_.writers(line);
    for (std::uint32_t left = writers; left != 0; left &= left - 1) {
      const auto owner = static_cast<Host>(std::countr_zero(left));
      if ((owner != host || lines_.contested(line)) && cells_.dirty(owner, line) != 0) owners[owner_count++] = owner;
    }
    for (std::size_t count = 1; count <= owner_count; ++count) {
      permute({owners.data(), owner_count}, count, 0, Choice::evict_none(), emit);
    }
  }

  // Says whether it makes no difference that the host loads the line once more and keeps what it finds. It makes one
  // where caches fetch nothing of themselves: there a copy is old only if somebody loaded it before.
  bool keeps(Host host, LineIndex line) const { return profile_.speculate || cells_.seen(host, line).kept >= 0; }

  // What a choice finds, without making it.
  Content content(Host host, LineIndex line, Choice choice) const {
    switch (choice.kind()) {
      case Choice::Kind::copy: return cells_.versions(line)[choice.place()].content;
      case Choice::Kind::evict: return cells_.dirty(choice.evicted(choice.eviction_count() - 1), line);
      default: return cells_.dirty(host, line);
    }
  }

  // Makes a choice of `copies` or `fresh`: the host has that copy now.
  Content take(Host host, LineIndex line, Choice choice, Footprint& touched) {
    if (choice.kind() == Choice::Kind::own) {
      touched.add(keys_.copy(host, line), Touch::reads);
      return cells_.dirty(host, line);
    }
    touched.add(keys_.memory(line), Touch::widens);
    touched.add(keys_.dirty(line), Touch::widens);
    if (choice.kind() == Choice::Kind::evict) {
      evict(choice, line, touched);
      const std::size_t last = cells_.versions(line).size() - 1;
      see(host, line, {static_cast<std::uint32_t>(last), static_cast<std::int32_t>(last)}, touched);
      return cells_.versions(line)[last].content;
    }
    const auto place = static_cast<std::uint32_t>(choice.place());
    const Seen seen = cells_.seen(host, line);
    const auto last = static_cast<std::uint32_t>(cells_.versions(line).size() - 1);
    const bool is_kept = static_cast<std::int32_t>(place) == seen.kept;
    if (!is_kept) settle(line, place, profile_.speculate ? seen.since : last, touched);
    touched.add(keys_.version(line, place), Touch::reads);
    if (profile_.speculate) {
      touched.add(keys_.memory(line), Touch::dates);
    } else if (!is_kept) {  // after the next write, memory has this no more, and nobody fetched it before
      touched.add(keys_.memory(line), Touch::reads);
    }
    see(host, line, {profile_.speculate ? last : 0, static_cast<std::int32_t>(place)}, touched);
    return cells_.versions(line)[place].content;
  }

  // --- stores, write-backs ---

  // Lets a store reach the cache on the copy of a choice of `copies`; returns what the word held before.
  Value store(Host host, Word word, Value value, Choice choice, Footprint& touched) {
    const LineIndex line = word.line;
    if (lines_.own(line)) {
      touched.add(keys_.word(word), Touch::writes);
      const Value before = cells_.word(word);
      cells_.set_word(word, value);
      return before;
    }
    const Content found = take(host, line, choice, touched);
    if (choice.kind() == Choice::Kind::own && profile_.evict && !lines_.contested(line)) {
      append(line, {found, Standing::in_doubt}, touched);
    }
    const Value before = cells_.in(found, word.word);
    cells_.set_dirty(host, line, cells_.with(line, found, word.word, value));
    changed(host, line, touched);
    return before;
  }

  // Lets a flush take effect: writes back; drops the copy unless it is a clwb.
  void flush(Host host, LineIndex line, Buffered kind, Choice choice, Footprint& touched) {
    if (lines_.own(line)) return;
    evict(choice, line, touched);
    write_back(host, line, touched);
    if (kind == Buffered::clwb) {
      touched.add(keys_.copy(host, line), Touch::reads);
      return;
    }
    cells_.set_seen(host, line, {static_cast<std::uint32_t>(cells_.versions(line).size() - 1), -1});
    touched.add(keys_.memory(line), Touch::reads);
    touched.add(keys_.copy(host, line), Touch::writes);
    if (lines_.contested(line)) touched.add(keys_.dirty(line), Touch::widens);
  }

  // Writes a host's copy back, drops it, and sets (or adds to) a word of memory, in one step; returns what it held.
  Value device_store(Host host, Word word, Value value, Choice choice, Footprint& touched, bool adds) {
    const LineIndex line = word.line;
    if (lines_.own(line)) {
      const Value before = cells_.word(word);
      return store(host, word, adds ? before + value : value, Choice::own(), touched);
    }
    evict(choice, line, touched);
    Content found = cells_.dirty(host, line);
    if (found != 0) {
      cells_.set_dirty(host, line, 0);
      if (profile_.evict && !lines_.contested(line)) append(line, {found, Standing::in_doubt}, touched);
    } else {
      found = memory(line);
    }
    const Value before = cells_.in(found, word.word);
    append(line, {cells_.with(line, found, word.word, adds ? before + value : value), Standing::certain}, touched);
    cells_.set_seen(host, line, {static_cast<std::uint32_t>(cells_.versions(line).size() - 1), -1});
    touched.add(keys_.memory(line), Touch::reads);
    changed(host, line, touched);
    return before;
  }

  // What memory certainly has of a line that is not one host's own.
  Content memory(LineIndex line) const {
    const std::vector<Version>& versions = cells_.versions(line);
    return versions[certain(versions, versions.size() - 1)].content;
  }

  // What memory certainly has of a word.
  Value memory(Word word) const { return lines_.own(word.line) ? cells_.word(word) : cells_.in(memory(word.line), word.word); }

 private:
  // The last certain version at or before a place: what memory had then.
  static std::size_t certain(const std::vector<Version>& versions, std::size_t place) {
    while (versions[place].standing != Standing::certain) --place;
    return place;
  }

  // Those that demand no luck: the copy that is there, or, without one, what memory has; where caches fetch of
  // themselves, they may have done so at the earliest moment.
  template <class Emit>
  void places(Host host, LineIndex line, Emit& emit) const {
    const std::vector<Version>& versions = cells_.versions(line);
    const Seen seen = cells_.seen(host, line);
    const std::size_t first = certain(versions, profile_.speculate ? seen.since : versions.size() - 1);
    const bool has_kept = seen.kept >= 0;
    const auto kept = static_cast<std::size_t>(seen.kept);
    if (has_kept) {
      emit(Choice::copy(kept), false);
      if (!profile_.evict) return;
    }
    for (std::size_t place = first; place < versions.size(); ++place) {
      if (versions[place].standing != Standing::ruled_out && !(has_kept && place == kept)) {
        emit(Choice::copy(place), has_kept || place != first);
      }
    }
  }

  template <class Emit>
  static void permute(std::span<const Host> owners, std::size_t left, std::uint32_t used, Choice choice, Emit& emit) {
    if (left == 0) {
      emit(choice);
      return;
    }
    for (std::size_t at = 0; at < owners.size(); ++at) {
      const std::uint32_t bit = std::uint32_t{1} << at;
      if ((used & bit) == 0) permute(owners, left - 1, used | bit, choice.and_evict(owners[at]), emit);
    }
  }

  void see(Host host, LineIndex line, Seen seen, Footprint& touched) {
    if (cells_.seen(host, line) == seen) {
      touched.add(keys_.copy(host, line), Touch::reads);
    } else {
      cells_.set_seen(host, line, seen);
      touched.add(keys_.copy(host, line), Touch::writes);
    }
  }

  // Memory had the version at `place`, and still had it at `until`: what was in doubt between was not there.
  void settle(LineIndex line, std::size_t place, std::size_t until, Footprint& touched) {
    const std::vector<Version>& versions = cells_.versions(line);
    bool is_changed = false;
    if (versions[place].standing != Standing::certain) {
      cells_.set_standing(line, place, Standing::certain);
      is_changed = true;
    }
    for (std::size_t at = place + 1; at <= until && at < versions.size(); ++at) {
      if (versions[at].standing == Standing::in_doubt) {
        cells_.set_standing(line, at, Standing::ruled_out);
        is_changed = true;
      }
    }
    if (is_changed) touched.add(keys_.memory(line), Touch::writes);
  }

  void evict(Choice choice, LineIndex line, Footprint& touched) {
    for (std::uint32_t index = 0; index < choice.eviction_count(); ++index) {
      write_back(choice.evicted(index), line, touched);
    }
  }

  // Writes a dirty copy back and keeps it clean.
  void write_back(Host host, LineIndex line, Footprint& touched) {
    const Content content = cells_.dirty(host, line);
    if (content == 0) return;
    cells_.set_dirty(host, line, 0);
    append(line, {content, Standing::certain}, touched);
    const std::size_t last = cells_.versions(line).size() - 1;
    cells_.set_seen(host, line, {static_cast<std::uint32_t>(last), static_cast<std::int32_t>(last)});
    changed(host, line, touched);
  }

  void append(LineIndex line, Version version, Footprint& touched) {
    touched.add(keys_.memory(line), Touch::writes);
    touched.add(keys_.version(line, cells_.versions(line).size()), Touch::writes);
    cells_.append(line, version);
  }

  void changed(Host host, LineIndex line, Footprint& touched) {
    touched.add(keys_.copy(host, line), Touch::writes);
    touched.add(keys_.dirty(line), Touch::writes);
  }

  const Profile& profile_;
  Lines& lines_;
  Cells& cells_;
  Keys& keys_;
};

}  // namespace fencepost::stepped
