// The pipeline under somebody else's schedule: built by name, explored, or run once with everything written down.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/pipeline/cas_then_reserve.hpp"
#include "fencepost/pipeline/reserve_before_claim.hpp"
#include "fencepost/pipeline/scenario.hpp"
#include "fencepost/stepped/search/draw.hpp"
#include "fencepost/stepped/search/explore.hpp"
#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

inline constexpr std::string_view refuted_design = "order4.cas_then_reserve";

// Faults of the programs that are compiled in beside the sound programs.
template <pipeline::Mutant... faults>
struct Faults {};
using AllFaults = Faults<pipeline::Mutant::payload_unflushed, pipeline::Mutant::guard_before_entry,
                         pipeline::Mutant::reserve_before_claim>;

class Pipeline {
 public:
  // `given`: a design by name; with ".fields" behind it, the fields of its headers are words of their own.
  template <pipeline::Mutant... faults>
  Pipeline(Faults<faults...>, std::string_view given, pipeline::Scenario scenario, const Profile& profile,
           const Matrix& matrix, std::int64_t mutant, Judge* judge)
      : scenario_(std::move(scenario)), layout_(layout_of(given, scenario_)) {
    const std::string_view design = without_fields(given);
    checked("hosts", static_cast<std::int64_t>(scenario_.host_count()), 1, host_max + 1);
    using pipeline::Mutant;
    fault_ = static_cast<Mutant>(checked("mutant", mutant, 0, static_cast<std::int64_t>(pipeline::last_mutant)));
    if (fault_ == Mutant::count_of_16_bits) layout_.count_bits = 16;
    if (((fault_ == faults && (build<faults>(design, profile, matrix, judge), true)) || ...)) return;
    if (fault_ != Mutant::none && !is_around_scanners(fault_)) throw Refused("this build has no program with that mutant");
    build<Mutant::none>(design, profile, matrix, judge);
  }

  System& system() { return *system_; }
  const pipeline::Layout& layout() const { return layout_; }
  const std::vector<RoleOf>& roles() const { return roles_; }

  // The first thread that waits for ever for what it must get, at the end of a run; -1 for none.
  std::int64_t waiting_in_vain() const {
    for (std::uint32_t thread = 0; thread < system_->thread_count(); ++thread) {
      const Operation* const pending = system_->pending(thread);
      if (pending == nullptr) continue;
      const pipeline::Role role = roles_[thread].role;
      if (pending->kind == Kind::lock || role == pipeline::Role::client ||
          (role == pipeline::Role::receiver && pending->kind != Kind::receive)) {
        return thread;
      }
    }
    return -1;
  }

 private:
  static constexpr std::string_view fields_suffix = ".fields";

  static std::string_view without_fields(std::string_view design) {
    return design.substr(0, design.size() - (design.ends_with(fields_suffix) ? fields_suffix.size() : 0));
  }

  static pipeline::Layout layout_of(std::string_view given, const pipeline::Scenario& scenario) {
    const std::string_view design = without_fields(given);
    return scenario.layout(design == pipeline_designs[3] ? shard_count : 0, design == pipeline_designs[4], design != given);
  }

  // Of the stepped memory's waits, and of other roles: no scanner's program differs.
  static constexpr bool is_around_scanners(pipeline::Mutant fault) noexcept {
    return fault >= pipeline::Mutant::time_out_acknowledges;
  }

  template <pipeline::Mutant mutant>
  void build(std::string_view design, const Profile& profile, const Matrix& matrix, Judge* judge) {
    if (design == pipeline_designs[0]) return build_with<mutant, pipeline::ScannerOrder5>(profile, matrix, judge);
    if (design == pipeline_designs[1]) {
      if constexpr (mutant == pipeline::Mutant::reserve_before_claim) {
        return build_with<mutant, pipeline::ScannerReserveBeforeClaim>(profile, matrix, judge);
      } else {
        return build_with<mutant, pipeline::ScannerOrder4Claim>(profile, matrix, judge);
      }
    }
    if (design == pipeline_designs[2]) return build_with<mutant, pipeline::ScannerOrder4Mutex>(profile, matrix, judge);
    if (design == pipeline_designs[3]) {
      return build_with<mutant, pipeline::ScannerOrder4ShardedMutex>(profile, matrix, judge);
    }
    if (design == pipeline_designs[4]) return build_with<mutant, pipeline::ScannerOwner>(profile, matrix, judge);
    if (design == pipeline_designs[5]) return build_with<mutant, pipeline::ScannerEpoch5>(profile, matrix, judge);
    if (design == pipeline_designs[6]) return build_with<mutant, pipeline::ScannerEpoch4>(profile, matrix, judge);
    if constexpr (mutant == pipeline::Mutant::none) {
      if (design == refuted_design) return build_with<mutant, pipeline::ScannerCasThenReserve>(profile, matrix, judge);
    }
    throw Refused("unknown pipeline '" + std::string(design) +
                  "': expected order5.fetch_add, order4.claim, order4.mutex, order4.sharded_mutex, order4.owner, "
                  "order5.epoch, order4.epoch or, without a mutant, order4.cas_then_reserve");
  }

  template <pipeline::Mutant mutant, template <class> class ScannerOf>
  void build_with(const Profile& profile, const Matrix& matrix, Judge* judge) {
    PipelineThreads<mutant, ScannerOf> threads(scenario_, layout_, fault_);
    roles_ = threads.roles();
    const Shape shape = shape_of(scenario_, layout_, roles_.size());
    system_ = std::make_unique<System>(threads.take(), profile, matrix, shape, judge);
  }

  const pipeline::Scenario scenario_;
  pipeline::Layout layout_;
  pipeline::Mutant fault_ = pipeline::Mutant::none;
  std::vector<RoleOf> roles_;
  std::unique_ptr<System> system_;
};

// What the contract says of the end of a run: asked once for each watch and number of issued positions.
class PipelineEnds : public Ends {
 public:
  PipelineEnds(const Pipeline& pipeline, bool asks_drained) : pipeline_(pipeline), asks_drained_(asks_drained) {}

  bool wrong(const System& system) override {
    if (system.violated()) return true;
    const Value issued = system.memory().memory(pipeline_.layout().issued());
    auto& known = known_[system.cells().watch()];
    auto found = std::ranges::find_if(known, [&](const auto& each) { return each.first == issued; });
    if (found == known.end()) {
      known.emplace_back(issued, wrong_at_end(system.cells().watch(), issued));
      found = known.end() - 1;
    }
    return found->second || (asks_drained_ && pipeline_.waiting_in_vain() >= 0);
  }

 protected:
  virtual bool wrong_at_end(std::uint32_t watch, Value issued) = 0;

 private:
  const Pipeline& pipeline_;
  const bool asks_drained_;
  std::unordered_map<std::uint32_t, std::vector<std::pair<Value, bool>>> known_;
};

}  // namespace fencepost::stepped
