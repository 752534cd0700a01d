// Messages to other clients of the mixnet. One job each: it waits here, bounded, until the
// mixnet's queue has room, and then for the acknowledgements.
//
//   Waiting ─> Sent ─> MessageConfirmed
//      └─────────┴───> JobFailed (refused, lost, late, other identity)
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "mix/base/result.h"
#include "mix/base/time.h"
#include "mix/mixnet/client.h"
#include "mix/tunnel/host.h"
#include "mix/tunnel/message.h"

namespace mix::tunnel {

class Messages {
 public:
  static constexpr std::size_t kMaxJobs = 1024;
  static constexpr std::size_t kMaxWaitingBytes = 16u << 20;

  /// Outcomes go to `actions`, which outlives this object.
  explicit Messages(std::deque<Action>& actions) : actions_(actions) {}
  ~Messages();
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  /// Errors: `mixnet_bad_recipient`, `mixnet_empty_reply`, `mixnet_message_too_long`,
  /// `usage_queue_full`, `config_bad_option` (number of SURBs).
  [[nodiscard]] base::Result<void> start(JobId job, MessageRequest request, base::TimePoint now);
  /// Ends a job without news of it. `client` may be null.
  void cancel(JobId job, mixnet::Client* client);

  /// Hands over what the mixnet has room for and ends what is late. `client` is null while there
  /// is none; one with another address than before has lost what the old one held. True when
  /// something moved.
  bool advance(mixnet::Client* client, base::TimePoint now);
  void on(const mixnet::MessageDelivered& delivered);
  void on(const mixnet::MessageLost& lost, mixnet::Client* client);
  /// Ends all jobs with this error.
  void fail_all(const base::Error& error);

  [[nodiscard]] base::Deadline next_deadline() const;
  [[nodiscard]] std::size_t size() const { return jobs_.size(); }

 private:
  using Peer = std::variant<mixnet::Recipient, mixnet::SenderTag>;
  struct Job {
    Peer to;
    base::Bytes data;  // empty once handed over
    mixnet::SendOptions options;
    Confirm confirm;
    base::TimePoint give_up;
    std::optional<mixnet::MessageId> sent_as;  // none while it waits
  };
  using Jobs = std::map<JobId, Job>;

  [[nodiscard]] base::Result<mixnet::MessageId> hand_over(const Job& job, mixnet::Client& client,
                                                          base::TimePoint now) const;
  bool hand_over_waiting(mixnet::Client& client, base::TimePoint now);
  bool expire(mixnet::Client* client, base::TimePoint now);
  [[nodiscard]] Jobs::iterator find(mixnet::MessageId message);
  void forget_data(Job& job);
  Jobs::iterator fail(Jobs::iterator job, base::Error error);

  std::deque<Action>& actions_;
  Jobs jobs_;  // ids rise, so this is the order of the callers
  std::size_t waiting_bytes_ = 0;
  std::optional<mixnet::Recipient> own_address_;
};

}  // namespace mix::tunnel
