// What the binding files of the stepped build share: schedules, searches, records, and calls into Python from a loop.
#pragma once

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/stepped/search/explore.hpp"
#include "fencepost/stepped/record.hpp"
#include "fencepost/stepped/system.hpp"

namespace fencepost::bound {

namespace py = pybind11;

using Arguments = std::vector<std::int64_t>;

using PlainSchedule = std::vector<std::tuple<std::uint32_t, std::int32_t, std::uint64_t>>;

inline PlainSchedule plain(const stepped::Schedule& schedule) {
  PlainSchedule rows;
  for (const auto& [actor, choice] : schedule) rows.emplace_back(actor.thread, actor.number, choice.bits());
  return rows;
}

// Complete, blocked, cut, steps, part done.
using Tell = std::function<void(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, double)>;

// Calls into Python from a loop without the GIL. Ctrl-C ends that loop with what it has; other errors go through.
template <class Call>
auto with_python(Call&& call) {
  const py::gil_scoped_acquire gil;
  try {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    return call();
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) throw stepped::Interrupted();
    throw;
  }
}

inline stepped::Pulse pulse_of(const Tell& tell) {
  return [&tell](const stepped::Counts& counts, double done) {
    with_python([&] { tell(counts.complete, counts.blocked, counts.cut, counts.steps, done); });
  };
}

using PlainLines = std::vector<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>>;  // threads, hosts, writers

inline py::dict fields_of(const stepped::System& system, const stepped::Found& found) {
  py::dict fields;
  PlainLines lines;
  for (const auto& each : system.lines().all()) lines.emplace_back(each.threads, each.hosts, each.writers);
  fields["lines"] = lines;
  fields["threads"] = system.thread_count();
  fields["complete"] = found.counts.complete;
  fields["blocked"] = found.counts.blocked;
  fields["cut"] = found.counts.cut;
  fields["steps"] = found.counts.steps;
  fields["seconds"] = found.seconds;
  fields["stop"] = static_cast<int>(found.stop);
  fields["violated"] = found.violated;
  fields["schedule"] = plain(found.schedule);
  fields["longest"] = found.longest;
  return fields;
}

struct Search {
  std::int64_t strategy;
  std::uint64_t seed;
  std::int64_t pct_depth;
  double seconds;
  std::int64_t depth;
  std::int64_t runs;
};

inline stepped::Found run(stepped::System& system, stepped::Ends& ends, const Search& search, const Tell& tell) {
  const auto strategy = checked("strategy", search.strategy, 0, 2);
  const auto pct_depth = checked("PCT depth", search.pct_depth, 1, 1'000);
  const stepped::Budget budget{search.seconds, checked("depth", search.depth, 1, 1'000'000),
                               checked("runs", search.runs, 0, INT64_MAX)};
  const py::gil_scoped_release no_gil;
  return stepped::Explorer(system, ends, budget, pulse_of(tell))
      .explore(static_cast<stepped::Strategy>(strategy), search.seed, pct_depth);
}

// Throws Refused unless there are as many options as a profile has.
inline stepped::Profile profile_of(const Arguments& options) {
  if (options.size() != 5) throw Refused("a profile has five options");
  return {options[0] != 0, options[1] != 0, options[2] != 0, options[3] != 0, options[4] != 0};
}

// A system whose runs can be drawn and followed, with everything written down.
class BoundSystem {
 public:
  BoundSystem() = default;
  BoundSystem(const BoundSystem&) = delete;
  BoundSystem& operator=(const BoundSystem&) = delete;
  virtual ~BoundSystem() = default;

  py::dict draw(const Search& search, std::uint64_t run, std::size_t steps, std::size_t interval) {
    stepped::Record record;
    {
      const py::gil_scoped_release no_gil;
      const std::size_t depth = search.strategy == 2 ? static_cast<std::size_t>(search.pct_depth) : 0;
      record = stepped::Recorder(system(), interval)
                   .drawn({search.seed, run}, depth, steps, static_cast<std::size_t>(search.depth));
    }
    return recorded(std::move(record));
  }

  py::dict follow(const PlainSchedule& rows, std::size_t interval) {
    stepped::Record record;
    {
      const py::gil_scoped_release no_gil;
      stepped::Schedule schedule;
      for (const auto& [thread, number, bits] : rows) {
        schedule.emplace_back(stepped::Actor{thread, number}, stepped::Choice::from_bits(bits));
      }
      record = stepped::Recorder(system(), interval).followed(schedule);
    }
    return recorded(std::move(record));
  }

  void learn(const PlainLines& lines) {
    const auto line_count = static_cast<std::int64_t>(system().cells().shape().line_count());
    checked("lines", static_cast<std::int64_t>(lines.size()), line_count,
                       line_count);
    std::uint32_t line = 0;
    for (const auto& [threads, hosts, writers] : lines) system().lines().join(line++, {threads, hosts, writers});
  }

 protected:
  virtual stepped::System& system() = 0;

  py::dict recorded(stepped::Record&& record) {
    py::dict fields = fields_of(system(), stepped::Found{});
    const py::ssize_t width = stepped::ActRow::width;
    py::array_t<std::int64_t> acts({static_cast<py::ssize_t>(record.acts.size()), width});
    if (!record.acts.empty()) std::memcpy(acts.mutable_data(), record.acts.data(), record.acts.size() * sizeof(stepped::ActRow));
    fields["schedule"] = plain(record.schedule);
    fields["acts"] = acts;
    fields["snapshots"] = record.snapshots;
    return fields;
  }
};

}  // namespace fencepost::bound
