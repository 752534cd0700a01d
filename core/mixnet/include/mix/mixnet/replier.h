// The side that answers anonymous senders: gives each fragment of a reply its SURB, keeps a
// reserve with which to ask for more, and lets fragments wait until more arrive. Works with
// fragment identifiers; the client builds the packets. spec: messages §9.1, §11.3, §11.4.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "mix/base/time.h"
#include "mix/directory/topology.h"
#include "mix/mixnet/ack_tracker.h"
#include "mix/mixnet/config.h"
#include "mix/mixnet/rotation_clock.h"
#include "mix/mixnet/surb_store.h"

namespace mix::mixnet {

/// A fragment may go out, through this SURB.
struct SurbAssigned {
  enum class Why : std::uint8_t { kNew, kRetransmission };
  FragmentId fragment;
  ReplySurb surb;
  Why why = Why::kNew;
};
/// Send a SURB request for `amount` through this SURB.
struct SurbsNeeded {
  SenderTag from;
  std::uint32_t amount = 0;
  ReplySurb surb;
};
/// No SURBs came for too long, the fragment cannot be sent.
struct ReplyGivenUp {
  FragmentId fragment;
};
using ReplierOutput = std::variant<SurbAssigned, SurbsNeeded, ReplyGivenUp>;

class Replier {
 public:
  explicit Replier(const ReplierConfig& config) : config_(config), store_(config) {}
  /// Other thresholds from now on. SURBs and requests under way stay.
  void set_config(const ReplierConfig& config) {
    config_ = config;
    store_.set_config(config);
  }

  /// True when SURBs of this sender were received and the sender was not dropped since.
  [[nodiscard]] bool knows(const SenderTag& tag) const { return store_.contains(tag); }

  void send(const SenderTag& tag, const std::vector<FragmentId>& fragments, base::TimePoint now);
  /// A fragment needs another SURB. Requests for SURBs may take one of the reserve.
  void retransmit(const SenderTag& tag, const FragmentId& fragment,
                  TrackedFragment::Reserve reserve, base::TimePoint now);
  /// The fragment was acknowledged or dropped while it waited.
  void forget(const SenderTag& tag, const FragmentId& fragment);
  void receive(const SenderTag& tag, std::vector<ReplySurb> surbs, SurbStore::Source source,
               base::TimePoint now);

  void set_rotation_info(const directory::KeyRotationInfo& info, base::TimePoint now,
                         base::WallTime wall_now);
  void set_topology(const directory::EpochMetadata& metadata, base::TimePoint now);

  [[nodiscard]] std::optional<ReplierOutput> poll_output();
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);

  [[nodiscard]] std::size_t waiting() const { return waiting_total_; }
  [[nodiscard]] const SurbStore& store() const { return store_; }

 private:
  struct Waiting {
    std::set<FragmentId> retransmissions;
    std::deque<FragmentId> fresh;
    std::uint32_t rerequests = 0;

    [[nodiscard]] std::size_t size() const { return retransmissions.size() + fresh.size(); }
  };
  /// Waits one more poll after a change, so that senders learn the new rotation too.
  enum class Refresh : std::uint8_t { kIdle, kDue };

  [[nodiscard]] std::size_t waiting_for(const SenderTag& tag) const;
  void assign(const SenderTag& tag, const FragmentId& fragment, SurbAssigned::Why why);
  void drain(const SenderTag& tag);
  void request_if_needed(const SenderTag& tag);
  void request(const SenderTag& tag, std::uint32_t amount);
  void request_for_waiting(const SenderTag& tag);
  void give_up(const SenderTag& tag);
  void ensure_checks(base::TimePoint now);
  void check_waiting(base::TimePoint now);
  void check_rotation(base::TimePoint now);
  void schedule_rotation_check(base::TimePoint now);

  ReplierConfig config_;
  SurbStore store_;
  std::map<SenderTag, Waiting> waiting_;
  std::size_t waiting_total_ = 0;
  std::deque<ReplierOutput> outputs_;
  base::Deadline next_check_;

  RotationClock clock_;
  base::Deadline next_rotation_check_;
  std::optional<directory::EpochMetadata> metadata_;
  bool epoch_stuck_ = false;
  std::optional<std::uint32_t> last_rotation_id_;
  Refresh refresh_ = Refresh::kIdle;
};

}  // namespace mix::mixnet
