// The whole network in one process on virtual time: the engine under test, the nodes of a local
// mixnet without their sockets, and the Internet behind the exits as a second lwIP. All that lies
// between them is a queue of deliveries ordered by time, so that a run depends on its seed alone.
//
//   Engine <─link─> entry Node <─frames─> mix Nodes <─frames─> exit Node ── Exit <─IP─> Internet
//      └──── directory GET ────> answer_directory                                 Origin,
//      NameServer
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mix/localnet/cluster.h"
#include "mix/localnet/ip_router.h"
#include "mix/mixnet/client.h"
#include "mix/tunnel/engine.h"
#include "origin.h"
#include "rack_tcp.h"
#include "segment_counter.h"
#include "support/internet.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"
#include "support/tls/test_ca.h"

namespace mix::sim {

using namespace std::chrono_literals;

inline constexpr const char* kHost = "www.example.com";
inline constexpr const char* kWrongHost = "other.example.com";  // same server, not its name
inline constexpr const char* kServerIpv4 = "93.184.216.34";
inline constexpr const char* kServerIpv6 = "2606:2800:220:1:248:1893:25c8:1946";

/// Node ids of the default network, in the order of its places.
inline constexpr directory::NodeId kEntryId = 1, kMix1Id = 2, kMix2Id = 3, kMix3Id = 4, kExitId = 5;

struct Latency {
  base::Duration link = 5ms;       // client to entry gateway, one way
  base::Duration hop = 2ms;        // node to node
  base::Duration internet = 10ms;  // exit to server
  base::Duration directory = 20ms;
};

/// The TCP of the servers: lwIP, which takes three duplicates for a loss, or that of today's
/// kernels.
enum class ServerTcp : std::uint8_t { kLwip, kRack };

struct WorldConfig {
  WorldConfig();  // one entry, one mix a layer, one exit
  std::uint64_t seed = 1;
  base::Rng* engine_rng = nullptr;  // outlives the world; null: the same as everybody's
  localnet::ClusterConfig cluster;
  localnet::IpRouterConfig router;
  Latency latency;
  ServerTcp server_tcp = ServerTcp::kLwip;
  tunnel::Options options;  // directory URL and roots are filled in by the world
};

/// The default network with a client that sends only what it must: virtual minutes cost little.
[[nodiscard]] WorldConfig without_cover();

/// The same with one more entry or exit, node kSecondId.
[[nodiscard]] WorldConfig with_second(localnet::NodeRole role);
inline constexpr directory::NodeId kSecondId = 6;

/// How the directory behaves.
enum class DirectoryMode : std::uint8_t { kNormal, kUnreachable, kHangs, kServerError, kGarbage };
/// A silent exit takes everything in and answers nothing.
enum class ExitMode : std::uint8_t { kNormal, kSilent };

/// How gateways treat their clients' connections: normally, refuse them, accept them and never
/// answer, answer what is no message.
enum class LinkMode : std::uint8_t { kNormal, kRefused, kSilent, kGarbage };
/// What somebody hostile makes of what passes him: what goes on in place of one item.
template <class Item>
using Tamper = std::function<std::vector<Item>(const Item&)>;

/// Is the engine given its turns, or is its thread suspended?
enum class Thread : std::uint8_t { kRunning, kSuspended };
/// Does the page take the bytes of bodies, or let them lie?
enum class Reading : std::uint8_t { kOn, kOff };

/// The authority that every world's client trusts in addition to the built-in roots.
[[nodiscard]] const test::TestCa& simulated_root();

/// What became of a fetch.
struct Fetch {
  std::optional<tunnel::FetchHead> head;
  base::Bytes body;
  std::size_t unread = 0;      // bytes of `body` that the page has not taken
  base::Bytes upload;          // what the page has left to give of a streamed body
  std::uint64_t uploaded = 0;  // bytes, as told
  std::vector<tunnel::FetchRedirected> redirects;
  std::optional<tunnel::FetchEnd> end;
  std::optional<tunnel::JobFailed> failed;
  [[nodiscard]] bool done() const { return end.has_value() || failed.has_value(); }
};

/// What became of a look-up.
struct Lookup {
  std::optional<tunnel::LookupFinished> finished;
  std::optional<tunnel::JobFailed> failed;
};

/// A frame that the client sent to its gateway.
struct LinkRecord {
  base::TimePoint at;
  bool is_text;
  std::size_t size;
};

/// The exit behind a node: mixnet client and IP packet router, without the sockets of
/// localnet::Exit.
class SimExit {
 public:
  /// References outlive the exit.
  SimExit(const localnet::IpRouterConfig& config, localnet::ClusterNode& node, base::Rng& rng);

  void inform(const localnet::Cluster& cluster, base::TimePoint now, base::WallTime wall_now);
  void deliver(base::ByteView body, base::TimePoint now);
  void receive_packet(base::ByteView ip_packet, base::TimePoint now);
  /// Moves everything once; packets for the Internet go to `forward`. True when something moved.
  bool advance(base::TimePoint now, base::WallTime wall_now,
               const std::function<void(base::Bytes)>& forward);
  [[nodiscard]] base::Deadline next_deadline() const;

  void set_mode(ExitMode mode) { mode_ = mode; }
  /// Of messages to clients, frame and all.
  void set_reply_tamper(Tamper<base::Bytes> tamper) { reply_tamper_ = std::move(tamper); }
  /// Other thresholds for reply SURBs.
  void set_replier(const mixnet::ReplierConfig& replier) { client_.set_replier(replier); }
  [[nodiscard]] localnet::IpRouterStats router_stats() const { return router_.stats(); }
  [[nodiscard]] mixnet::ClientStats mixnet_stats() const { return client_.stats(); }

 private:
  localnet::ClusterNode& node_;
  mixnet::Client client_;
  localnet::IpRouter router_;
  ExitMode mode_ = ExitMode::kNormal;
  Tamper<base::Bytes> reply_tamper_;
  bool started_ = false;
  std::map<localnet::IpAddress, localnet::SessionId> sessions_;  // by the client's address
};

class World {
 public:
  /// At most one world lives at a time: there is one lwIP on each side.
  explicit World(WorldConfig config = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- time ---
  [[nodiscard]] base::TimePoint now() const { return clock_.now(); }
  /// Runs until `done` holds. False when `limit` passed first.
  bool run_until(const std::function<bool()>& done, base::Duration limit = 10min);
  void run_for(base::Duration time);

  // --- the client ---
  [[nodiscard]] tunnel::Engine& engine() { return *engine_; }
  /// Starts the engine and runs until it is ready or failed. True when ready.
  bool set_up(base::Duration limit = 5min, tunnel::StoredKeys stored = {});
  /// Ends the engine and puts a fresh one with the same options in its place.
  void replace_engine();
  /// Starts a fetch; panics when the engine refuses it.
  tunnel::JobId start(tunnel::FetchRequest request);
  tunnel::JobId start_get(const std::string& url);
  [[nodiscard]] const Fetch& fetch(tunnel::JobId job) const { return fetches_.at(job); }
  /// Starts a fetch whose body is given as it is asked for.
  tunnel::JobId start_upload(tunnel::FetchRequest request, base::Bytes body);
  /// Runs a fetch to its end.
  const Fetch& run(tunnel::FetchRequest request, base::Duration limit = 10min);
  const Fetch& get(const std::string& url, base::Duration limit = 10min);
  Lookup look_up(const std::string& host);
  /// Opens a channel; panics when the engine refuses it. Its news are in channel_events().
  tunnel::JobId open_channel(tunnel::ChannelRequest request);
  base::Result<void> command(tunnel::JobId channel, tunnel::ChannelCommand command);
  void cancel(tunnel::JobId job) {
    engine_->cancel(job);
    engine_has_input_ = true;
  }
  [[nodiscard]] const std::vector<tunnel::ChannelEvent>& channel_events() const {
    return channel_events_;
  }
  void set_reading(Reading reading);
  /// While suspended, what arrives waits.
  void set_thread(Thread thread);
  /// The computer slept, and only the wall clock tells.
  void jump_wall_clock(base::Duration by) {
    clock_.set_wall(clock_.wall_now() + std::chrono::duration_cast<std::chrono::milliseconds>(by));
    engine_has_input_ = true;
  }
  void wake() {
    engine_->wake();
    engine_has_input_ = true;
  }
  base::Result<void> switch_exit(const std::optional<std::string>& ipr = std::nullopt) {
    engine_has_input_ = true;
    return engine_->switch_exit(ipr);
  }
  [[nodiscard]] const std::vector<tunnel::StateChanged>& news() const { return news_; }
  /// Sends a message; panics when the engine refuses it.
  tunnel::JobId send(tunnel::MessageRequest request);
  [[nodiscard]] const std::vector<tunnel::MixMessage>& messages() const { return messages_; }
  [[nodiscard]] bool confirmed(tunnel::JobId job) const { return confirmed_.contains(job); }
  /// The last record that the engine wanted kept; empty: none.
  [[nodiscard]] const base::Bytes& saved_keys() const { return saved_keys_; }
  [[nodiscard]] const std::vector<base::Errc>& warnings() const { return warnings_; }
  [[nodiscard]] const std::vector<LinkRecord>& sent_on_link() const { return sent_on_link_; }
  [[nodiscard]] std::size_t links_opened() const { return links_opened_; }
  /// The node at the other end of the youngest link; 0 when none is open.
  [[nodiscard]] directory::NodeId entry_in_use() const;

  // --- the network ---
  [[nodiscard]] localnet::Cluster& cluster() { return cluster_; }
  [[nodiscard]] localnet::Node& node(directory::NodeId id) { return *cluster_.find(id)->node; }
  [[nodiscard]] SimExit& exit(directory::NodeId id) { return *exits_.at(id); }
  [[nodiscard]] localnet::GatewayStats entry_stats() { return node(kEntryId).gateway()->stats(); }
  /// A node leaves or joins the directory; it stays reachable.
  void set_listed(directory::NodeId id, bool listed) {
    cluster_.set_listed(id, listed, clock_.wall_now());
    inform_exits();
  }
  /// The next rotation of the nodes' keys begins now.
  void rotate_keys() {
    cluster_.rotate_keys(clock_.wall_now());
    inform_exits();
  }
  void set_directory(DirectoryMode mode) { directory_mode_ = mode; }
  void set_links(LinkMode mode) { link_mode_ = mode; }
  /// Of frames from gateways to clients.
  void set_link_tamper(Tamper<gateway::LinkFrame> tamper) { link_tamper_ = std::move(tamper); }
  /// Of IP packets on their way to the exit, as whoever routes them sees them.
  void set_packet_tamper(Tamper<base::Bytes> tamper) { packet_tamper_ = std::move(tamper); }
  /// The gateway drops its clients' connections.
  void cut_links() { node(kEntryId).cut_links(); }
  /// IP packets that passed the exits, out to the Internet and in from there.
  [[nodiscard]] const SegmentCounter& segments_out() const { return segments_out_; }
  [[nodiscard]] const SegmentCounter& segments_in() const { return segments_in_; }
  /// Ends jobs and closes the link.
  void shut_down() {
    engine_->shutdown();
    engine_has_input_ = true;
  }

  // --- the Internet ---
  [[nodiscard]] test::Internet& internet() { return internet_; }
  [[nodiscard]] Origin& origin() { return *origin_; }
  [[nodiscard]] NameServer& name_server() { return name_server_; }

 private:
  using Event = std::function<void()>;
  struct Link {
    directory::NodeId node = 0;
    std::optional<localnet::LinkId> at_node;  // set while open
  };

  void at(base::TimePoint when, Event event) { queue_.emplace(when, std::move(event)); }
  void after(base::Duration delay, Event event) { at(now() + delay, std::move(event)); }
  /// Everything that is due now, until quiet.
  void turn();
  bool fire_due();
  bool pump_nodes();
  bool pump_exits();
  bool pump_internet();
  /// An IP packet of a server, on its way to the exits.
  void carry_back(base::Bytes packet);
  bool pump_engine();
  [[nodiscard]] base::Deadline next_event() const;
  /// Tells the engine something, at once or when its thread runs again.
  void tell_engine(Event event);

  void carry(directory::NodeId from, localnet::NodeOutput output);
  void on(tunnel::OpenLink& open);
  void on(tunnel::SendOnLink& send);
  void on(tunnel::CloseLink& close);
  void on(tunnel::GetFromDirectory& get);
  void on(tunnel::StateChanged& changed);
  void on(tunnel::FetchHead& head);
  void on(tunnel::FetchChunk& chunk);
  void on(tunnel::FetchBodyWanted& wanted);
  void on(tunnel::FetchUploaded& uploaded);
  void on(tunnel::FetchRedirected& redirected);
  void on(tunnel::FetchEnd& end);
  void on(tunnel::JobFailed& failed);
  void on(tunnel::LookupFinished& finished);
  void on(tunnel::MixMessage& message) { messages_.push_back(std::move(message)); }
  void on(tunnel::MessageConfirmed& confirmed) { confirmed_.insert(confirmed.job); }
  void on(tunnel::SaveKeys& save) { saved_keys_ = std::move(save.record); }
  void on(tunnel::Warning& warning) { warnings_.push_back(warning.error.code); }
  void on(tunnel::ChannelEvent& event) { channel_events_.push_back(std::move(event)); }
  void answer(const tunnel::GetFromDirectory& get);
  void inform_exits();
  [[nodiscard]] tunnel::LinkId link_of(directory::NodeId node, localnet::LinkId link) const;

  const Latency latency_;
  test::ManualClock clock_;
  test::SeededRng rng_;
  base::Rng& engine_rng_;
  localnet::Cluster cluster_;
  std::map<std::string, directory::NodeId> by_address_;
  std::map<directory::NodeId, std::unique_ptr<SimExit>> exits_;
  test::Internet internet_;
  std::optional<RackTcp> rack_tcp_;  // in front of it
  NameServer name_server_;
  std::unique_ptr<Origin> origin_;

  std::multimap<base::TimePoint, Event> queue_;  // equal times in the order of sending
  DirectoryMode directory_mode_ = DirectoryMode::kNormal;
  LinkMode link_mode_ = LinkMode::kNormal;
  Reading reading_ = Reading::kOn;
  Tamper<gateway::LinkFrame> link_tamper_;
  Tamper<base::Bytes> packet_tamper_;

  tunnel::Options options_;
  std::unique_ptr<tunnel::Engine> engine_;
  bool engine_has_input_ = false;
  Thread thread_ = Thread::kRunning;
  std::vector<Event> waiting_;  // for the engine's thread
  SegmentCounter segments_out_, segments_in_;
  base::Deadline engine_deadline_;
  std::map<tunnel::LinkId, Link> links_;
  std::map<tunnel::JobId, Fetch> fetches_;
  std::map<tunnel::JobId, Lookup> lookups_;
  std::vector<tunnel::StateChanged> news_;
  std::vector<tunnel::MixMessage> messages_;
  std::set<tunnel::JobId> confirmed_;
  base::Bytes saved_keys_;
  std::vector<base::Errc> warnings_;
  std::vector<LinkRecord> sent_on_link_;
  std::size_t links_opened_ = 0;
  std::vector<tunnel::ChannelEvent> channel_events_;
};

}  // namespace mix::sim
