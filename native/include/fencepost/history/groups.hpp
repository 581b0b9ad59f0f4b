// A state for each client or ring of a history, by its number: small numbers by a table, any others by a hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace fencepost {

template <class State>
class HistoryGroups {
 public:
  explicit HistoryGroups(State initial) : initial_(initial) {}

  // A reference is good until the next call.
  State& of(std::int64_t group) {
    if (static_cast<std::uint64_t>(group) < table_.size()) return table_[static_cast<std::size_t>(group)];
    return elsewhere(group);
  }

  template <class Visit>
  void each(Visit visit) const {
    for (std::size_t group = 0; group < table_.size(); ++group) visit(static_cast<std::int64_t>(group), table_[group]);
    for (const auto& [group, state] : others_) visit(group, state);
  }

 private:
  static constexpr std::uint64_t table_size_max = 1 << 17;  // a table of more would not stay in a core's cache

  State& elsewhere(std::int64_t group) {
    if (static_cast<std::uint64_t>(group) >= table_size_max) return others_.try_emplace(group, initial_).first->second;
    // Twice as many, so that growing is paid once for each group.
    const auto needed = static_cast<std::size_t>(group) + 1;
    table_.resize(needed < 2 * table_.size() ? 2 * table_.size() : needed, initial_);
    return table_[static_cast<std::size_t>(group)];
  }

  State initial_;
  std::vector<State> table_;
  std::unordered_map<std::int64_t, State> others_;
};

}  // namespace fencepost
