// The part of `_core` that is the stepped build, in a translation unit of its own.
#pragma once

#include <pybind11/pybind11.h>

void bind_stepped(pybind11::module_& module);
