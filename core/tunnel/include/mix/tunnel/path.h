// The way from this client to the internet: brings up directory, entry gateway, mixnet and exit in
// that order, keeps them up, and offers the result as a port for IP packets.
//
//   Discovering ─> OpeningLink ─> Handshaking ─> ConnectingExit ─> Up
//        ^              ^______________|_______________|           |
//        |                   Waiting (back-off) <──────────────────┘ link or exit lost
//        └─ entry gone ──────────┘          any step, first time: Failed
//
// Repair (path_repair.cpp): a lost link is opened again and the kept keys are presented; a gateway
// that knows them no more gets new ones, once; one that stays away while the directory can be
// reached is replaced, unless the caller named it. A silent exit is replaced likewise; one that
// the caller named is asked once more, then the path has failed.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/directory/client.h"
#include "mix/gateway/session.h"
#include "mix/ipr/client.h"
#include "mix/mixnet/client.h"
#include "mix/tunnel/backoff.h"
#include "mix/tunnel/host.h"
#include "mix/tunnel/key_store.h"
#include "mix/tunnel/link_watch.h"
#include "mix/tunnel/options.h"

namespace mix::tunnel {

/// A step began, at first or again.
struct StepStarted {
  Step step;
  std::uint32_t attempt;
};
/// The exit assigned addresses, the same as before or others. Without an exit: never.
struct AddressesAssigned {
  ipr::Assignment assignment;
};
/// Packets flow (again).
struct PathUp {};
/// The path broke, from `step` on, and is being repaired.
struct PathBroken {
  base::Error error;
  Step step;
  std::uint32_t attempt;
};
/// Given up.
struct PathFailed {
  base::Error error;
};
/// A gateway knows this client now (again): `Path::identity` is worth keeping.
struct IdentityActive {};
struct MessageArrived {
  mixnet::MessageReceived message;
};
using PathEvent =
    std::variant<StepStarted, AddressesAssigned, PathUp, PathBroken, PathFailed, MessageArrived,
                 IdentityActive, Warning, ipr::PacketReceived, ipr::DestinationDenied,
                 mixnet::MessageDelivered, mixnet::MessageLost>;
/// The host's share of the work.
using PathOutput = std::variant<OpenLink, SendOnLink, CloseLink, GetFromDirectory>;

class Path {
 public:
  /// References outlive the path. `options` have been validated.
  Path(const Options& options, base::Rng& rng, base::Log& log);
  ~Path();

  /// With `StoredKeys::Use::kPersistent` the client keeps its keys, `kept` or new ones, for all
  /// gateways; else each gateway meets a fresh pseudonym.
  void start(base::TimePoint now, StoredKeys::Use use, std::optional<Identity> kept);
  /// The host was suspended, or the network may have changed: looks after link, exit and topology
  /// at once. `unseen` is time that passed without `now` showing it.
  void wake(base::TimePoint now, base::WallTime wall_now, base::Duration unseen);
  /// Goes on with another exit: this one, or a random one. Errors: `config_bad_ipr_address`,
  /// `usage_not_ready` (not started, failed, or a path without an exit).
  [[nodiscard]] base::Result<void> switch_exit(const std::optional<std::string>& ipr,
                                               base::TimePoint now, base::WallTime wall_now);
  /// Tells the exit and closes the link.
  void stop(base::TimePoint now, base::WallTime wall_now);

  void link_opened(LinkId link, base::TimePoint now, base::WallTime wall_now);
  void link_received(LinkId link, const gateway::LinkFrame& frame, base::TimePoint now,
                     base::WallTime wall_now);
  void link_closed(LinkId link, base::TimePoint now);
  void link_buffered(LinkId link, std::size_t bytes);
  void directory_answer(RequestId request, int http_status, base::ByteView body,
                        base::TimePoint now);
  void directory_failed(RequestId request, base::TimePoint now);

  /// True when the mixnet queue has room for another IP packet.
  [[nodiscard]] bool accepts_packets() const;
  /// Errors: `usage_not_ready`, `ipr_packet_too_large`.
  [[nodiscard]] base::Result<void> send_packet(base::ByteView ip_packet, base::TimePoint now);

  /// Moves everything between the rungs once; true when something moved.
  bool advance(base::TimePoint now, base::WallTime wall_now);
  [[nodiscard]] std::optional<PathOutput> poll_output();
  [[nodiscard]] std::optional<PathEvent> poll_event();
  [[nodiscard]] base::Deadline next_deadline() const;

  [[nodiscard]] bool up() const;
  /// Null before the first gateway session.
  [[nodiscard]] mixnet::Client* mixnet() { return mixnet_.get(); }
  [[nodiscard]] const mixnet::Client* mixnet() const { return mixnet_.get(); }
  [[nodiscard]] const std::optional<directory::EntryChoice>& entry() const { return entry_; }
  [[nodiscard]] const std::optional<mixnet::Recipient>& exit() const { return exit_; }
  [[nodiscard]] std::optional<ipr::Assignment> assignment() const { return assignment_; }
  /// What brings this client back to its gateway. Nothing before a gateway knows it.
  [[nodiscard]] std::optional<Identity> identity() const;

 private:
  struct Idle {};
  struct Discovering {
    bool topology_ready = false;
  };
  struct OpeningLink {
    std::size_t url_index = 0;
    LinkId link = 0;
    base::TimePoint give_up;
  };
  struct Handshaking {
    LinkId link = 0;
  };
  struct ConnectingExit {
    LinkId link = 0;
    base::TimePoint give_up;
    bool awaits_directory = false;  // the list of exits is still on its way
  };
  struct Up {
    LinkId link = 0;
  };
  /// What of the path has to be built up again.
  enum class Lost : std::uint8_t { kGateway, kExit };
  struct Waiting {
    base::TimePoint until;
    Lost lost = Lost::kGateway;
    LinkId link = 0;  // of the live gateway session, when only the exit was lost
  };
  struct Failed {};
  using Phase = std::variant<Idle, Discovering, OpeningLink, Handshaking, ConnectingExit, Up,
                             Waiting, Failed>;

  [[nodiscard]] LinkId current_link() const;
  [[nodiscard]] bool is_exit(const mixnet::Recipient& replier) const;
  void begin_step(Step step);
  void fail(base::Error error, base::TimePoint now);
  void fail_or_retry(base::Error error, Lost lost, base::TimePoint now);
  void open_entry(base::TimePoint now);
  void open_link(std::size_t url_index, base::TimePoint now);
  void link_attempt_failed(base::TimePoint now);
  void entry_failed(base::Error error, base::TimePoint now);
  void session_active(base::TimePoint now);
  void begin_exit(base::TimePoint now, base::WallTime wall_now);
  void connect_exit(base::TimePoint now, base::WallTime wall_now);
  void exit_failed(base::Error error, base::TimePoint now, base::WallTime wall_now);
  void came_up();
  void wait_over(const Waiting& waiting, base::TimePoint now, base::WallTime wall_now);
  void replace_entry(base::TimePoint now);
  void leave_exit();
  void topology_ready(std::shared_ptr<const directory::Topology> topology, base::TimePoint now,
                      base::WallTime wall_now);
  void topology_is_settled(base::TimePoint now);
  void schedule_refresh(base::TimePoint now, base::WallTime wall_now);
  void drop_link(base::TimePoint now);
  void new_identity(base::TimePoint now);
  [[nodiscard]] base::Result<directory::EntryChoice> choose_entry();
  bool log_in_later(const base::Error& error, base::TimePoint now);

  bool pump_directory(base::TimePoint now, base::WallTime wall_now);
  bool pump_session(base::TimePoint now, base::WallTime wall_now);
  bool pump_mixnet(base::TimePoint now, base::WallTime wall_now);
  bool pump_ipr(base::TimePoint now, base::WallTime wall_now);
  bool pump_deadlines(base::TimePoint now, base::WallTime wall_now);
  bool pump_packets(base::TimePoint now);

  const Options& options_;
  base::Rng& rng_;
  base::Log& log_;

  Phase phase_ = Idle{};
  bool was_up_ = false;
  Backoff backoff_;
  LinkId last_link_ = 0;
  std::size_t link_buffered_ = 0;

  directory::Client directory_;
  std::shared_ptr<const directory::Topology> topology_;
  std::optional<directory::KeyRotationInfo> rotation_;
  std::optional<std::vector<directory::ExitDescription>> exits_;  // empty list: none usable
  std::optional<base::Error> exits_error_;
  std::uint32_t topology_failures_ = 0;
  std::uint32_t refreshes_without_entry_ = 0;
  base::Deadline refresh_at_;
  base::Deadline topology_at_;  // when the directory last told it
  /// The entry stays away; it is replaced once the directory proves that our own network works.
  bool doubts_entry_ = false;
  bool awaits_topology_ = false;  // nothing is sent by one that is older than a sleep

  std::optional<directory::EntryChoice> entry_;
  std::vector<crypto::Ed25519PublicKey> bad_entries_;
  std::uint32_t entry_attempts_ = 0;
  std::optional<base::Error> last_error_;
  std::unique_ptr<mixnet::ClientKeys> keys_;
  StoredKeys::Use use_ = StoredKeys::Use::kEphemeral;
  std::optional<Identity> kept_;                  // from the store, until a gateway knows us
  std::optional<crypto::Ed25519PublicKey> home_;  // the gateway of the kept address
  std::uint32_t login_retries_ = 0;
  std::optional<gateway::SharedKey> shared_key_;
  std::uint64_t last_login_ = 0;  // see gateway::SessionConfig::last_login_timestamp
  std::unique_ptr<gateway::Session> session_;
  LinkWatch link_watch_;
  bool has_tried_new_keys_ = false;

  std::unique_ptr<mixnet::Client> mixnet_;
  std::optional<std::string> pinned_exit_;  // the caller's choice
  std::optional<mixnet::Recipient> exit_;
  std::optional<mixnet::Recipient> left_exit_;  // until forget_exit_at_, for our goodbye
  base::Deadline forget_exit_at_;
  std::optional<mixnet::MessageId> connect_request_;  // the latest
  std::vector<crypto::Ed25519PublicKey> bad_exits_;
  std::vector<mixnet::Recipient> exits_used_;  // since the last new identity
  std::unique_ptr<ipr::Client> ipr_;
  std::optional<ipr::Assignment> assignment_;

  std::deque<PathOutput> outputs_;
  std::deque<PathEvent> events_;
};

}  // namespace mix::tunnel
