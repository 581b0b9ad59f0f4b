// The module `_counting`: sequencers whose shared accesses and allocations are counted. Typed in _counting.pyi.
//
// operator new is replaced here, and therefore for this module alone: `_core`, which is measured, knows nothing of it.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "fencepost/counting/counted.hpp"
#include "fencepost/counting/counted_memory.hpp"
#include "fencepost/counting/counted_scan.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/limits.hpp"

namespace py = pybind11;

namespace {

void* counted_allocation(std::size_t size, std::size_t alignment) {
  ++fencepost::thread_counts.allocations;
  fencepost::thread_counts.allocated_bytes += size;
  const std::size_t wanted = size == 0 ? alignment : (size + alignment - 1) / alignment * alignment;
  void* const memory = alignment <= alignof(std::max_align_t) ? std::malloc(wanted) : std::aligned_alloc(alignment, wanted);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted_allocation(size, 1); }
void* operator new[](std::size_t size) { return counted_allocation(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted_allocation(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted_allocation(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

py::list count_scan(const std::string& sequencer, std::int64_t ring_count, std::int64_t batch_count,
                    std::int64_t delay_max, std::int64_t client_count, double skew, bool follows_lines) {
  std::vector<fencepost::ScanCounts> counts;
  {
    const py::gil_scoped_release no_gil;
    counts = fencepost::count_scan(sequencer, ring_count, batch_count, delay_max, client_count, skew, follows_lines,
                                   fencepost::check_signals);
  }
  py::list scanners;
  for (const auto& each : counts) {
    py::dict fields;
    fields["batch_count"] = each.batch_count;
    fields["steps"] = each.steps;
    fields["steps_least"] = each.steps_least;
    fields["steps_most"] = each.steps_most;
    fields["allocations"] = each.allocations;
    fields["locks"] = each.locks;
    fields["locks_contended"] = each.locks_contended;
    fields["exchanges"] = each.exchanges;
    fields["exchanges_failed"] = each.exchanges_failed;
    fields["claims_lost"] = each.claims_lost;
    fields["line_transfers"] = each.line_transfers;
    fields["seconds"] = each.seconds;
    scanners.append(fields);
  }
  return scanners;
}

py::list allocated_by_structures(std::int64_t slot_count, std::int64_t client_capacity, std::int64_t parking_capacity,
                                 std::int64_t epoch_batch_count) {
  py::list structures;
  for (const auto& each :
       fencepost::allocated_by_structures(slot_count, client_capacity, parking_capacity, epoch_batch_count)) {
    structures.append(py::make_tuple(each.structure, each.stated_bytes, each.allocated_bytes));
  }
  return structures;
}

// How often operator new was called for something that has to be allocated: 0 where another library's is in the way.
std::uint64_t allocations_seen() {
  const std::uint64_t before = fencepost::thread_counts.allocations;
  const std::vector<int> something(1000);
  return fencepost::thread_counts.allocations - before;
}

}  // namespace

PYBIND11_MODULE(_counting, module) {
  // Local: registered for all modules, they would also turn what `_core` throws into this one's.
  py::register_local_exception<fencepost::Refused>(module, "Refused", PyExc_ValueError);
  py::register_local_exception<fencepost::Miscounted>(module, "Miscounted", PyExc_RuntimeError);
  module.def("count_scan", &count_scan, py::arg("sequencer"), py::kw_only(), py::arg("ring_count"),
             py::arg("batch_count"), py::arg("delay_max"), py::arg("client_count"), py::arg("skew"),
             py::arg("follows_lines"));
  module.def("allocated_by_structures", &allocated_by_structures, py::kw_only(), py::arg("slot_count"),
             py::arg("client_capacity"), py::arg("parking_capacity"), py::arg("epoch_batch_count"));
  module.def("allocations_seen", &allocations_seen);
}
