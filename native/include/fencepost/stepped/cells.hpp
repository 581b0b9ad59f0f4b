// One state of caches, memory, buffers and channels, which remembers what it was: `back_to` an earlier moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/stepped/values.hpp"

namespace fencepost::stepped {

enum class Standing : std::uint8_t { ruled_out, in_doubt, certain };

// Contents of lines are kept apart, never changed in place, and named by where they begin; 0 is no content.
using Content = std::uint32_t;

struct Version {
  Content content = 0;
  Standing standing = Standing::certain;
};

// What one host knows of a line that it does not hold dirty, as places in the line's versions.
struct Seen {
  std::uint32_t since = 0;  // a copy fetched by itself was fetched from this one or a later one
  std::int32_t kept = -1;   // the copy that the last load found; -1: none

  friend bool operator==(const Seen&, const Seen&) = default;
};

// Something in a store buffer. `number` counts the entries of its thread; `moment` counts what orders them: it is the same
// for a store and a flush with nothing between them.
struct Entry {
  Buffered kind = Buffered::store;
  Word word;
  Value value = 0;
  std::int32_t number = 0;
  std::uint32_t moment = 0;
  std::uint32_t origin = 0;  // the node of the thread whose operation put it there
};
using EntryIndex = std::uint32_t;

// The last store to a line on one host.
struct Stored {
  std::uint32_t thread = UINT32_MAX;  // none
  std::uint32_t moment = 0;

  friend bool operator==(const Stored&, const Stored&) = default;
};

struct Shape {
  std::size_t host_count = 0;
  std::size_t thread_count = 0;
  std::size_t channel_count = 0;
  std::vector<std::uint32_t> word_counts;         // of each line
  std::vector<std::array<Value, words_per_line>> initial;  // of each line

  std::size_t line_count() const { return word_counts.size(); }
};

class LookBack;

class Cells {
 public:
  using Moment = std::size_t;

  explicit Cells(const Shape& shape)
      : shape_(shape),
        words_(shape.line_count() * words_per_line),
        seen_(shape.host_count * shape.line_count()),
        dirty_(shape.host_count * shape.line_count()),
        stored_(shape.host_count * shape.line_count()),
        writers_(shape.line_count()),
        versions_(shape.line_count()),
        buffers_(shape.thread_count),
        issued_counts_(shape.thread_count),
        moments_(shape.thread_count),
        nodes_(shape.thread_count),
        messages_(shape.channel_count),
        taken_counts_(shape.channel_count) {
    reset();
  }

  // Nothing is cached, nothing has happened.
  void reset() {
    changes_.clear();
    contents_.assign(1, 0);
    entries_.clear();
    for (LineIndex line = 0; line < shape_.line_count(); ++line) {
      for (std::uint32_t word = 0; word < words_per_line; ++word) {
        words_[line * words_per_line + word] = shape_.initial[line][word];
      }
      const Content content = static_cast<Content>(contents_.size());
      contents_.insert(contents_.end(), shape_.initial[line].begin(),
                       shape_.initial[line].begin() + shape_.word_counts[line]);
      versions_[line].assign(1, Version{content, Standing::certain});
    }
    std::ranges::fill(seen_, Seen{});
    std::ranges::fill(dirty_, Content{0});
    std::ranges::fill(stored_, Stored{});
    std::ranges::fill(writers_, no_host);
    second_writer_count_ = 0;
    std::ranges::fill(issued_counts_, 0);
    std::ranges::fill(moments_, 0U);
    std::ranges::fill(nodes_, 0U);
    std::ranges::fill(taken_counts_, 0U);
    for (auto& each : buffers_) each.clear();
    for (auto& each : messages_) each.clear();
    watch_ = 0;
  }

  // --- looking ---

  Value word(Word word) const { return words_[word.index()]; }
  const std::vector<Version>& versions(LineIndex line) const { return versions_[line]; }
  Seen seen(Host host, LineIndex line) const { return seen_[at(host, line)]; }
  Content dirty(Host host, LineIndex line) const { return dirty_[at(host, line)]; }
  Value in(Content content, std::uint32_t word) const { return contents_[content + word]; }
  const std::vector<EntryIndex>& buffer(std::uint32_t thread) const { return buffers_[thread]; }
  const Entry& entry(EntryIndex index) const { return entries_[index]; }
  std::uint32_t moment(std::uint32_t thread) const { return moments_[thread]; }
  Stored stored(Host host, LineIndex line) const { return stored_[at(host, line)]; }
  std::uint32_t second_writer_count() const { return second_writer_count_; }
  std::uint32_t node(std::uint32_t thread) const { return nodes_[thread]; }
  std::uint32_t watch() const { return watch_; }
  const std::vector<Value>& messages(std::uint32_t channel) const { return messages_[channel]; }
  std::uint32_t taken_count(std::uint32_t channel) const { return taken_counts_[channel]; }
  const Shape& shape() const { return shape_; }

  // --- changing; every change can be taken back ---

  void set_word(Word word, Value value) {
    note(What::word, word.index(), 0, static_cast<std::uint64_t>(words_[word.index()]));
    words_[word.index()] = value;
  }

  void set_seen(Host host, LineIndex line, Seen seen) {
    Seen& held = seen_[at(host, line)];
    note(What::seen, at(host, line), held.since, static_cast<std::uint64_t>(held.kept));
    held = seen;
  }

  void set_dirty(Host host, LineIndex line, Content content) {
    Content& held = dirty_[at(host, line)];
    note(What::dirty, at(host, line), 0, held);
    held = content;
  }

  void append(LineIndex line, Version version) {
    note(What::version, line, 0, 0);
    versions_[line].push_back(version);
  }

  void set_standing(LineIndex line, std::size_t place, Standing standing) {
    Version& held = versions_[line][place];
    note(What::standing, line, static_cast<std::uint32_t>(place), static_cast<std::uint64_t>(held.standing));
    held.standing = standing;
  }

  // A content like another one but for one word.
  Content with(LineIndex line, Content content, std::uint32_t word, Value value) {
    const Content made = static_cast<Content>(contents_.size());
    note(What::content, 0, 0, made);
    for (std::uint32_t index = 0; index < shape_.word_counts[line]; ++index) {
      contents_.push_back(index == word ? value : contents_[content + index]);
    }
    return made;
  }

  void set_stored(Host host, LineIndex line, Stored stored) {
    Stored& held = stored_[at(host, line)];
    note(What::stored, at(host, line), held.thread, held.moment);
    held = stored;
  }

  // A host stored to a line, past its cache or not: noted is the first one, and how often another one came.
  void note_writer(Host host, LineIndex line) {
    if (writers_[line] == host) return;
    note(What::writer, line, 0, writers_[line]);
    if (writers_[line] == no_host) {
      writers_[line] = host;
    } else {
      ++second_writer_count_;
    }
  }

  // What enters the thread's buffer from now on comes after more than what is in it.
  void order_entries(std::uint32_t thread) {
    note(What::moment, thread, 0, 0);
    ++moments_[thread];
  }

  EntryIndex put(std::uint32_t thread, Entry entry) {
    entry.number = issued_counts_[thread]++;
    entry.moment = moments_[thread];
    const EntryIndex index = static_cast<EntryIndex>(entries_.size());
    entries_.push_back(entry);
    buffers_[thread].push_back(index);
    note(What::put, thread, 0, 0);
    return index;
  }

  void take(std::uint32_t thread, std::size_t place) {
    std::vector<EntryIndex>& buffer = buffers_[thread];
    note(What::taken, thread, static_cast<std::uint32_t>(place), buffer[place]);
    buffer.erase(buffer.begin() + static_cast<std::ptrdiff_t>(place));
  }

  void set_node(std::uint32_t thread, std::uint32_t node) {
    note(What::node, thread, 0, nodes_[thread]);
    nodes_[thread] = node;
  }

  void set_watch(std::uint32_t watch) {
    note(What::watch, 0, 0, watch_);
    watch_ = watch;
  }

  void send(std::uint32_t channel, Value message) {
    note(What::sent, channel, 0, 0);
    messages_[channel].push_back(message);
  }

  Value receive(std::uint32_t channel) {
    note(What::received, channel, 0, 0);
    return messages_[channel][taken_counts_[channel]++];
  }

  // --- going back ---

  Moment now() const { return changes_.size(); }
  void forget() { changes_.clear(); }  // what came before now, for a run that does not go back

  void back_to(Moment moment) {
    while (changes_.size() > moment) {
      undo(changes_.back());
      changes_.pop_back();
    }
  }

 private:
  friend class LookBack;
  static constexpr Host no_host = UINT32_MAX;

  enum class What : std::uint8_t {
    word, seen, dirty, stored, writer, moment, version, standing, content, put, taken, node, watch, sent, received
  };

  struct Change {
    What what;
    std::uint32_t where;
    std::uint32_t place;
    std::uint64_t before;
  };

  std::uint32_t at(Host host, LineIndex line) const {
    return host * static_cast<std::uint32_t>(shape_.line_count()) + line;
  }

  void note(What what, std::uint32_t where, std::uint32_t place, std::uint64_t before) {
    changes_.push_back({what, where, place, before});
  }

  void undo(const Change& change) {
    const std::uint32_t where = change.where;
    switch (change.what) {
      case What::word: words_[where] = static_cast<Value>(change.before); break;
      case What::seen: seen_[where] = {change.place, static_cast<std::int32_t>(change.before)}; break;
      case What::dirty: dirty_[where] = static_cast<Content>(change.before); break;
      case What::stored: stored_[where] = {change.place, static_cast<std::uint32_t>(change.before)}; break;
      case What::writer:
        second_writer_count_ -= change.before == no_host ? 0 : 1;
        writers_[where] = static_cast<Host>(change.before);
        break;
      case What::moment: --moments_[where]; break;
      case What::version: versions_[where].pop_back(); break;
      case What::standing: versions_[where][change.place].standing = static_cast<Standing>(change.before); break;
      case What::content: contents_.resize(change.before); break;
      case What::put:
        buffers_[where].pop_back();
        entries_.pop_back();
        --issued_counts_[where];
        break;
      case What::taken:
        buffers_[where].insert(buffers_[where].begin() + change.place, static_cast<EntryIndex>(change.before));
        break;
      case What::node: nodes_[where] = static_cast<std::uint32_t>(change.before); break;
      case What::watch: watch_ = static_cast<std::uint32_t>(change.before); break;
      case What::sent: messages_[where].pop_back(); break;
      case What::received: --taken_counts_[where]; break;
    }
  }

  Shape shape_;
  std::vector<Value> words_;  // of lines that are one host's own
  std::vector<Seen> seen_;
  std::vector<Content> dirty_;
  std::vector<Stored> stored_;
  std::vector<Host> writers_;  // of each line, the first host that stored to it
  std::uint32_t second_writer_count_ = 0;
  std::vector<std::vector<Version>> versions_;  // of each line, what memory had, oldest first
  std::vector<Value> contents_;
  std::vector<Entry> entries_;
  std::vector<std::vector<EntryIndex>> buffers_;
  std::vector<std::int32_t> issued_counts_;
  std::vector<std::uint32_t> moments_;
  std::vector<std::uint32_t> nodes_;
  std::vector<std::vector<Value>> messages_;
  std::vector<std::uint32_t> taken_counts_;
  std::uint32_t watch_ = 0;
  std::vector<Change> changes_;
};

}  // namespace fencepost::stepped
