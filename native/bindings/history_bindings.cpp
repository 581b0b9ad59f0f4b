// The pass over histories for Python.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "fencepost/history/pass.hpp"
#include "fencepost/structures/limits.hpp"

namespace py = pybind11;
using fencepost::HistoryPass;
using fencepost::HistoryRows;

namespace {

using Column = py::array_t<std::int64_t, py::array::c_style>;

HistoryPass make(bool ring_order, bool client_order, bool numbers, bool real_time, std::int64_t from_position,
                 std::optional<std::int64_t> first_seq, bool counts_messages, std::size_t kept_max) {
  const auto first = first_seq ? static_cast<std::uint64_t>(*first_seq) : fencepost::history_first_there;
  return {{ring_order, client_order, numbers, real_time}, {from_position, {first, counts_messages, kept_max}}};
}

// `columns` are in the order of HistoryRows::Name; one that is not needed is empty.
bool add(HistoryPass& pass, const std::vector<Column>& columns) {
  if (columns.size() != HistoryRows::column_count) throw fencepost::Refused("expected nine columns");
  HistoryRows rows;
  for (std::size_t name = 0; name < columns.size(); ++name) {
    const auto size = static_cast<std::size_t>(columns[name].size());
    if (size != 0 && size != static_cast<std::size_t>(columns[HistoryRows::start].size())) {
      throw fencepost::Refused("column " + std::to_string(name) + " has " + std::to_string(size) +
                               " rows: expected as many as the others");
    }
    rows.columns[name] = {columns[name].data(), size};
  }
  const py::gil_scoped_release no_gil;
  return pass.add(rows);
}

py::list list_of(const fencepost::WorstCulprits& worst) {
  py::list listed;
  for (const auto& each : worst.all()) listed.append(py::make_tuple(each.first_row, each.second_row, each.size));
  return listed;
}

py::tuple tuple_of(const fencepost::HistoryBreach& breach) {
  return py::make_tuple(breach.count, breach.first_row, breach.second_row, list_of(breach.worst));
}

py::dict found(const HistoryPass& pass) {
  const auto gaps = pass.numbers().gaps();
  py::dict answer;
  answer["unique"] = tuple_of(pass.overlaps());
  answer["dense"] = tuple_of(pass.holes());
  answer["ring-order"] = tuple_of(pass.ring_breaches());
  answer["client-order"] = tuple_of(pass.client_breaches());
  answer["real-time"] = tuple_of(pass.time_breaches());
  answer["prefix"] = py::make_tuple(gaps.count, gaps.row, static_cast<std::int64_t>(gaps.low), list_of(gaps.worst));
  answer["once"] = py::make_tuple(pass.numbers().copies().size(), -1, -1, py::list());
  return answer;
}

py::list copies(const HistoryPass& pass) {
  py::list listed;
  for (const auto& each : pass.numbers().copies()) {
    listed.append(py::make_tuple(each.client_id, each.batch_seq, each.row));
  }
  return listed;
}

}  // namespace

void fencepost::bind_history(py::module_& module) {
  py::class_<HistoryPass>(module, "HistoryPass")
      .def(py::init(&make), py::kw_only(), py::arg("ring_order"), py::arg("client_order"), py::arg("numbers"),
           py::arg("real_time"), py::arg("from_position"), py::arg("first_seq"), py::arg("counts_messages"),
           py::arg("kept_max"))
      .def("add", &add, py::arg("columns"))
      .def("finish", &HistoryPass::finish)
      .def("found", &found)
      .def("copies", &copies)
      .def_property_readonly("state", [](const HistoryPass& pass) { return static_cast<int>(pass.state()); })
      .def_property_readonly("can_tell_numbers", [](const HistoryPass& pass) { return pass.numbers().can_tell(); })
      .def_property_readonly("latest_sent_ns", &HistoryPass::latest_sent_ns)
      .def_property_readonly("earliest_ack_ns", &HistoryPass::earliest_ack_ns);
}
