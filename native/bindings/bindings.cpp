// What Python sees of the native layer, as a table of contents. Private to native/__init__.py; typed in _core.pyi.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "fencepost/sequencers/any_sequencer.hpp"
#include "fencepost/structures/columns.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/litmus/arguments.hpp"
#ifdef FENCEPOST_CLOCKED
#include "fencepost/memory/clocked.hpp"
#endif
#include "fencepost/race/race_options.hpp"
#include "fencepost/memory/recorded_publication.hpp"
#include "fencepost/sequencers/replay.hpp"
#include "fencepost/sequencers.hpp"

namespace py = pybind11;

namespace {

// What of a native mutant is raced: attempts and races alone, over a memory that keeps clocks, of the sequencers that
// scanners share (FENCEPOST_CLOCKED is 1) or of those made of workers (2). src/fencepost/mutations/building.py
// compiles the two apart, as each is half the work.
#ifdef FENCEPOST_CLOCKED
#if FENCEPOST_CLOCKED == 1
using Sequencers = fencepost::SequencerList<
    fencepost::Order5FetchAdd<fencepost::Clocked>, fencepost::Order4Mutex<fencepost::Clocked>,
    fencepost::Order4ShardedMutex<fencepost::Clocked>, fencepost::Order4Claim<fencepost::Clocked>>;
#else
using Sequencers =
    fencepost::SequencerList<fencepost::Order5Epoch<fencepost::Clocked>, fencepost::Order4Owner<fencepost::Clocked>,
                             fencepost::Order4Epoch<fencepost::Clocked>>;
#endif
using BoundSequencer = fencepost::AnySequencerOn<fencepost::Clocked, Sequencers>;
#else
using Sequencers = fencepost::CoherentSequencers;
using BoundSequencer = fencepost::AnySequencer;
#endif

using InputColumn = py::array_t<std::int64_t, py::array::c_style>;  // no conversion: arguments below are .noconvert()

fencepost::Column column(const char* name, const InputColumn& values) {
  if (values.ndim() != 1) {
    throw fencepost::Refused("column " + std::string(name) + " has " + std::to_string(values.ndim()) +
                             " dimensions: expected 1");
  }
  return {values.data(), static_cast<std::size_t>(values.size())};
}

fencepost::BatchColumns batch_columns(const InputColumn& client_id, const InputColumn& batch_seq,
                                      const InputColumn& message_count) {
  return {column("client_id", client_id), column("batch_seq", batch_seq), column("message_count", message_count)};
}

// Hands the vector's memory to numpy, without a copy.
template <class Value>
py::array_t<Value> to_array(std::vector<Value>&& values) {
  auto owner = std::make_unique<std::vector<Value>>(std::move(values));
  auto* const kept = owner.get();
  py::capsule release(kept, [](void* pointer) { delete static_cast<std::vector<Value>*>(pointer); });
  owner.release();
  return py::array_t<Value>(static_cast<py::ssize_t>(kept->size()), kept->data(), release);
}

py::tuple try_order(BoundSequencer& sequencer, std::int64_t client_id, std::int64_t batch_seq,
                    std::int64_t message_count) {
  const fencepost::Attempt attempt = sequencer.try_order(client_id, batch_seq, message_count);
  const bool is_ordered = attempt.outcome == fencepost::AttemptOutcome::ordered;
  return py::make_tuple(static_cast<int>(attempt.outcome), is_ordered ? static_cast<std::int64_t>(attempt.start) : -1);
}

// Takes objects and not columns: what pybind11 itself says of other arguments has all their values in it.
py::tuple try_order_all(BoundSequencer& sequencer, const py::object& client_id, const py::object& batch_seq,
                        const py::object& message_count) {
  for (const py::object& each : {std::cref(client_id), std::cref(batch_seq), std::cref(message_count)}) {
    if (!py::isinstance<InputColumn>(each)) throw py::type_error("expected contiguous arrays of int64");
  }
  const auto columns = batch_columns(py::reinterpret_borrow<InputColumn>(client_id),
                                     py::reinterpret_borrow<InputColumn>(batch_seq),
                                     py::reinterpret_borrow<InputColumn>(message_count));
  const auto row_count = static_cast<py::ssize_t>(columns.row_count());
  py::array_t<std::int8_t> outcome(row_count);
  py::array_t<std::int64_t> start_position(row_count);
  const fencepost::Answers answers{{outcome.mutable_data(), columns.row_count()},
                                   {start_position.mutable_data(), columns.row_count()}};
  {
    const py::gil_scoped_release no_gil;
    sequencer.try_order_all(columns, answers, fencepost::check_signals);
  }
  return py::make_tuple(outcome, start_position);
}

#ifndef FENCEPOST_CLOCKED
py::tuple replay(const std::string& sequencer, const InputColumn& client_id, const InputColumn& batch_seq,
                 const InputColumn& message_count, std::int64_t first_position) {
  const auto columns = batch_columns(client_id, batch_seq, message_count);
  fencepost::ReplayResult result;
  {
    const py::gil_scoped_release no_gil;
    result = fencepost::replay(sequencer, columns, first_position, fencepost::check_signals);
  }
  return py::make_tuple(to_array(std::move(result.outcome)), to_array(std::move(result.start_position)));
}
#endif

py::dict race(BoundSequencer& sequencer, const InputColumn& client_id, const InputColumn& batch_seq,
              const InputColumn& broker_id, const InputColumn& message_count, const fencepost::RaceOptions& options) {
  const auto columns = batch_columns(client_id, batch_seq, message_count);
  const auto brokers = column("broker_id", broker_id);
  fencepost::RaceResult result(0);
  {
    const py::gil_scoped_release no_gil;
    result = sequencer.race(columns, brokers, options, fencepost::check_signals);
  }
  py::dict fields;
  fields["outcome"] = to_array(std::move(result.outcome));
  fields["start_position"] = to_array(std::move(result.start_position));
  fields["delivered_position"] = to_array(std::move(result.delivered_position));
  fields["received_ns"] = to_array(std::move(result.received_ns));
  fields["sent_ns"] = to_array(std::move(result.sent_ns));
  fields["filled_ns"] = to_array(std::move(result.filled_ns));
  fields["first_attempted_ns"] = to_array(std::move(result.first_attempted_ns));
  fields["attempted_ns"] = to_array(std::move(result.attempted_ns));
  fields["ordered_ns"] = to_array(std::move(result.ordered_ns));
  fields["published_ns"] = to_array(std::move(result.published_ns));
  fields["exported_ns"] = to_array(std::move(result.exported_ns));
  fields["delivered_ns"] = to_array(std::move(result.delivered_ns));
  fields["acked_ns"] = to_array(std::move(result.acked_ns));
  fields["issued"] = result.issued;
  fields["released_count"] = result.counts.released;
  fields["claim_lost_count"] = result.counts.claim_lost;
  fields["duplicate_count"] = result.counts.duplicate;
  fields["content_fault_count"] = result.content_fault_count;
  fields["chain_fault_count"] = result.chain_fault_count;
  fields["lap_count_max"] = result.lap_count_max;
  fields["held_ring_count"] = result.held_ring_count;
  fields["seconds"] = result.seconds;
  const auto& got = result.placement_got;
  fields["placement"] = py::make_tuple(got.memory_size, got.huge_page_size, got.on_node_size, got.thread_count,
                                       got.bound_thread_count);
  return fields;
}

fencepost::Configuration configuration(std::int64_t client_capacity, std::int64_t first_position,
                                       std::int64_t parking_capacity, std::int64_t worker_count,
                                       std::int64_t epoch_batch_count) {
  return {.client_capacity = static_cast<std::size_t>(client_capacity),
          .parking_capacity = static_cast<std::size_t>(parking_capacity),
          .worker_count = static_cast<std::size_t>(worker_count),
          .epoch_batch_count = static_cast<std::size_t>(epoch_batch_count),
          .first_position = static_cast<std::uint64_t>(first_position)};
}

#ifndef FENCEPOST_CLOCKED
py::dict explore_litmus(const fencepost::litmus::Arguments& given, std::int64_t state_budget, double seconds_budget) {
  const auto states = fencepost::litmus::checked_size("state budget", state_budget, 1, UINT32_MAX - 1);
  fencepost::litmus::Result result;
  {
    const py::gil_scoped_release no_gil;
    result = fencepost::litmus::explore(given, {states, seconds_budget}, fencepost::check_signals);
  }
  py::list schedule;
  for (const auto& each : result.schedule) {
    schedule.append(py::make_tuple(static_cast<int>(each.act), each.actor, each.line, each.detail));
  }
  py::dict fields;
  fields["answer"] = static_cast<int>(result.answer);
  fields["states"] = result.states;
  fields["seconds"] = result.seconds;
  fields["schedule"] = schedule;
  fields["outcomes"] = result.outcomes;
  fields["reason"] = result.reason;
  return fields;
}
#endif

template <std::size_t count>
py::tuple names_of(const std::string_view (&names)[count]) {
  py::tuple result(count);
  for (std::size_t index = 0; index < count; ++index) result[index] = std::string(names[index]);
  return result;
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  // All is local to the module, so that one compiled with a change can be loaded beside it.
  py::register_local_exception<fencepost::Refused>(module, "Refused", PyExc_ValueError);

  py::dict names;
  for (const auto& each : Sequencers::names) names[py::str(std::string(each.name))] = each.level;
  module.attr("SEQUENCERS") = names;
  module.attr("CLIENT_ID_MAX") = fencepost::client_id_max;
  module.attr("BROKER_ID_MAX") = fencepost::broker_id_max;
  module.attr("BATCH_SEQ_MAX") = fencepost::batch_seq_max;
  module.attr("MESSAGE_COUNT_MAX") = fencepost::message_count_max;
  module.attr("ISSUED_MAX") = fencepost::issued_max;
  module.attr("CLIENT_CAPACITY_MAX") = fencepost::client_capacity_max;
  module.attr("PARKING_CAPACITY_MAX") = fencepost::parking_capacity_max;
  module.attr("EPOCH_BATCH_COUNT_MAX") = fencepost::epoch_batch_count_max;
  module.attr("SLOT_COUNT_MAX") = fencepost::slot_count_max;
  module.attr("POLLS") = names_of(fencepost::poll_policy_names);
  module.attr("NUMA_NODE_MAX") = fencepost::numa_node_max;
  module.attr("CORE_MAX") = fencepost::core_max;
  module.attr("PUBLICATIONS") = names_of(fencepost::publication_names);
  py::dict line_instructions;
  for (std::size_t index = 0; index < std::size(fencepost::line_instruction_names); ++index) {
    line_instructions[py::str(std::string(fencepost::line_instruction_names[index]))] =
        fencepost::has_line_instruction(static_cast<fencepost::LineInstruction>(index));
  }
  module.attr("LINE_INSTRUCTIONS") = line_instructions;
  module.attr("RING_COUNT_MAX") = fencepost::ring_count_max;

  py::class_<fencepost::RaceOptions>(module, "RaceOptions", py::module_local())
      .def(py::init(&fencepost::checked_options), py::kw_only(), py::arg("slot_count"), py::arg("publication"),
           py::arg("line_instruction"), py::arg("guard_batch_count"), py::arg("stop_row"), py::arg("seed"),
           py::arg("poll"), py::arg("prefetches"), py::arg("huge_pages"), py::arg("numa_node"), py::arg("cores"));

  py::class_<BoundSequencer>(module, "Sequencer", py::module_local())
      .def(py::init([](const std::string& name, std::int64_t client_capacity, std::int64_t first_position,
                       std::int64_t parking_capacity, std::int64_t worker_count, std::int64_t epoch_batch_count) {
             return std::make_unique<BoundSequencer>(
                 name, configuration(client_capacity, first_position, parking_capacity, worker_count,
                                     epoch_batch_count));
           }),
           py::arg("name"), py::kw_only(), py::arg("client_capacity"), py::arg("first_position"),
           py::arg("parking_capacity"), py::arg("worker_count"), py::arg("epoch_batch_count"))
      .def("try_order", &try_order, py::arg("client_id"), py::arg("batch_seq"), py::arg("message_count"))
      .def("try_order_all", &try_order_all, py::arg("client_id"), py::arg("batch_seq"), py::arg("message_count"))
      .def("race", &race, py::kw_only(), py::arg("client_id").noconvert(), py::arg("batch_seq").noconvert(),
           py::arg("broker_id").noconvert(), py::arg("message_count").noconvert(), py::arg("options"))
      .def_property_readonly("issued", &BoundSequencer::issued);

  module.def(
      "record_publication",
      [](const std::string& publication, std::int64_t message_count) {
        const auto count = fencepost::checked("message_count", message_count, 0, 64);
        const auto options = fencepost::checked_options(1, publication, publication == "none" ? "none" : "clflushopt",
                                                        1, -1, 0, "pause", false, false, -1, {});
        auto recorded = fencepost::record_publication(options.publication, count);
        return py::make_tuple(std::move(recorded.writer), std::move(recorded.reader));
      },
      py::arg("publication"), py::kw_only(), py::arg("message_count"));
  module.attr("HAND_OVERS") = names_of(fencepost::hand_over_names);
  module.def(
      "record_hand_over",
      [](std::int64_t hand_over) {
        const auto most = static_cast<std::int64_t>(std::size(fencepost::hand_over_names)) - 1;
        const auto which = fencepost::checked("hand_over", hand_over, 0, most);
        auto recorded = fencepost::record_hand_over(static_cast<fencepost::HandOver>(which));
        return py::make_tuple(std::move(recorded.writer), std::move(recorded.reader));
      },
      py::arg("hand_over"));

#ifdef FENCEPOST_CLOCKED
  module.def("clock_faults", [] { return fencepost::ClockKeeper::instance().faults(); });
#else
  module.def("replay", &replay, py::arg("sequencer"), py::kw_only(), py::arg("client_id").noconvert(),
             py::arg("batch_seq").noconvert(), py::arg("message_count").noconvert(), py::arg("first_position"));
  py::class_<fencepost::litmus::Arguments>(module, "LitmusProgram", py::module_local())
      .def(py::init([](fencepost::litmus::Rows threads, fencepost::litmus::Rows instructions,
                       fencepost::litmus::Rows lines, fencepost::litmus::Rows condition, fencepost::litmus::Row matrix,
                       fencepost::litmus::Row options, std::int64_t host_count) {
             return fencepost::litmus::Arguments{std::move(threads),   std::move(instructions), std::move(lines),
                                                 std::move(condition), std::move(matrix),       std::move(options),
                                                 host_count};
           }),
           py::kw_only(), py::arg("threads"), py::arg("instructions"), py::arg("lines"), py::arg("condition"),
           py::arg("matrix"), py::arg("options"), py::arg("host_count"));
  module.def("explore_litmus", &explore_litmus, py::arg("program"), py::kw_only(), py::arg("state_budget"),
             py::arg("seconds_budget"));

  fencepost::bind_floor(module);
  fencepost::bind_bench(module);
  fencepost::bind_stepped(module);
  fencepost::bind_structures(module);
  fencepost::bind_history(module);
#endif
}
