// What Python sees of the stepped build: exploration and lockstep. Private to native/schedules/exploration.py; typed in _core.pyi.
#include "bindings.hpp"
#include "stepped_bindings.hpp"

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/litmus/arguments.hpp"
#include "fencepost/pipeline/run.hpp"
#include "fencepost/stepped/litmus.hpp"
#include "fencepost/stepped/pipeline.hpp"
#include "fencepost/stepped/record.hpp"
#include "fencepost/stepped/system.hpp"

namespace py = pybind11;

namespace {

namespace stepped = fencepost::stepped;
using namespace fencepost::bound;

// Meets every new outcome of a litmus program.
class LitmusEnds final : public stepped::Ends {
 public:
  LitmusEnds(const fencepost::litmus::Program& program, bool with_memory) : outcomes_(with_memory), bad_(program) {}

  bool wrong(const stepped::System& system) override {
    bool found = false;
    outcomes_.add(system, [&](const auto& outcome) { found = bad_.holds(outcome) || found; });
    return found;
  }
  bool goes_on() const override { return true; }
  void begin() override { outcomes_.clear(); }

  const stepped::Outcomes& outcomes() const { return outcomes_; }

 private:
  stepped::Outcomes outcomes_;
  stepped::Condition bad_;
};

py::dict explore_stepped_litmus(const fencepost::litmus::Arguments& given, const Search& search, bool one_host,
                                bool with_memory, const Tell& tell) {
  const fencepost::litmus::Program program = fencepost::litmus::to_program(given);
  const bool asks_memory = std::ranges::any_of(program.condition, [](const auto& item) {
    return item.what == fencepost::litmus::Item::What::atom && item.thread < 0;
  });
  stepped::System system(stepped::threads_of(program), stepped::profile_of(program, one_host),
                         stepped::matrix_of(program), stepped::shape_of(program), nullptr);
  LitmusEnds ends(program, with_memory || asks_memory);
  py::dict fields = fields_of(system, run(system, ends, search, tell));
  if (program.condition.empty()) {
    const auto& all = ends.outcomes().all();
    fields["outcomes"] = std::vector<std::vector<std::int64_t>>(all.begin(), all.end());
  }
  return fields;
}

// --- the pipeline ---

using Facts = std::vector<std::uint32_t>;
using Words = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// The watch and the contract, which are Python's.
struct Callbacks {
  std::function<std::tuple<Words, Facts, Facts>(std::uint32_t, int, Arguments)> concern;
  std::function<std::pair<std::uint32_t, bool>(std::uint32_t, int, Arguments, Arguments)> after;
  std::function<bool(std::uint32_t, std::int64_t)> wrong_at_end;
};

class PythonJudge final : public stepped::Judge {
 public:
  explicit PythonJudge(const Callbacks& callbacks) : callbacks_(callbacks) {}

  stepped::Concern concern(std::uint32_t watch, const stepped::Step& step) override {
    auto [words, reads, writes] = with_python([&] { return callbacks_.concern(watch, action(step), arguments(step)); });
    stepped::Concern concern{{}, std::move(reads), std::move(writes)};
    for (const auto& [line, word] : words) concern.asks.push_back({line, word});
    return concern;
  }

  After after(std::uint32_t watch, const stepped::Step& step, const std::vector<std::int64_t>& answers) override {
    const auto [next, violated] =
        with_python([&] { return callbacks_.after(watch, action(step), arguments(step), answers); });
    return {next, violated};
  }

 private:
  static int action(const stepped::Step& step) { return static_cast<int>(step.action); }
  static Arguments arguments(const stepped::Step& step) {
    return {step.arguments.begin(), step.arguments.begin() + step.argument_count};
  }

  const Callbacks& callbacks_;
};

class ContractEnds final : public stepped::PipelineEnds {
 public:
  ContractEnds(const stepped::Pipeline& pipeline, bool drained, const Callbacks& callbacks)
      : PipelineEnds(pipeline, drained), callbacks_(callbacks) {}

 private:
  bool wrong_at_end(std::uint32_t watch, stepped::Value issued) override {
    return with_python([&] { return callbacks_.wrong_at_end(watch, issued); });
  }

  const Callbacks& callbacks_;
};

#ifdef FENCEPOST_SOUND_PROGRAMS  // a native mutant has no fault but its own; the others would be compiled for nothing
using BuiltFaults = stepped::Faults<>;
#else
using BuiltFaults = stepped::AllFaults;
#endif

// A pipeline and, unless it runs unwatched, who judges it.
class BoundPipeline final : public BoundSystem {
 public:
  BoundPipeline(const std::string& design, const fencepost::pipeline::Scenario& scenario, const Arguments& profile,
                const Arguments& matrix, std::int64_t mutant, std::optional<Callbacks> callbacks)
      : callbacks_(std::move(callbacks)) {
    if (callbacks_) judge_ = std::make_unique<PythonJudge>(*callbacks_);
    pipeline_ = std::make_unique<stepped::Pipeline>(BuiltFaults{}, design, scenario, profile_of(profile),
                                                    stepped::matrix_of(matrix), mutant, judge_.get());
  }

  py::dict explore(const Search& search, bool drained, bool single_writer, const Tell& tell) {
    if (!callbacks_) {
      Unjudged ends;
      return fields_of(pipeline_->system(), run(pipeline_->system(), ends, search, tell));
    }
    ContractEnds ends(*pipeline_, drained, *callbacks_);
    pipeline_->system().ask_single_writer(single_writer);
    return fields_of(pipeline_->system(), run(pipeline_->system(), ends, search, tell));
  }

  // A run by hints and picks, judged if anybody judges; what came of it beside what was written down.
  py::dict pick(const std::vector<std::tuple<std::uint32_t, bool, std::uint64_t>>& hinted,
                const std::vector<std::pair<std::uint32_t, std::uint32_t>>& given, std::int64_t steps_most,
                std::size_t interval) {
    const auto depth = fencepost::checked("steps_most", steps_most, 1, 1'000'000);
    stepped::Record record;
    {
      const py::gil_scoped_release no_gil;
      std::vector<stepped::Hint> hints;
      for (const auto& [thread, drains, bits] : hinted) hints.push_back({thread, drains, stepped::Choice::from_bits(bits)});
      std::vector<stepped::Pick> picks;
      for (const auto& [plain_count, choice] : given) picks.push_back({plain_count, choice});
      pipeline_->system().ask_single_writer(callbacks_.has_value());
      record = stepped::Recorder(pipeline_->system(), interval).picked(hints, picks, depth);
    }
    const bool ended = record.ended;
    const std::size_t stale_count = record.stale_count;
    py::dict fields = recorded(std::move(record));
    fields["ended"] = ended;
    fields["stale_count"] = stale_count;
    fields["watch"] = pipeline_->system().cells().watch();
    fields["issued"] = pipeline_->system().memory().memory(pipeline_->layout().issued());
    fields["waiting"] = pipeline_->waiting_in_vain();
    fields["has_two_writers"] = stepped::has_two_writers(pipeline_->system());
    return fields;
  }

  // Name, first number, second number, words.
  std::vector<std::tuple<int, std::int64_t, std::int64_t, std::uint32_t>> lines() const {
    std::vector<std::tuple<int, std::int64_t, std::int64_t, std::uint32_t>> rows;
    for (std::uint32_t line = 0; line < pipeline_->layout().line_count(); ++line) {
      const auto name = pipeline_->layout().name(line);
      rows.emplace_back(static_cast<int>(name.name), name.first, name.second, name.word_count);
    }
    return rows;
  }

 private:
  stepped::System& system() override { return pipeline_->system(); }

  class Unjudged final : public stepped::Ends {
   public:
    bool wrong(const stepped::System&) override { return false; }
  };

  std::optional<Callbacks> callbacks_;
  std::unique_ptr<PythonJudge> judge_;
  std::unique_ptr<stepped::Pipeline> pipeline_;
};

using PlainBatches = std::vector<std::vector<std::array<std::int64_t, 4>>>;   // client, seq, count, arrival
using PlainPlans = std::vector<std::vector<std::array<std::int64_t, 3>>>;     // ring, seq, count

fencepost::pipeline::Scenario scenario_of(const PlainBatches& rings, std::int64_t slots, const std::vector<bool>& flags,
                                          const PlainPlans& plans, const PlainBatches& later, std::int64_t connections,
                                          std::int64_t timeouts, std::int64_t readers, std::int64_t late_rings) {
  fencepost::pipeline::Scenario scenario;
  for (auto [from, to] : {std::pair{&rings, &scenario.rings}, std::pair{&later, &scenario.later}}) {
    for (const auto& ring : *from) {
      to->emplace_back();
      for (const auto& [client, seq, count, arrival] : ring) to->back().push_back({{client, seq, count}, arrival});
    }
  }
  scenario.slots = static_cast<std::uint32_t>(fencepost::checked("slots", slots, 1, 1 << 16));
  for (const auto& plan : plans) {
    scenario.plans.emplace_back();
    for (const auto& [ring, seq, count] : plan) {
      scenario.plans.back().push_back({static_cast<std::uint32_t>(fencepost::checked("ring", ring, 0, 15)), seq, count});
    }
  }
  if (flags.size() != 6) throw fencepost::Refused("a scenario has six flags");
  scenario.written = flags[0];
  scenario.delegated = flags[1];
  scenario.subscribers = flags[2];
  scenario.acknowledgers = flags[3];
  scenario.restarts = flags[4];
  scenario.stops = flags[5];
  scenario.connections = static_cast<std::uint32_t>(fencepost::checked("connections", connections, 1, 16));
  scenario.timeouts = static_cast<std::uint32_t>(fencepost::checked("timeouts", timeouts, 0, 1 << 16));
  scenario.readers = static_cast<std::uint32_t>(fencepost::checked("readers", readers, 0, 16));
  scenario.late_count = static_cast<std::uint32_t>(fencepost::checked("late rings", late_rings, 0, 15));
  return scenario;
}

// The same programs on real threads. Columns of what was delivered: ring, index, start, client, seq.
py::dict run_pipeline(const std::string& design, const fencepost::pipeline::Scenario& scenario,
                      std::size_t expected_count, double patience_seconds, bool flushes) {
  fencepost::pipeline::RunResult result;
  {
    const py::gil_scoped_release no_gil;
    result = fencepost::pipeline::run_pipeline(design, scenario, expected_count, patience_seconds, flushes,
                                               fencepost::check_signals);
  }
  std::vector<std::array<std::int64_t, 5>> rows;
  for (const auto& each : result.delivered) {
    const auto batch = each.content == 0 ? fencepost::pipeline::Batch{-1, -1, 0}
                                         : fencepost::pipeline::unpack_batch(each.content);
    rows.push_back({each.ring, each.entry.index, each.entry.start, batch.client, batch.seq});
  }
  py::dict fields;
  fields["delivered"] = rows;
  fields["issued"] = result.issued;
  fields["seconds"] = result.seconds;
  fields["is_complete"] = result.is_complete;
  return fields;
}

}  // namespace

void fencepost::bind_stepped(py::module_& module) {
  py::class_<Search>(module, "Search", py::module_local())
      .def(py::init<std::int64_t, std::uint64_t, std::int64_t, double, std::int64_t, std::int64_t>(), py::kw_only(),
           py::arg("strategy"), py::arg("seed"), py::arg("pct_depth"), py::arg("seconds"), py::arg("depth"),
           py::arg("runs"));
  module.def("explore_stepped_litmus", &explore_stepped_litmus, py::arg("program"), py::arg("search"), py::kw_only(),
             py::arg("one_host"), py::arg("with_memory"), py::arg("tell"));

  py::class_<fencepost::pipeline::Scenario>(module, "PipelineScenario", py::module_local())
      .def(py::init(&scenario_of), py::kw_only(), py::arg("rings"), py::arg("slots"), py::arg("flags"), py::arg("plans"),
           py::arg("later"), py::arg("connections"), py::arg("timeouts"), py::arg("readers"),
           py::arg("late_rings"));
  py::class_<Callbacks>(module, "PipelineJudge", py::module_local())
      .def(py::init([](decltype(Callbacks::concern) concern, decltype(Callbacks::after) after,
                       decltype(Callbacks::wrong_at_end) wrong_at_end) {
             return Callbacks{std::move(concern), std::move(after), std::move(wrong_at_end)};
           }),
           py::kw_only(), py::arg("concern"), py::arg("after"), py::arg("wrong_at_end"));
  py::class_<BoundPipeline>(module, "Pipeline", py::module_local())
      .def(py::init<const std::string&, const fencepost::pipeline::Scenario&, const Arguments&, const Arguments&,
                    std::int64_t, std::optional<Callbacks>>(),
           py::kw_only(), py::arg("design"), py::arg("scenario"), py::arg("profile"), py::arg("matrix"),
           py::arg("mutant"), py::arg("judge"))
      .def("explore", &BoundPipeline::explore, py::arg("search"), py::kw_only(), py::arg("asks_drained"),
           py::arg("asks_single_writer"), py::arg("tell"))
      .def("draw", &BoundPipeline::draw, py::arg("search"), py::kw_only(), py::arg("run"), py::arg("steps"),
           py::arg("interval"))
      .def("follow", &BoundPipeline::follow, py::arg("schedule"), py::kw_only(), py::arg("interval"))
      .def("pick", &BoundPipeline::pick, py::kw_only(), py::arg("hints"), py::arg("picks"), py::arg("steps_most"),
           py::arg("interval"))
      .def("learn", &BoundPipeline::learn, py::arg("lines"))
      .def("lines", &BoundPipeline::lines);
  module.def("run_pipeline", &run_pipeline, py::arg("design"), py::arg("scenario"), py::kw_only(),
             py::arg("expected_count"), py::arg("patience_seconds"), py::arg("flushes"));
}
