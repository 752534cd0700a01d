// Assembles the nodes on loopback.
#include "mix/localnet/network.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "http_server.h"
#include "mix/base/encoding.h"
#include "mix/localnet/admin.h"
#include "mix/localnet/system_clock.h"
#include "node_host.h"

namespace mix::localnet {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::uint8_t kLayers = 3;
constexpr std::uint32_t kMaxNodes = 200;  // also what 127.0.0.x has room for
constexpr std::uint32_t kFirstDistinctHost = 2;
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

/// A page on this machine, by the origin's host.
bool is_loopback_origin(std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view host = origin.substr(scheme + 3);
  const std::size_t port = host.rfind(':');
  if (port != std::string_view::npos && host.find(']', port) == std::string_view::npos) {
    host = host.substr(0, port);
  }
  if (host == "localhost" || host == "[::1]" || host.ends_with(".localhost")) return true;
  boost::system::error_code not_an_address;
  const auto address = asio::ip::make_address_v4(std::string(host), not_an_address);
  return !not_an_address && address.is_loopback();
}

void add_cors(HttpAnswer& answer, std::string origin) {
  answer.headers.emplace_back("Access-Control-Allow-Origin", std::move(origin));
  // For pages that are cross-origin isolated. spec: topology §1
  answer.headers.emplace_back("Cross-Origin-Resource-Policy", "cross-origin");
}

HttpAnswer preflight_answer() {
  HttpAnswer answer;
  answer.status = 204;
  answer.headers = {{"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
                    {"Access-Control-Allow-Headers", "*, Content-Type, Accept"},
                    {"Access-Control-Allow-Private-Network", "true"},
                    {"Access-Control-Max-Age", "600"}};
  return answer;
}

}  // namespace

class Network::Impl final : public NetworkControl {
 public:
  Impl(asio::io_context& io, const NetworkConfig& config, base::Rng& rng, base::Log& log)
      : io_(io), config_(config), epoch_timer_(io) {
    check(config);
    // Ports first: the directory must tell them.
    std::vector<NodePlace> places;
    places.reserve(config.gateways + config.exits + std::size_t{config.mixes_per_layer} * kLayers);
    for (std::uint32_t i = 0; i < config.gateways; ++i) places.push_back(place(NodeRole::kEntry));
    for (std::uint8_t layer = 1; layer <= kLayers; ++layer) {
      for (std::uint32_t i = 0; i < config.mixes_per_layer; ++i) {
        places.push_back(place(NodeRole::kMix, layer));
      }
    }
    for (std::uint32_t i = 0; i < config.exits; ++i) places.push_back(place(NodeRole::kExit));

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
    server_ = std::make_unique<HttpServer>(
        io, tcp::endpoint(asio::ip::address_v4::loopback(), config.directory_port),
        [this](const HttpRequest& request) { return answer(request); });
    collect_addresses();
    for (const auto& host : hosts_) host->start();
    inform_exits();
    arm_epoch_timer();
  }

  ~Impl() override { stop(); }

  void stop() {
    running_.reset();
    if (server_) server_->close();
    epoch_timer_.cancel();
    for (const auto& host : hosts_) host->stop();
  }

  [[nodiscard]] const NetworkAddresses& addresses() const { return addresses_; }

  // --- NetworkControl ---
  Cluster& cluster() override { return *cluster_; }
  [[nodiscard]] std::string description() const override;
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

  /// Binds the sockets of the next node.
  NodePlace place(NodeRole role, std::uint8_t layer = 0) {
    auto ip = asio::ip::address_v4::loopback();
    if (config_.addresses == NetworkConfig::Addresses::kDistinct) {
      ip = asio::ip::address_v4(ip.to_uint() - 1 + kFirstDistinctHost +
                                static_cast<std::uint32_t>(mix_listeners_.size()));
    }
    const bool with_clients =
        role == NodeRole::kEntry ||
        (role == NodeRole::kExit && config_.exit_entries == NetworkConfig::ExitEntries::kYes);
    mix_listeners_.push_back(std::make_unique<Listener>(io_, tcp::endpoint(ip, 0)));
    client_listeners_.push_back(with_clients ? std::make_unique<Listener>(io_, tcp::endpoint(ip, 0))
                                             : nullptr);
    NodePlace node{role, layer, ip.to_string(), mix_listeners_.back()->endpoint().port(),
                   std::nullopt};
    if (with_clients) node.ws_port = client_listeners_.back()->endpoint().port();
    return node;
  }

  void collect_addresses() {
    const std::string base = "http://127.0.0.1:" + std::to_string(server_->endpoint().port());
    addresses_.directory_url = base + "/api";
    addresses_.admin_url = base + "/admin";
    for (const NodeRecord& node : cluster_->directory().nodes) {
      const std::string identity = base::base58_encode(node.identity.view());
      if (node.ws_port) {
        addresses_.entries.push_back(
            {node.id, identity, "ws://" + node.ip_address + ":" + std::to_string(*node.ws_port)});
      }
      if (node.role == NodeRole::kExit) {
        addresses_.exits.push_back({node.id, identity, node.ipr_address});
      }
      if (node.role == NodeRole::kMix) {
        addresses_.mixes.push_back(
            {node.id, node.layer, identity, node.ip_address + ":" + std::to_string(node.mix_port)});
      }
    }
  }

  std::optional<HttpAnswer> answer(const HttpRequest& request) {
    const bool is_admin = request.path().starts_with("/admin");
    if (is_admin) {
      // Pages of the open web must not steer a network on the user's machine.
      const bool allowed = request.origin.empty() || is_loopback_origin(request.origin);
      if (!allowed) return error_answer(403, "the admin interface is for pages of this machine");
      HttpAnswer out =
          request.method == "OPTIONS" ? preflight_answer() : answer_admin(*this, request);
      add_cors(out, request.origin.empty() ? "*" : request.origin);
      return out;
    }
    auto out = request.method == "OPTIONS" ? std::optional(preflight_answer())
                                           : answer_for_directory(request);
    if (out) add_cors(*out, "*");
    return out;
  }

  std::optional<HttpAnswer> answer_for_directory(const HttpRequest& request) {
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
  SystemClock clock_;
  std::vector<std::unique_ptr<Listener>> mix_listeners_, client_listeners_;
  std::unique_ptr<Cluster> cluster_;
  std::vector<std::shared_ptr<NodeHost>> hosts_;
  std::unique_ptr<HttpServer> server_;
  asio::steady_timer epoch_timer_;
  DirectoryMode directory_mode_;
  NetworkAddresses addresses_;
  std::shared_ptr<bool> running_ = std::make_shared<bool>(true);  // null once stopped
};

std::string Network::Impl::description() const {
  using Json = nlohmann::ordered_json;
  Json entries = Json::array();
  for (const auto& entry : addresses_.entries) {
    entries.push_back({{"id", entry.id}, {"identity", entry.identity}, {"url", entry.url}});
  }
  Json exits = Json::array();
  for (const auto& exit : addresses_.exits) {
    exits.push_back({{"id", exit.id}, {"identity", exit.identity}, {"ipr", exit.ipr_address}});
  }
  Json mixes = Json::array();
  for (const auto& mix : addresses_.mixes) {
    mixes.push_back({{"id", mix.id},
                     {"layer", mix.layer},
                     {"identity", mix.identity},
                     {"address", mix.address}});
  }
  return Json{{"directory", addresses_.directory_url},
              {"admin", addresses_.admin_url},
              {"entries", std::move(entries)},
              {"exits", std::move(exits)},
              {"mixes", std::move(mixes)}}
      .dump();
}

Network::Network(asio::io_context& io, const NetworkConfig& config, base::Rng& rng, base::Log& log)
    : impl_(std::make_unique<Impl>(io, config, rng, log)) {}

Network::~Network() = default;

const NetworkAddresses& Network::addresses() const { return impl_->addresses(); }

std::string Network::description() const { return impl_->description(); }

Cluster& Network::cluster() { return impl_->cluster(); }

void Network::stop() { impl_->stop(); }

}  // namespace mix::localnet
