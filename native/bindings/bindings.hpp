// What the binding files share.
#pragma once

#include <pybind11/pybind11.h>

namespace fencepost {

// Called without the GIL, by the thread that called in; Python runs its signal handlers in the main thread only.
inline void check_signals() {
  const pybind11::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

void bind_floor(pybind11::module_& module);
void bind_bench(pybind11::module_& module);
void bind_stepped(pybind11::module_& module);
void bind_structures(pybind11::module_& module);
void bind_history(pybind11::module_& module);

}  // namespace fencepost
