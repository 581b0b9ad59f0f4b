// What Python sees of the floor program.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>

#include "bindings.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/floor/machine.hpp"
#include "fencepost/floor/metrics.hpp"

namespace py = pybind11;

namespace {

py::dict machine_fields() {
  const fencepost::CacheInstructions has = fencepost::cache_instructions();
  py::dict fields;
  fields["cpu_model"] = fencepost::cpu_model();
  fields["cpus_allowed"] = fencepost::allowed_cpus();
  fields["clflushopt"] = has.clflushopt;
  fields["clwb"] = has.clwb;
  return fields;
}

py::dict build_fields() {
  py::dict fields;
  fields["type"] = FENCEPOST_BUILD_TYPE;
  fields["flags"] = FENCEPOST_BUILD_FLAGS;
#ifdef __clang__
  fields["compiler"] = "clang " __clang_version__;
#else
  fields["compiler"] = "gcc " __VERSION__;
#endif
  return fields;
}

py::list metric_list() {
  py::list metrics;
  for (const auto& each : fencepost::floor_metrics()) {
    metrics.append(py::make_tuple(std::string(each.name), std::string(each.unit), each.lane_count,
                                  std::string(each.what)));
  }
  return metrics;
}

py::dict floor_fields(const std::string& name, std::int64_t repetition_count, bool is_quick) {
  fencepost::FloorResult result;
  {
    const py::gil_scoped_release no_gil;
    result = fencepost::measure_floor(name, repetition_count,
                                      is_quick ? fencepost::Size::quick : fencepost::Size::full,
                                      fencepost::check_signals);
  }
  py::dict fields;
  fields["values"] = result.values;
  fields["operation_count"] = result.operation_count;
  fields["disturbed_count"] = result.disturbed_count;
  fields["cpus"] = result.cpus;
  fields["unavailable"] = result.unavailable;
  return fields;
}

}  // namespace

void fencepost::bind_floor(py::module_& module) {
  py::register_local_exception<fencepost::Miscounted>(module, "Miscounted", PyExc_RuntimeError);
  module.attr("REPETITION_COUNT_MIN") = fencepost::repetition_count_min;
  module.attr("REPETITION_COUNT_MAX") = fencepost::repetition_count_max;
  module.attr("FLOOR_METRICS") = metric_list();
  module.def("machine", &machine_fields);
  module.def("build", &build_fields);
  module.def("measure_floor", &floor_fields, py::arg("name"), py::kw_only(), py::arg("repetition_count"),
             py::arg("is_quick"));
}
