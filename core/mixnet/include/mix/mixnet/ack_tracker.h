// The fragments that were queued and are not acknowledged yet, with the timers that send them
// again. A fragment is registered here before its packet can leave, so that no acknowledgement
// finds nothing. spec: messages §9.1.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "mix/base/time.h"
#include "mix/mixnet/address.h"
#include "mix/mixnet/fragment.h"
#include "mix/mixnet/lane.h"
#include "mix/mixnet/reply_surb.h"

namespace mix::mixnet {

/// Names a message of the application; 0 is housekeeping of the client itself.
using MessageId = std::uint64_t;

/// Where a fragment goes: to an address, or through SURBs of an anonymous sender.
using Peer = std::variant<Recipient, SenderTag>;

struct TrackedFragment {
  /// May a SURB of the reserve carry it? Only requests for SURBs may. spec: messages §11.3.
  enum class Reserve : std::uint8_t { kKeep, kUse };

  base::Bytes bytes;  // plain: header and payload
  Peer to;
  MessageId message = 0;
  Lane lane;
  sphinx::PacketSize size = sphinx::PacketSize::kRegular;
  std::optional<std::uint32_t> max_retransmissions;
  Reserve reserve = Reserve::kKeep;

  // Kept by the client while the fragment lives.
  std::optional<ReplySurb> surb;  // for the next packet of a reply
  std::uint32_t packets_sent = 0;
  base::Duration expected_delay{};  // round trip of the last packet
  base::TimePoint last_sent{};
  base::Deadline due;  // runs while a packet is under way
};

class AckTracker {
 public:
  /// timeout = expected delay * multiplier + addition
  AckTracker(double multiplier, base::Duration addition)
      : multiplier_(multiplier), addition_(addition) {}
  ~AckTracker();
  AckTracker(const AckTracker&) = delete;
  AckTracker& operator=(const AckTracker&) = delete;

  void add(const FragmentId& id, TrackedFragment fragment);
  /// Null when it was never added, or acknowledged, or given up. Valid until the next change.
  [[nodiscard]] TrackedFragment* find(const FragmentId& id);
  /// The packet was handed on: counts it and starts the timer.
  void sent(const FragmentId& id, base::Duration expected_delay, base::TimePoint now);
  /// Starts the timer again with the last expected delay (nothing could be built).
  void restart(const FragmentId& id, base::TimePoint now);
  /// All timers run out now: what is under way was lost with the link.
  void hurry(base::TimePoint now);
  /// Forgets a fragment and wipes it. Returns what it was, without its bytes.
  std::optional<TrackedFragment> remove(const FragmentId& id);
  /// A fragment whose timer has run out; the timer is off then.
  [[nodiscard]] std::optional<FragmentId> pop_due(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const;

  /// Fragments for which `wanted(fragment)` holds.
  template <class Predicate>
  [[nodiscard]] std::vector<FragmentId> select(Predicate wanted) const {
    std::vector<FragmentId> out;
    for (const auto& [id, fragment] : fragments_) {
      if (wanted(fragment)) out.push_back(id);
    }
    return out;
  }
  [[nodiscard]] std::size_t size() const { return fragments_.size(); }

 private:
  using Timers = std::set<std::pair<base::TimePoint, FragmentId>>;

  void start_timer(const FragmentId& id, TrackedFragment& fragment, base::TimePoint now);
  void stop_timer(const FragmentId& id, TrackedFragment& fragment);

  double multiplier_;
  base::Duration addition_;
  std::map<FragmentId, TrackedFragment> fragments_;
  Timers timers_;
};

}  // namespace mix::mixnet
