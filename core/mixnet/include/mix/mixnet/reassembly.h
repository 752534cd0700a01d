// Puts messages together again from their fragments, in whatever order they come. Everything it
// keeps is bounded, for anyone can send us fragments. spec: messages §5.2.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/time.h"
#include "mix/mixnet/fragment.h"

namespace mix::mixnet {

class Reassembler {
 public:
  /// Beyond `max_bytes` of buffered payload the set without news for longest is dropped.
  explicit Reassembler(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  enum class Outcome : std::uint8_t {
    kStored,
    kComplete,
    kDuplicate,      // position filled already, or the message is finished
    kContradiction,  // total or link disagrees with what was seen; dropped
  };
  struct Answer {
    Outcome outcome;
    base::Bytes message;  // padded; only with kComplete
  };
  [[nodiscard]] Answer receive(const FragmentView& fragment, base::TimePoint now);

  [[nodiscard]] std::size_t buffered_fragments() const { return buffered_fragments_; }
  [[nodiscard]] std::size_t buffered_bytes() const { return buffered_bytes_; }
  [[nodiscard]] std::size_t finished_sets() const { return finished_.size(); }

 private:
  struct Set {
    std::uint8_t total = 0;
    std::uint8_t received = 0;
    std::optional<SetId> previous;
    std::optional<SetId> next;
    std::vector<std::optional<base::Bytes>> payloads;  // by index - 1
    std::size_t bytes = 0;
    base::TimePoint last_news;

    [[nodiscard]] bool complete() const { return received == total; }
  };
  using Sets = std::map<SetId, Set>;

  [[nodiscard]] static bool contradicts(const Set& set, const FragmentHeader& header);
  /// The sets of the message in order when all are complete; nothing while some are missing.
  /// Sets that are linked in a circle or inconsistently are dropped.
  [[nodiscard]] std::vector<SetId> complete_chain(const SetId& start);
  void drop(const SetId& id);
  void finish(const SetId& id);
  void make_room(const SetId& except);
  void expire(base::TimePoint now);

  std::size_t max_bytes_;
  Sets sets_;
  std::size_t buffered_fragments_ = 0;
  std::size_t buffered_bytes_ = 0;
  base::Deadline last_check_;
  std::set<SetId> finished_;
  std::deque<SetId> finished_order_;
};

}  // namespace mix::mixnet
