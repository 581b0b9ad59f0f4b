// Threads that can be at many places at once: a program cannot be copied, but it can be run again to where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fencepost/stepped/values.hpp"

namespace fencepost::stepped {

// A program under somebody else's schedule. It must be a function of what it is sent.
class Program {
 public:
  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  virtual ~Program() = default;

  // Begins, from the start each time; returns the first operation, null if there is none. What it points to lives
  // until the next call.
  virtual const Operation* begin() = 0;
  // Goes on with the result of the last operation; returns the next one, null when the program has ended.
  virtual const Operation* go_on(Result result) = 0;
  // What the program left in its registers, once it has ended.
  virtual std::vector<Value> returned() const { return {}; }
};

// A program did something else when it was brought to the same place again.
class NotDeterministic : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The places that one thread was at, each named by the results that led there, as a tree.
class Nodes {
 public:
  using Index = std::uint32_t;
  static constexpr Index none = UINT32_MAX;

  explicit Nodes(std::unique_ptr<Program> program) : program_(std::move(program)) { restart(); }

  // Forgets all places but the first.
  void restart() {
    nodes_.clear();
    watched_.clear();
    add(program_->begin(), none, {});
  }

  bool ended(Index node) const { return nodes_[node].ended; }
  const Operation& operation(Index node) const { return nodes_[node].operation; }
  const std::vector<Value>& returned(Index node) const { return nodes_[node].returned; }
  std::size_t size() const { return nodes_.size(); }

  // The place after the pending operation had this result.
  Index after(Index node, Result result) {
    for (Index each = nodes_[node].first_child; each != none; each = nodes_[each].sibling) {
      if (nodes_[each].result == result) return each;
    }
    if (live_ != node) bring_to(node);
    const Operation* const next = program_->go_on(result);
    return add(next, node, result);
  }

 private:
  struct Node {
    Operation operation;
    bool ended = false;
    Index parent = none;
    Index first_child = none;
    Index sibling = none;
    Result result;  // that led here
    std::vector<Value> returned;
  };

  Index add(const Operation* operation, Index parent, Result result) {
    Node node;
    node.ended = operation == nullptr;
    if (operation != nullptr) {
      node.operation = *operation;
      if (!operation->watched.empty()) {
        watched_.emplace_back(operation->watched.begin(), operation->watched.end());
        node.operation.watched = watched_.back();
      }
    } else {
      node.returned = program_->returned();
    }
    node.parent = parent;
    node.result = result;
    const auto index = static_cast<Index>(nodes_.size());
    if (parent != none) {
      node.sibling = nodes_[parent].first_child;
      nodes_[parent].first_child = index;
    }
    nodes_.push_back(std::move(node));
    live_ = index;
    return index;
  }

  void bring_to(Index node) {
    path_.clear();
    for (Index each = node; nodes_[each].parent != none; each = nodes_[each].parent) path_.push_back(each);
    const Operation* operation = program_->begin();
    Index at = 0;
    for (auto step = path_.rbegin();; ++step) {
      const Node& known = nodes_[at];
      if (known.ended != (operation == nullptr) || (operation != nullptr && !same(*operation, known.operation))) {
        throw NotDeterministic("a program did something else at its operation " +
                               std::to_string(step - path_.rbegin()) + " when it was run again");
      }
      if (step == path_.rend()) return;
      operation = program_->go_on(nodes_[*step].result);
      at = *step;
    }
  }

  std::unique_ptr<Program> program_;
  std::vector<Node> nodes_;
  std::deque<std::vector<Watched>> watched_;
  std::vector<Index> path_;
  Index live_ = none;  // where the program itself is
};

}  // namespace fencepost::stepped
