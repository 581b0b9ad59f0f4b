// What Python sees of the measured paths.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>

#include "bindings.hpp"
#include "fencepost/bench/settings.hpp"
#include "fencepost/floor/metrics.hpp"

namespace py = pybind11;

namespace {

py::list setting_list() {
  py::list names;
  for (const auto& each : fencepost::settings()) names.append(std::string(each.name));
  return names;
}

py::dict setting_fields(const std::string& name, std::int64_t repetition_count, bool is_quick) {
  fencepost::SettingResult result;
  {
    const py::gil_scoped_release no_gil;
    result = fencepost::measure_setting(name, repetition_count,
                                        is_quick ? fencepost::Size::quick : fencepost::Size::full,
                                        fencepost::check_signals);
  }
  py::list probes;
  for (const auto& each : result.probes) {
    py::dict fields;
    fields["name"] = each.name;
    fields["operation_count"] = each.operation_count;
    fields["values"] = each.values;
    fields["disturbed_count"] = each.disturbed_count;
    fields["extras"] = each.extras;
    probes.append(fields);
  }
  py::dict fields;
  fields["probes"] = probes;
  fields["cpus"] = result.cpus;
  fields["unavailable"] = result.unavailable;
  return fields;
}

}  // namespace

void fencepost::bind_bench(py::module_& module) {
  module.attr("BENCH_SETTINGS") = setting_list();
  module.def("measure_setting", &setting_fields, py::arg("name"), py::kw_only(), py::arg("repetition_count"),
             py::arg("is_quick"));
}
