// Answers that are still true, bounded in number. Errors are never kept.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "mix/base/bytes.h"
#include "mix/dns/resolver.h"
#include "outcome.h"

namespace mix::dns {

/// Name in lower case, type, whom to ask, and for whom: equal questions have equal keys.
using QuestionKey = base::Bytes;

class Cache {
 public:
  explicit Cache(std::size_t max_entries) : max_entries_(max_entries) {}

  /// With the time that is left to it.
  [[nodiscard]] std::optional<Outcome> find(const QuestionKey& key, base::TimePoint now);
  /// Keeps what has a time to live, within kMinTtl and kMaxTtl or kMaxNegativeTtl. When full, what
  /// would end first makes room.
  void put(const QuestionKey& key, const Outcome& outcome, base::TimePoint now);
  [[nodiscard]] const CacheStats& stats() const { return stats_; }
  void clear() { entries_.clear(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Outcome outcome;
    base::TimePoint ends;
  };

  CacheStats stats_;
  std::size_t max_entries_;
  std::map<QuestionKey, Entry> entries_;
};

}  // namespace mix::dns
