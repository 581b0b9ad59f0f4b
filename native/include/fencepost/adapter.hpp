// A sequencer of your own for `fencepost.compare`: write a class with four functions, and name it in one line.
//
//   #include "fencepost/adapter.hpp"
//
//   class Mine {
//    public:
//     void begin(std::size_t ring_count, std::size_t client_count);
//     fencepost::Answer try_order(fencepost::Turn& turn, std::size_t ring, std::size_t client, std::uint64_t seq,
//                                 std::uint64_t count);
//     std::uint64_t acknowledged(std::size_t client);
//     std::uint64_t issued();
//   };
//
//   FENCEPOST_SEQUENCER(mine, Mine)
//
// and run `fencepost compare mine.cpp --level 4`, which compiles it; or compile it into a Python module of that name:
//
//   c++ -std=c++20 -O1 -shared -fPIC $(python -m pybind11 --includes) -I$(python -c
//       "from fencepost import native; print(native.include_directory())") mine.cpp -o mine$(python3-config
//       --extension-suffix)
//
// begin         anew: nothing was ordered. Called before every run
// try_order     one attempt of a ring's scanner to order a batch. Call `turn.pass()` between two accesses to what
//               scanners share, and in every loop that waits: there, and only there, another scanner may go on. It
//               runs on a stack of its own that is dropped if the run ends in the middle, so it keeps nothing there
//               that must be destroyed
// acknowledged  how many of a client's batches, from its first on, the client may forget. Asked at any time, also in
//               the middle of attempts: it does not wait
// issued        the next position that was never handed out; asked when `acknowledged` is
#pragma once

#include <pybind11/pybind11.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fencepost/race/fibre.hpp"

namespace fencepost {

// What became of an attempt. `start` is the first position of a batch that was ordered.
struct Answer {
  enum class Outcome : std::int8_t { ordered, later, duplicate };

  Outcome outcome = Outcome::later;
  std::uint64_t start = 0;

  static Answer ordered(std::uint64_t start) { return {Outcome::ordered, start}; }
  static Answer later() { return {Outcome::later, 0}; }
  static Answer duplicate() { return {Outcome::duplicate, 0}; }
};

// Whose turn it is. In production there is nobody to pass it to.
class Turn {
 public:
  Turn() = default;
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  virtual ~Turn() = default;

  virtual void pass() {}
};

// Says whether a class has the four functions of a sequencer, so that what is missing is refused on the user's line.
template <class Sequencer>
concept HasFunctions = requires(Sequencer& sequencer, Turn& turn, std::size_t size, std::uint64_t number) {
  sequencer.begin(size, size);
  { sequencer.try_order(turn, size, size, number, number) } -> std::convertible_to<Answer>;
  { sequencer.acknowledged(size) } -> std::convertible_to<std::uint64_t>;
  { sequencer.issued() } -> std::convertible_to<std::uint64_t>;
};

namespace adapter {

// The attempts of one ring's scanner, one at a time, each of which can be left at `pass` and gone on with.
template <class Sequencer>
class Scanner final : private Fibre, private Turn {
 public:
  Scanner(Sequencer& sequencer, std::size_t ring) : sequencer_(sequencer), ring_(ring) {}

  // Says whether it has come to an answer.
  bool start(std::size_t client, std::uint64_t seq, std::uint64_t count) {
    client_ = client;
    seq_ = seq;
    count_ = count;
    restart();
    return done();
  }

  bool go_on() {
    if (done()) throw std::logic_error("ring " + std::to_string(ring_) + " has no attempt to go on with");
    enter();
    return done();
  }

  const Answer& answer() const { return answer_; }

 private:
  void run() override { answer_ = sequencer_.try_order(*this, ring_, client_, seq_, count_); }
  void pass() override { leave(); }

  Sequencer& sequencer_;
  std::size_t ring_;
  std::size_t client_ = 0;
  std::uint64_t seq_ = 0;
  std::uint64_t count_ = 0;
  Answer answer_;
};

template <class Sequencer>
class Adapted {
 public:
  void begin(std::size_t ring_count, std::size_t client_count) {
    scanners_.clear();
    sequencer_ = std::make_unique<Sequencer>();
    sequencer_->begin(ring_count, client_count);
    for (std::size_t ring = 0; ring < ring_count; ++ring) {
      scanners_.push_back(std::make_unique<Scanner<Sequencer>>(*sequencer_, ring));
    }
  }

  pybind11::object start(std::size_t ring, std::size_t client, std::uint64_t seq, std::uint64_t count) {
    return answered(ring, scanners_.at(ring)->start(client, seq, count));
  }
  pybind11::object go_on(std::size_t ring) { return answered(ring, scanners_.at(ring)->go_on()); }
  std::uint64_t acknowledged(std::size_t client) { return sequencer_->acknowledged(client); }
  std::uint64_t issued() { return sequencer_->issued(); }

 private:
  pybind11::object answered(std::size_t ring, bool is_done) {
    if (!is_done) return pybind11::none();
    const Answer& answer = scanners_[ring]->answer();
    const bool is_ordered = answer.outcome == Answer::Outcome::ordered;
    return pybind11::make_tuple(static_cast<int>(answer.outcome),
                                is_ordered ? static_cast<std::int64_t>(answer.start) : std::int64_t{-1});
  }

  std::unique_ptr<Sequencer> sequencer_;
  std::vector<std::unique_ptr<Scanner<Sequencer>>> scanners_;
};

template <class Sequencer>
void bind(pybind11::module_& module) {
  using Bound = Adapted<Sequencer>;
  namespace py = pybind11;
  py::class_<Bound>(module, "Sequencer", py::module_local())
      .def(py::init<>())
      .def("begin", &Bound::begin, py::arg("ring_count"), py::arg("client_count"))
      .def("start", &Bound::start, py::arg("ring"), py::arg("client"), py::arg("seq"), py::arg("count"))
      .def("go_on", &Bound::go_on, py::arg("ring"))
      .def("acknowledged", &Bound::acknowledged, py::arg("client"))
      .def("issued", &Bound::issued);
}

}  // namespace adapter
}  // namespace fencepost

#define FENCEPOST_SEQUENCER(name, Sequencer)                                                          \
  static_assert(fencepost::HasFunctions<Sequencer>,                                                   \
                "expected begin, try_order, acknowledged and issued, as fencepost/adapter.hpp says"); \
  PYBIND11_MODULE(name, module) { fencepost::adapter::bind<Sequencer>(module); }
