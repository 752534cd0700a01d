// Reply SURBs that others gave us, by sender tag: which are fresh, which may be stale, how many
// were asked for. Decides nothing; the Replier does. spec: messages §11.3, §11.4.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "mix/base/time.h"
#include "mix/mixnet/address.h"
#include "mix/mixnet/config.h"
#include "mix/mixnet/reply_surb.h"

namespace mix::mixnet {

class SurbStore {
 public:
  /// Did the SURBs come with data, or in a message of their own (most likely asked for)?
  enum class Source : std::uint8_t { kWithData, kAdditional };

  explicit SurbStore(const ReplierConfig& config) : config_(config) {}
  /// What is held stays; new bounds apply from the next `add` on.
  void set_config(const ReplierConfig& config) { config_ = config; }

  [[nodiscard]] bool contains(const SenderTag& tag) const { return senders_.contains(tag); }
  /// Stores as fresh. Stale ones make room as far as the fresh ones exceed the reserve.
  /// Beyond `max_held_per_sender` the oldest go, beyond `max_senders` the most silent sender.
  void add(const SenderTag& tag, std::vector<ReplySurb> surbs, Source source, base::TimePoint now);
  /// Fresh before stale, oldest first; the reserve is the caller's business.
  [[nodiscard]] std::optional<ReplySurb> take(const SenderTag& tag);

  [[nodiscard]] std::size_t available(const SenderTag& tag) const;  // fresh and stale
  [[nodiscard]] std::size_t fresh(const SenderTag& tag) const;
  [[nodiscard]] std::uint32_t pending(const SenderTag& tag) const;  // asked for, not received
  void add_pending(const SenderTag& tag, std::uint32_t amount);
  void reset_pending(const SenderTag& tag);
  [[nodiscard]] base::Deadline last_received(const SenderTag& tag) const;

  /// Fresh SURBs become possibly stale. Returns how many of each sender.
  [[nodiscard]] std::vector<std::pair<SenderTag, std::uint32_t>> mark_all_stale();

  /// What may be kept at a moment.
  struct Retention {
    base::TimePoint received_since;
    /// SURBs of the other known parity are dropped.
    std::optional<sphinx::KeyRotation> only_parity;
    bool keep_stale = true;
    /// Senders without SURBs, pending ones or news for this long are dropped.
    base::Duration abandon_after;
  };
  void retain(const Retention& rule, base::TimePoint now);

  [[nodiscard]] std::size_t senders() const { return senders_.size(); }

 private:
  struct Held {
    ReplySurb surb;
    base::TimePoint received;
  };
  struct Sender {
    std::deque<Held> fresh;
    std::deque<Held> stale;
    std::uint32_t pending = 0;
    base::TimePoint last_received;
  };

  ReplierConfig config_;
  std::map<SenderTag, Sender> senders_;
};

}  // namespace mix::mixnet
