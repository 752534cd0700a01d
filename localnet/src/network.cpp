// Assembles the nodes of this process, their directory or the way to it, and the HTTP servers.
#include "mix/localnet/network.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "directory_follower.h"
#include "front_door.h"
#include "http_server.h"
#include "mix/host/system_clock.h"
#include "mix/localnet/announcement.h"
#include "network_addresses.h"
#include "node_host.h"

namespace mix::localnet {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::uint8_t kLayers = 3;
constexpr std::uint32_t kFirstDistinctHost = 2;
constexpr std::string_view kAnnouncementPath = "/api/localnet/nodes";
// Looks at the wall clock at least this often, since it may be set.
constexpr std::chrono::milliseconds kLongestEpochWait{1000};

void check(const NetworkConfig& config) {
  if (config.mixes_per_layer < 1) throw std::invalid_argument("a layer needs at least one mix");
  if (config.gateways < 1 &&
      (config.exits < 1 || config.exit_entries == NetworkConfig::ExitEntries::kNo)) {
    throw std::invalid_argument("the network needs at least one entry gateway");
  }
  const std::uint64_t nodes = std::uint64_t{config.gateways} + config.exits +
                              std::uint64_t{config.mixes_per_layer} * kLayers;
  if (nodes > kMaxNodes) throw std::invalid_argument("at most 200 nodes");
}

asio::ip::address parse_address(const std::string& text) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(text, error);
  if (error) throw std::invalid_argument("not an IP address: " + text);
  return address;
}

NodeRole role_of(const SiteConfig& site) {
  switch (site.role) {
    case SiteConfig::Role::kEntry:
      return NodeRole::kEntry;
    case SiteConfig::Role::kExit:
      return NodeRole::kExit;
    case SiteConfig::Role::kMix:
    case SiteConfig::Role::kDirectory:
      break;
  }
  return NodeRole::kMix;
}

std::string url_of(const tcp::endpoint& endpoint, const char* path) {
  return "http://" + authority(endpoint.address().to_string(), endpoint.port()) + path;
}

}  // namespace

class Network::Impl final : public NetworkControl {
 public:
  Impl(asio::io_context& io, const NetworkConfig& config, base::Rng& rng, base::Log& log)
      : io_(io), config_(config), epoch_timer_(io) {
    // Ports first: the directory must tell them.
    std::vector<NodePlace> places = config.site ? place_site(*config.site) : place_whole();
    ClusterConfig cluster;
    cluster.places = std::move(places);
    cluster.epochs = config.epochs;
    cluster.frame_version = config.frame_version;
    cluster.gateway = config.gateway;
    cluster.build_version = config.build_version;
    cluster.exit_build_version = config.exit_build_version;
    cluster_ = std::make_unique<Cluster>(cluster, rng, clock_.wall_now());

    for (std::size_t i = 0; i < cluster_->nodes().size(); ++i) {
      ClusterNode& entry = cluster_->nodes()[i];
      NodeHost::Config host;
      host.reconnect_backoff = config.reconnect_backoff;
      if (entry.role == NodeRole::kExit) host.exit = config.exit;
      hosts_.push_back(std::make_shared<NodeHost>(io, entry, host, std::move(mix_listeners_[i]),
                                                  std::move(client_listeners_[i]), rng, log,
                                                  clock_));
    }
    open_servers();
    for (const auto& host : hosts_) host->start();
    membership_changed();
    if (directory_place() == DirectoryPlace::kHere) {
      arm_epoch_timer();
    } else {
      follower_.emplace(
          io, config.site->directory_url, [this] { return announcement(); },
          [this](const NetworkView& view) { return follow(view); });
    }
  }

  ~Impl() override { stop(); }

  void stop() {
    running_.reset();
    ready_ = nullptr;
    if (follower_) follower_->stop();
    for (const auto& server : servers_) server->close();
    epoch_timer_.cancel();
    for (const auto& host : hosts_) host->stop();
  }

  [[nodiscard]] const NetworkAddresses& addresses() const { return addresses_; }

  void when_ready(std::function<void()> ready) {
    if (!follower_) return ready();
    ready_ = std::move(ready);
  }

  [[nodiscard]] std::string problem() const { return follower_ ? follower_->problem() : ""; }

  // --- NetworkControl ---
  Cluster& cluster() override { return *cluster_; }
  [[nodiscard]] std::string description() const override { return to_json(addresses_); }
  [[nodiscard]] DirectoryPlace directory_place() const override {
    const bool here = !config_.site || config_.site->role == SiteConfig::Role::kDirectory;
    return here ? DirectoryPlace::kHere : DirectoryPlace::kElsewhere;
  }
  void kill(directory::NodeId id) override { host(id).kill(); }
  void restart(directory::NodeId id) override { host(id).restart(); }
  void cut_links(directory::NodeId id) override { host(id).cut_links(); }
  void set_listed(directory::NodeId id, bool listed) override {
    cluster_->set_listed(id, listed, clock_.wall_now());
    inform_exits();
  }
  void set_performance(directory::NodeId id, std::uint8_t percent) override {
    cluster_->set_performance(id, percent, clock_.wall_now());
    inform_exits();
  }
  void advance_epochs(std::uint32_t epochs) override {
    cluster_->advance_epochs(epochs, clock_.wall_now());
    epoch_changed();
  }
  void rotate_keys() override {
    cluster_->rotate_keys(clock_.wall_now());
    epoch_changed();
  }
  [[nodiscard]] DirectoryMode directory_mode() const override { return directory_mode_; }
  void set_directory_mode(const DirectoryMode& mode) override { directory_mode_ = mode; }
  void set_exit_activity(directory::NodeId id, ExitActivity activity) override {
    if (Exit* exit = host(id).exit()) exit->set_activity(activity);
  }
  void set_exit_replier(directory::NodeId id, const mixnet::ReplierConfig& replier) override {
    if (Exit* exit = host(id).exit()) exit->set_replier(replier);
  }
  [[nodiscard]] std::optional<ExitStats> exit_stats(directory::NodeId id) const override {
    const Exit* exit = std::as_const(*hosts_.at(id - 1)).exit();
    if (exit == nullptr) return std::nullopt;
    return exit->stats();
  }

 private:
  NodeHost& host(directory::NodeId id) { return *hosts_.at(id - 1); }

  std::vector<NodePlace> place_whole() {
    check(config_);
    std::vector<NodePlace> places;
    places.reserve(kMaxNodes);
    for (std::uint32_t i = 0; i < config_.gateways; ++i) places.push_back(place(NodeRole::kEntry));
    for (std::uint8_t layer = 1; layer <= kLayers; ++layer) {
      for (std::uint32_t i = 0; i < config_.mixes_per_layer; ++i) {
        places.push_back(place(NodeRole::kMix, layer));
      }
    }
    for (std::uint32_t i = 0; i < config_.exits; ++i) places.push_back(place(NodeRole::kExit));
    return places;
  }

  std::vector<NodePlace> place_site(const SiteConfig& site) {
    if (site.role == SiteConfig::Role::kDirectory) return {};
    const auto ip = parse_address(site.address);
    return {bind(role_of(site), site.layer, {ip, site.mix_port}, {ip, site.ws_port})};
  }

  /// The next node of a whole network: any free ports.
  NodePlace place(NodeRole role, std::uint8_t layer = 0) {
    auto ip = asio::ip::address_v4::loopback();
    if (config_.addresses == NetworkConfig::Addresses::kDistinct) {
      ip = asio::ip::address_v4(ip.to_uint() - 1 + kFirstDistinctHost +
                                static_cast<std::uint32_t>(mix_listeners_.size()));
    }
    return bind(role, layer, {ip, 0}, {ip, 0});
  }

  /// Binds the sockets of a node.
  NodePlace bind(NodeRole role, std::uint8_t layer, const tcp::endpoint& nodes,
                 const tcp::endpoint& clients) {
    const bool with_clients =
        role == NodeRole::kEntry ||
        (role == NodeRole::kExit && config_.exit_entries == NetworkConfig::ExitEntries::kYes);
    mix_listeners_.push_back(std::make_unique<Listener>(io_, nodes));
    client_listeners_.push_back(with_clients ? std::make_unique<Listener>(io_, clients) : nullptr);
    NodePlace node{role, layer, nodes.address().to_string(),
                   mix_listeners_.back()->endpoint().port(), std::nullopt};
    if (with_clients) node.ws_port = client_listeners_.back()->endpoint().port();
    return node;
  }

  /// The directory and the operator's pages: on one port in a whole network, else apart, since the
  /// directory is for everyone.
  void open_servers() {
    const auto serve = [this](const tcp::endpoint& endpoint, auto handler) {
      servers_.push_back(std::make_unique<HttpServer>(io_, endpoint, std::move(handler)));
      return servers_.back()->endpoint();
    };
    const auto directory = [this](const HttpRequest& request) {
      return answer_client([this](const HttpRequest& call) { return answer_for_directory(call); },
                           request);
    };
    const auto operators = [this](const HttpRequest& request) -> std::optional<HttpAnswer> {
      return is_for_operator(request) ? answer_operator(*this, request)
                                      : error_answer(404, "no such path; see GET /admin");
    };
    if (!config_.site) {
      const auto endpoint =
          serve({asio::ip::address_v4::loopback(), config_.directory_port},
                [directory, operators](const HttpRequest& request) {
                  return is_for_operator(request) ? operators(request) : directory(request);
                });
      addresses_.directory_url = url_of(endpoint, "/api");
      addresses_.admin_url = url_of(endpoint, "/admin");
      return;
    }
    const SiteConfig& site = *config_.site;
    addresses_.directory_url = site.directory_url;
    if (site.role == SiteConfig::Role::kDirectory) {
      const auto endpoint = serve({parse_address(site.address), config_.directory_port}, directory);
      addresses_.directory_url = url_of(endpoint, "/api");
    }
    const auto endpoint = serve({parse_address(site.admin_address), site.admin_port}, operators);
    addresses_.admin_url = url_of(endpoint, "/admin");
  }

  /// Nodes of ours or of the directory came, went or changed.
  void membership_changed() {
    collect_nodes(cluster_->directory(), addresses_);
    inform_exits();
  }

  // --- a network of several processes: the directory's side ---

  HttpAnswer answer_announcement(const HttpRequest& request) {
    if (request.method == "GET") return announcement_summary();
    if (request.method != "POST") return error_answer(405, "use GET or POST");
    // Nodes are no pages.
    if (!request.origin.empty()) return error_answer(403, "pages cannot announce nodes");
    try {
      const auto change = registry_.announce(parse_announcement(request.body), clock_.now());
      if (change == NodeRegistry::Change::kNodes) adopt_registry();
    } catch (const std::invalid_argument& error) {
      return error_answer(400, error.what());
    }
    follow_clock();
    return json_answer(200, encode_view({registry_.serial(), cluster_->directory()}));
  }

  HttpAnswer announcement_summary() const {
    return json_answer(200, nlohmann::ordered_json{{"nodes", registry_.nodes().size()},
                                                   {"behind", registry_.behind()},
                                                   {"routable", cluster_->topology() != nullptr}}
                                .dump());
  }

  void adopt_registry() {
    cluster_->set_remote(registry_.nodes(), clock_.wall_now());
    membership_changed();
  }

  // --- and a node's ---

  std::string announcement() const {
    return encode_announcement({cluster_->record(Cluster::id_of_index(0)), seen_serial_});
  }

  DirectoryFollower::Next follow(const NetworkView& view) {
    const Epoch& epoch = cluster_->epoch();
    const bool news = view.serial != seen_serial_ || view.state.epoch.id != epoch.id ||
                      view.state.epoch.start != epoch.start ||
                      view.state.nodes != cluster_->directory().nodes;
    if (!news) return DirectoryFollower::Next::kLater;
    cluster_->follow(view.state);
    membership_changed();
    NodeRecord self = cluster_->record(Cluster::id_of_index(0));
    const bool known = std::any_of(view.state.nodes.begin(), view.state.nodes.end(),
                                   [&self](const NodeRecord& node) {
                                     self.id = node.id;
                                     return node == self;
                                   });
    seen_serial_ = view.serial;
    if (known && ready_) std::exchange(ready_, nullptr)();
    return DirectoryFollower::Next::kAtOnce;
  }

  std::optional<HttpAnswer> answer_for_directory(const HttpRequest& request) {
    // What nodes say to one another is not what faults of the directory are about.
    if (config_.site && request.path() == kAnnouncementPath) return answer_announcement(request);
    switch (directory_mode_.kind) {
      case DirectoryMode::Kind::kHang:
        return std::nullopt;
      case DirectoryMode::Kind::kStatus:
        return error_answer(directory_mode_.status, "injected by the admin interface");
      case DirectoryMode::Kind::kGarbage:
        return HttpAnswer{200, "text/html", "<!doctype html><title>not the directory</title>", {}};
      case DirectoryMode::Kind::kNormal:
        break;
    }
    // The timer may be late by a moment; answers must not be.
    follow_clock();
    return answer_directory(cluster_->directory(), request);
  }

  void follow_clock() {
    if (registry_.expire(clock_.now()) == NodeRegistry::Change::kNodes) adopt_registry();
    if (cluster_->update(clock_.wall_now())) inform_exits();
  }

  void epoch_changed() {
    inform_exits();
    arm_epoch_timer();
  }

  void inform_exits() {
    for (const auto& host : hosts_) {
      if (Exit* exit = host->exit()) {
        exit->set_rotation_info(cluster_->epoch().rotation_info());
        exit->set_topology(cluster_->topology());
      }
    }
  }

  void arm_epoch_timer() {
    const auto left = cluster_->next_epoch() - clock_.wall_now();
    epoch_timer_.expires_after(std::clamp<std::chrono::milliseconds>(
        left, std::chrono::milliseconds{1}, kLongestEpochWait));
    // Weak: a handler that is queued already cannot be cancelled any more.
    epoch_timer_.async_wait(
        [this, running = std::weak_ptr(running_)](boost::system::error_code error) {
          if (error || running.expired()) return;
          follow_clock();
          arm_epoch_timer();
        });
  }

  asio::io_context& io_;
  NetworkConfig config_;
  host::SystemClock clock_;
  std::vector<std::unique_ptr<Listener>> mix_listeners_, client_listeners_;
  std::unique_ptr<Cluster> cluster_;
  std::vector<std::shared_ptr<NodeHost>> hosts_;
  std::vector<std::unique_ptr<HttpServer>> servers_;
  NodeRegistry registry_;
  std::optional<DirectoryFollower> follower_;
  std::uint32_t seen_serial_ = 0;
  std::function<void()> ready_;
  asio::steady_timer epoch_timer_;
  DirectoryMode directory_mode_;
  NetworkAddresses addresses_;
  std::shared_ptr<bool> running_ = std::make_shared<bool>(true);  // null once stopped
};

Network::Network(asio::io_context& io, const NetworkConfig& config, base::Rng& rng, base::Log& log)
    : impl_(std::make_unique<Impl>(io, config, rng, log)) {}

Network::~Network() = default;

const NetworkAddresses& Network::addresses() const { return impl_->addresses(); }

void Network::when_ready(std::function<void()> ready) { impl_->when_ready(std::move(ready)); }

std::string Network::problem() const { return impl_->problem(); }

std::string Network::description() const { return impl_->description(); }

Cluster& Network::cluster() { return impl_->cluster(); }

void Network::stop() { impl_->stop(); }

}  // namespace mix::localnet
