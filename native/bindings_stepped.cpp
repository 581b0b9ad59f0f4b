// What Python sees of the stepped build: exploration and lockstep. Private to native/exploration.py; typed in _core.pyi.
#include "bindings_stepped.hpp"

#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fencepost/limits.hpp"
#include "fencepost/litmus_arguments.hpp"
#include "fencepost/stepped_explore.hpp"
#include "fencepost/stepped_litmus.hpp"
#include "fencepost/stepped_system.hpp"

namespace py = pybind11;

namespace {

namespace stepped = fencepost::stepped;

using PlainSchedule = std::vector<std::tuple<std::uint32_t, std::int32_t, std::uint64_t>>;

PlainSchedule plain(const stepped::Schedule& schedule) {
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

stepped::Pulse pulse_of(const Tell& tell) {
  return [&tell](const stepped::Counts& counts, double done) {
    with_python([&] { tell(counts.complete, counts.blocked, counts.cut, counts.steps, done); });
  };
}

py::dict fields_of(const stepped::System& system, const stepped::Found& found) {
  py::dict fields;
  std::vector<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>> lines;
  for (const auto& each : system.lines().all()) lines.emplace_back(each.threads, each.hosts, each.writers);
  fields["lines"] = lines;
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

// Meets every new outcome of a litmus program; `is_bad` says whether one is what must not happen.
class LitmusEnds final : public stepped::Ends {
 public:
  using IsBad = std::function<bool(const std::vector<std::int64_t>&)>;

  LitmusEnds(bool with_memory, const IsBad& is_bad) : outcomes_(with_memory), is_bad_(is_bad) {}

  bool wrong(const stepped::System& system) override {
    bool found = false;
    outcomes_.add(system, [&](const std::vector<std::int64_t>& outcome) {
      found = with_python([&] { return is_bad_(outcome); }) || found;
    });
    return found;
  }
  bool goes_on() const override { return true; }
  void begin() override { outcomes_.clear(); }

  const stepped::Outcomes& outcomes() const { return outcomes_; }

 private:
  stepped::Outcomes outcomes_;
  const IsBad& is_bad_;
};

struct Search {
  std::int64_t strategy;
  std::uint64_t seed;
  std::int64_t pct_depth;
  double seconds;
  std::int64_t depth;
  std::int64_t runs;
};

stepped::Found run(stepped::System& system, stepped::Ends& ends, const Search& search, const Tell& tell) {
  const auto strategy = fencepost::checked("strategy", search.strategy, 0, 2);
  const auto pct_depth = fencepost::checked("PCT depth", search.pct_depth, 1, 1'000);
  const stepped::Budget budget{search.seconds, fencepost::checked("depth", search.depth, 1, 1'000'000),
                               fencepost::checked("runs", search.runs, 0, INT64_MAX)};
  const py::gil_scoped_release no_gil;
  return stepped::Explorer(system, ends, budget, pulse_of(tell))
      .explore(static_cast<stepped::Strategy>(strategy), search.seed, pct_depth);
}

py::dict explore_stepped_litmus(const fencepost::litmus::Arguments& given, const Search& search, bool one_host,
                                bool with_memory, const LitmusEnds::IsBad& is_bad, const Tell& tell) {
  const fencepost::litmus::Program program = fencepost::litmus::to_program(given);
  stepped::System system(stepped::threads_of(program), stepped::profile_of(program, one_host),
                         stepped::matrix_of(program), stepped::shape_of(program), nullptr);
  LitmusEnds ends(with_memory, is_bad);
  py::dict fields = fields_of(system, run(system, ends, search, tell));
  fields["outcomes"] = std::vector<std::vector<std::int64_t>>(ends.outcomes().all().begin(), ends.outcomes().all().end());
  return fields;
}

}  // namespace

void bind_stepped(py::module_& module) {
  py::class_<Search>(module, "Search")
      .def(py::init<std::int64_t, std::uint64_t, std::int64_t, double, std::int64_t, std::int64_t>(), py::kw_only(),
           py::arg("strategy"), py::arg("seed"), py::arg("pct_depth"), py::arg("seconds"), py::arg("depth"),
           py::arg("runs"));
  module.def("explore_stepped_litmus", &explore_stepped_litmus, py::arg("program"), py::arg("search"), py::kw_only(),
             py::arg("one_host"), py::arg("with_memory"), py::arg("is_bad"), py::arg("tell"));
}
