// A sequencer that is stopped and begins again, in the stepped build. model/programs/roles/restarting.py.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "fencepost/memory/stepped.hpp"
#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/mutants.hpp"
#include "fencepost/pipeline/scanners/scanner.hpp"

namespace fencepost::stepped {

// A scanner that is stopped, and another that goes on in its place once it is sent for: that looks at the guards of what
// was left, and knows nothing else.
template <pipeline::Mutant mutant, class Scanner>
class StoppableProgram final : public SteppedMemory<mutant> {
 public:
  using Make = std::function<void(SteppedMemory<mutant>&, std::optional<Scanner>&)>;

  StoppableProgram(const pipeline::Layout& layout, std::uint32_t ring, pipeline::Mutant fault, Make make)
      : layout_(layout), ring_(ring), fault_(fault), make_(std::move(make)) {}

 private:
  void run() override {
    this->stop_by(layout_, ring_, fault_);
    make_(*this, scanner_);
    scanner_->run();
    handed_over_ = scanner_->hand_over();
    handed_over_.unsettled = this->stops()->unsettled();
    handed_over_.following = this->stops()->following();
    this->stops()->succeed();
    this->receive(layout_.to_scanner(ring_));
    look_again();
    make_(*this, scanner_);
    scanner_->take_over(handed_over_);
    scanner_->run();
  }

  void look_again() {
    const auto& left = handed_over_.unsettled;
    for (Value index = left.empty() ? handed_over_.following : left.front(); index < handed_over_.following; ++index) {
      const Word guard = layout_.header_guard(ring_, index);
      this->flush(guard.line);
      this->full_fence();
      this->load(guard);
    }
  }

  const pipeline::Layout& layout_;
  const std::uint32_t ring_;
  const pipeline::Mutant fault_;
  const Make make_;
  std::optional<Scanner> scanner_;
  pipeline::HandedOver handed_over_;
};

}  // namespace fencepost::stepped
