// What looks on while programs run: it is told every step of the spec, and may object. Its states are numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "fencepost/stepped/values.hpp"

namespace fencepost::stepped {

// What the judgement of a step depends on: words of memory that must be known, and facts, by numbers; and the facts that
// the step changes. Two steps that have a fact in common do not commute, unless both only read it.
struct Concern {
  std::vector<Word> asks;
  std::vector<std::uint32_t> reads;
  std::vector<std::uint32_t> writes;
};

// Decides what a watch makes of a step. Asked once for each state, step and answers.
class Judge {
 public:
  struct After {
    std::uint32_t watch = 0;
    bool violated = false;
  };

  Judge() = default;
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  virtual ~Judge() = default;

  virtual Concern concern(std::uint32_t watch, const Step& step) = 0;
  virtual After after(std::uint32_t watch, const Step& step, const std::vector<Value>& answers) = 0;
};

// The states of a watch and what leads from one to another, kept so that the judge is asked only once.
class Watches {
 public:
  explicit Watches(Judge* judge) : judge_(judge), violated_(1, 0) {}

  bool present() const { return judge_ != nullptr; }
  bool violated(std::uint32_t watch) const { return violated_[watch] != 0; }

  struct Answered {
    std::vector<Value> answers;
    std::uint32_t watch = 0;
  };

  // A step told in one state of the watch.
  struct Told {
    std::uint32_t watch = 0;
    Step step;
    Concern concern;
    std::vector<Answered> answered;
  };

  Told& told_of(std::uint32_t watch, const Step& step) {
    std::uint64_t hash = (std::uint64_t{watch} << 8U | static_cast<std::uint64_t>(step.action)) * 0x9E3779B97F4A7C15ULL;
    for (const Value each : step.arguments) {
      hash = (hash ^ static_cast<std::uint64_t>(each)) * 0xD6E8FEB86659FD93ULL;
      hash ^= hash >> 29U;
    }
    auto& bucket = told_[hash];
    for (const auto& each : bucket) {
      if (each->watch == watch && each->step == step) return *each;
    }
    bucket.push_back(std::make_unique<Told>(Told{watch, step, judge_->concern(watch, step), {}}));
    return *bucket.back();
  }

  // The state after a step; `inspect(word)` is what memory has of a word.
  template <class Inspect>
  std::uint32_t after(Told& told, Inspect&& inspect) {
    answers_.clear();
    for (const Word word : told.concern.asks) answers_.push_back(inspect(word));
    for (const Answered& each : told.answered) {
      if (each.answers == answers_) return each.watch;
    }
    const Judge::After after = judge_->after(told.watch, told.step, answers_);
    told.answered.push_back({answers_, after.watch});
    if (after.watch >= violated_.size()) violated_.resize(after.watch + 1);
    violated_[after.watch] = after.violated ? 1 : 0;
    return after.watch;
  }

 private:
  Judge* judge_;
  std::vector<std::uint8_t> violated_;
  std::unordered_map<std::uint64_t, std::vector<std::unique_ptr<Told>>> told_;
  std::vector<Value> answers_;
};

}  // namespace fencepost::stepped
