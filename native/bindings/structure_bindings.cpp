// What Python sees of the shared structures in the stepped build. Private to native/schedules/structures.py; typed in _core.pyi.
#include "bindings.hpp"
#include "stepped_bindings.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fencepost/stepped/structures.hpp"

namespace py = pybind11;

namespace {

namespace stepped = fencepost::stepped;
using namespace fencepost::bound;

using WrongAtEnd = std::function<bool(const stepped::StructureEnds::Returned&)>;

class JudgedEnds final : public stepped::StructureEnds {
 public:
  JudgedEnds(bool single_writer, const WrongAtEnd& wrong_at_end)
      : StructureEnds(single_writer), wrong_at_end_(wrong_at_end) {}

 private:
  bool wrong_at_end(const Returned& returned) override {
    return with_python([&] { return wrong_at_end_(returned); });
  }

  const WrongAtEnd& wrong_at_end_;
};

class BoundStructure final : public BoundSystem {
 public:
  BoundStructure(const std::string& name, const Arguments& numbers, const Arguments& profile, const Arguments& matrix)
      : structure_(name, numbers, profile_of(profile), stepped::matrix_of(matrix)) {}

  py::dict explore(const Search& search, bool single_writer, const WrongAtEnd& wrong_at_end, const Tell& tell) {
    JudgedEnds ends(single_writer, wrong_at_end);
    return fields_of(system(), run(system(), ends, search, tell));
  }

  // Of each line, what its words hold at first.
  std::vector<std::vector<std::int64_t>> lines() const {
    const stepped::Shape& shape = structure_.system().cells().shape();
    std::vector<std::vector<std::int64_t>> rows;
    for (std::size_t line = 0; line < shape.line_count(); ++line) {
      const auto& initial = shape.initial[line];
      rows.emplace_back(initial.begin(), initial.begin() + shape.word_counts[line]);
    }
    return rows;
  }

 private:
  stepped::System& system() override { return structure_.system(); }

  stepped::Structure structure_;
};

}  // namespace

void fencepost::bind_structures(py::module_& module) {
  py::class_<BoundStructure>(module, "Structure", py::module_local())
      .def(py::init<const std::string&, const Arguments&, const Arguments&, const Arguments&>(), py::kw_only(),
           py::arg("name"), py::arg("numbers"), py::arg("profile"), py::arg("matrix"))
      .def("explore", &BoundStructure::explore, py::arg("search"), py::kw_only(), py::arg("asks_single_writer"),
           py::arg("wrong_at_end"), py::arg("tell"))
      .def("draw", &BoundStructure::draw, py::arg("search"), py::kw_only(), py::arg("run"), py::arg("steps"),
           py::arg("interval"))
      .def("follow", &BoundStructure::follow, py::arg("schedule"), py::kw_only(), py::arg("interval"))
      .def("learn", &BoundStructure::learn, py::arg("lines"))
      .def("lines", &BoundStructure::lines);
}
