// The stepped build as a module of its own, for `fencepost mutants --native`.
#include "bindings.hpp"

#include "fencepost/structures/limits.hpp"

PYBIND11_MODULE(_core, module) {
  pybind11::register_local_exception<fencepost::Refused>(module, "Refused", PyExc_ValueError);
  fencepost::bind_stepped(module);
}
