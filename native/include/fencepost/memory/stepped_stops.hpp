// A scanner that is stopped at any moment, on the stepped memory: which stop it hears, and what it leaves to the next one.
// model/programs/roles/restarting.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fencepost/pipeline/mutants.hpp"
#include "fencepost/pipeline/words.hpp"
#include "fencepost/structures/batch.hpp"

namespace fencepost::stepped {

// Follows what one scanner does. An ordered batch that is not yet acknowledged is in hand: no stop is heard while the
// scanner waits with it. One stop is heard, and no more.
class Stops {
 public:
  // `word`: which a supervisor sets to stop the scanner.
  Stops(pipeline::Word word, pipeline::Mutant fault) : word_(word), fault_(fault) {}

  pipeline::Word word() const { return word_; }
  bool hears() const {
    return phase_ == Phase::first && (!is_in_hand_ || fault_ == pipeline::Mutant::stopped_in_hand);
  }
  // The scanner is told to end, and the next one does not run yet: whatever it still asks for is not done.
  bool is_stopping() const { return phase_ == Phase::stopping; }

  void hear() { phase_ = Phase::stopping; }
  void succeed() {
    phase_ = Phase::next;
    is_in_hand_ = false;
  }

  void note(const pipeline::Step& step) { is_in_hand_ = is_in_hand_ || step.action == pipeline::Action::assign; }
  void attempted(pipeline::Value index, AttemptOutcome outcome) {
    is_in_hand_ = false;
    following_ = std::max(following_, index + 1);
    std::erase(set_aside_, index);
    if (outcome == AttemptOutcome::later) set_aside_.insert(std::ranges::upper_bound(set_aside_, index), index);
  }

  // The slots that are not settled, in ring order, and the index of the one behind those that were attempted.
  std::vector<pipeline::Value> unsettled() const {
    return fault_ == pipeline::Mutant::set_aside_forgotten ? std::vector<pipeline::Value>() : set_aside_;
  }
  pipeline::Value following() const { return following_; }

 private:
  enum class Phase : std::uint8_t { first, stopping, next };

  pipeline::Word word_;
  pipeline::Mutant fault_;
  Phase phase_ = Phase::first;
  bool is_in_hand_ = false;
  pipeline::Value following_ = 0;
  std::vector<pipeline::Value> set_aside_;
};

}  // namespace fencepost::stepped
