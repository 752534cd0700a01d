// Carries everything between the parts of the simulated network.
#include "world.h"

#include <string_view>
#include <utility>
#include <variant>

#include "mix/base/log.h"
#include "mix/base/panic.h"
#include "mix/localnet/directory_core.h"
#include "mix/localnet/exit.h"

namespace mix::sim {

using localnet::NodeRole;

namespace {

constexpr std::string_view kDirectoryUrl = "https://directory.example/api";
constexpr std::string_view kDirectoryHost = "https://directory.example";
/// Rounds at one moment; more means that two parts keep each other busy for ever.
constexpr int kMaxRounds = 100'000;

/// Making keys takes time, so that all worlds share one authority. Its randomness is apart from
/// theirs.
struct Certificates {
  test::SeededRng rng{7};
  test::TestCa ca{rng, "CN=Simulated Root"};
  test::Identity server = [this] {
    test::CertificateSpec spec;
    spec.dns_names = {kHost};
    spec.ip_addresses = {kServerIpv4, kServerIpv6};
    return ca.issue(spec);
  }();
};

Certificates& certificates() {
  static Certificates instance;
  return instance;
}

localnet::IpAddress address_at(base::ByteView packet, std::size_t v4_offset,
                               std::size_t v6_offset) {
  constexpr std::size_t kIpv6HeaderSize = 40, kIpv4HeaderSize = 20;
  if (packet.size() >= kIpv6HeaderSize && packet[0] >> 4 == 6) {
    return localnet::IpAddress::v6(packet.subspan(v6_offset, 16));
  }
  if (packet.size() < kIpv4HeaderSize) base::panic("sim: packet without a header");
  return localnet::IpAddress::v4(packet.subspan(v4_offset, 4));
}

localnet::IpAddress destination_of(base::ByteView packet) { return address_at(packet, 16, 24); }

template <class Item>
std::vector<Item> tampered(const Tamper<Item>& tamper, const Item& item) {
  if (!tamper) return {item};
  return tamper(item);
}

tunnel::Options complete(tunnel::Options options) {
  if (options.nym_api_urls.empty()) options.nym_api_urls = {std::string(kDirectoryUrl)};
  options.extra_roots = certificates().ca.pem();
  options.force_tls = false;  // nodes have addresses, no names
  return options;
}

}  // namespace

const test::TestCa& simulated_root() { return certificates().ca; }

WorldConfig::WorldConfig() {
  options.headers_ahead = 4;  // as in the field, but quickly built
  constexpr std::uint16_t kMixPort = 1789, kWsPort = 9000;
  cluster.places = {
      {NodeRole::kEntry, 0, "198.51.100.1", kMixPort, kWsPort},
      {NodeRole::kMix, 1, "198.51.100.2", kMixPort, std::nullopt},
      {NodeRole::kMix, 2, "198.51.100.3", kMixPort, std::nullopt},
      {NodeRole::kMix, 3, "198.51.100.4", kMixPort, std::nullopt},
      {NodeRole::kExit, 0, "198.51.100.5", kMixPort, std::nullopt},
  };
}

WorldConfig without_cover() {
  WorldConfig config;
  config.options.traffic = mixnet::traffic_preset(mixnet::TrafficPreset::kNoCover);
  return config;
}

WorldConfig with_second(NodeRole role) {
  constexpr std::uint16_t kMixPort = 1789, kWsPort = 9000;
  WorldConfig config = without_cover();
  config.cluster.places.push_back({role, 0, "198.51.100.6", kMixPort, std::nullopt});
  if (role == NodeRole::kEntry) config.cluster.places.back().ws_port = kWsPort;
  return config;
}

// --- SimExit ---

SimExit::SimExit(const localnet::IpRouterConfig& config, localnet::ClusterNode& node,
                 base::Rng& rng)
    : node_(node),
      client_(localnet::exit_traffic(), localnet::exit_replier(), *node.exit_keys,
              node.identity.public_key, rng, base::null_log()),
      router_(config, rng) {}

void SimExit::inform(const localnet::Cluster& cluster, base::TimePoint now,
                     base::WallTime wall_now) {
  client_.set_rotation_info(cluster.epoch().rotation_info(), now, wall_now);
  client_.set_topology(cluster.topology(), now);
  if (!started_) client_.start(now);
  started_ = true;
}

void SimExit::deliver(base::ByteView body, base::TimePoint now) {
  if (mode_ == ExitMode::kNormal) client_.receive(body, now);
}

void SimExit::receive_packet(base::ByteView ip_packet, base::TimePoint now) {
  const auto session = sessions_.find(destination_of(ip_packet));
  if (mode_ == ExitMode::kSilent || session == sessions_.end()) return;
  router_.receive_packet(session->second, ip_packet, now);
}

bool SimExit::advance(base::TimePoint now, base::WallTime wall_now,
                      const std::function<void(base::Bytes)>& forward) {
  if (mode_ == ExitMode::kSilent) return false;
  bool moved = false;
  if (base::is_due(client_.next_deadline(), now)) client_.expire(now);
  if (base::is_due(router_.next_deadline(), now)) router_.expire(now);
  while (auto event = client_.poll_event()) {
    moved = true;
    if (const auto* message = std::get_if<mixnet::MessageReceived>(&*event)) {
      router_.receive(message->data, message->sender, now);
    }
  }
  while (auto output = router_.poll_output()) {
    moved = true;
    if (auto* reply = std::get_if<localnet::RouterReply>(&*output)) {
      for (const base::Bytes& data : tampered(reply_tamper_, reply->data)) {
        // A client that gave no SURBs gets no answer.
        [[maybe_unused]] const auto sent = client_.reply(reply->to, data, reply->options, now);
      }
    } else if (auto* packet = std::get_if<localnet::RouterForward>(&*output)) {
      forward(std::move(packet->ip_packet));
    } else if (const auto* opened = std::get_if<localnet::SessionOpened>(&*output)) {
      sessions_[opened->v4] = opened->session;
      sessions_[opened->v6] = opened->session;
    } else if (const auto* closed = std::get_if<localnet::SessionClosed>(&*output)) {
      std::erase_if(sessions_,
                    [closed](const auto& entry) { return entry.second == closed->session; });
    }
  }
  while (auto packet = client_.poll_output(now, node_.node->queued())) {
    moved = true;
    node_.node->send(*packet, now, wall_now);
  }
  return moved;
}

base::Deadline SimExit::next_deadline() const {
  if (mode_ == ExitMode::kSilent) return std::nullopt;
  return base::earlier(client_.next_deadline(), router_.next_deadline());
}

// --- World ---

World::World(WorldConfig config)
    : latency_(config.latency),
      rng_(config.seed),
      engine_rng_(config.engine_rng == nullptr ? rng_ : *config.engine_rng),
      cluster_(config.cluster, rng_, clock_.wall_now()),
      internet_(static_cast<std::uint32_t>(config.seed)),
      name_server_(internet_),
      options_(complete(std::move(config.options))) {
  for (std::size_t i = 0; i < cluster_.nodes().size(); ++i) {
    localnet::ClusterNode& node = cluster_.nodes()[i];
    const directory::NodeId id = localnet::Cluster::id_of_index(i);
    by_address_[node.address.to_string()] = id;
    if (node.role == NodeRole::kExit) {
      exits_[id] = std::make_unique<SimExit>(config.router, node, rng_);
    }
  }
  inform_exits();
  for (const char* name : {kHost, kWrongHost}) name_server_.add(name, kServerIpv4);
  if (config.server_tcp == ServerTcp::kRack) rack_tcp_.emplace(rng_);
  origin_ = std::make_unique<Origin>(internet_, rack_tcp_ ? &*rack_tcp_ : nullptr,
                                     certificates().server, clock_, rng_);
  replace_engine();
}

void World::replace_engine() {
  engine_.reset();  // there is one network stack
  links_.clear();
  fetches_.clear();
  lookups_.clear();
  news_.clear();
  messages_.clear();
  confirmed_.clear();
  warnings_.clear();
  engine_deadline_.reset();
  engine_ = std::make_unique<tunnel::Engine>(options_, clock_, engine_rng_, base::null_log());
}

void World::inform_exits() {
  for (auto& [id, exit] : exits_) exit->inform(cluster_, now(), clock_.wall_now());
}

// --- time ---

base::Deadline World::next_event() const {
  base::Deadline next = internet_.next_deadline();
  if (rack_tcp_) next = base::earlier(next, rack_tcp_->next_deadline());
  if (thread_ == Thread::kRunning) next = base::earlier(next, engine_deadline_);
  if (!queue_.empty()) next = base::earlier(next, queue_.begin()->first);
  for (const localnet::ClusterNode& node : cluster_.nodes()) {
    next = base::earlier(next, node.node->next_deadline());
  }
  for (const auto& [id, exit] : exits_) next = base::earlier(next, exit->next_deadline());
  return next;
}

bool World::fire_due() {
  bool moved = false;
  while (!queue_.empty() && queue_.begin()->first <= now()) {
    const auto due = queue_.extract(queue_.begin());
    due.mapped()();
    moved = true;
  }
  return moved;
}

void World::turn() {
  if (cluster_.update(clock_.wall_now())) inform_exits();
  bool moved = true;
  for (int round = 0; moved; ++round) {
    if (round == kMaxRounds) base::panic("sim: time stands still");
    moved = fire_due();
    moved |= pump_nodes();
    moved |= pump_exits();
    moved |= pump_internet();
    moved |= pump_engine();
  }
}

bool World::run_until(const std::function<bool()>& done, base::Duration limit) {
  const base::TimePoint end = now() + limit;
  while (true) {
    turn();
    if (done()) return true;
    const base::Deadline next = next_event();
    if (!next || *next > end) {
      clock_.advance(end - now());
      return false;
    }
    if (*next > now()) clock_.advance(*next - now());
  }
}

void World::run_for(base::Duration time) {
  (void)run_until([] { return false; }, time);
  turn();
}

// --- nodes ---

bool World::pump_nodes() {
  bool moved = false;
  for (std::size_t i = 0; i < cluster_.nodes().size(); ++i) {
    localnet::Node& node = *cluster_.nodes()[i].node;
    if (base::is_due(node.next_deadline(), now())) node.expire(now(), clock_.wall_now());
    while (auto output = node.poll_output()) {
      moved = true;
      carry(localnet::Cluster::id_of_index(i), *std::move(output));
    }
  }
  return moved;
}

tunnel::LinkId World::link_of(directory::NodeId node, localnet::LinkId link) const {
  for (const auto& [id, entry] : links_) {
    if (entry.node == node && entry.at_node == link) return id;
  }
  return 0;
}

void World::carry(directory::NodeId from, localnet::NodeOutput output) {
  if (auto* frame = std::get_if<localnet::SendFrame>(&output)) {
    const directory::NodeId to = by_address_.at(frame->to.to_string());
    after(latency_.hop, [this, to, bytes = std::move(frame->frame)] {
      sphinx::FrameDecoder decoder;
      decoder.receive(bytes);
      const auto decoded = decoder.next();
      if (!decoded || !*decoded) base::panic("sim: a node sent what is no frame");
      node(to).receive(**decoded, now(), clock_.wall_now());
    });
  } else if (const auto* body = std::get_if<localnet::DeliverToExit>(&output)) {
    exits_.at(from)->deliver(body->body, now());
  } else if (auto* send = std::get_if<localnet::SendToClient>(&output)) {
    const tunnel::LinkId link = link_of(from, send->link);
    if (link_mode_ == LinkMode::kSilent) return;
    if (link_mode_ == LinkMode::kGarbage) send->frame = gateway::TextFrame{"<html>"};
    for (gateway::LinkFrame& passed : tampered(link_tamper_, send->frame)) {
      after(latency_.link, [this, link, frame = std::move(passed)] {
        tell_engine([this, link, frame] {
          if (links_.contains(link)) engine_->link_received(link, frame);
        });
      });
    }
  } else if (const auto* ping = std::get_if<localnet::PingClient>(&output)) {
    after(2 * latency_.link, [this, from, pinged = *ping] {
      if (link_of(from, pinged.link) == 0) return;
      node(from).ponged(pinged.link, pinged.payload, now(), clock_.wall_now());
    });
  } else if (const auto* close = std::get_if<localnet::CloseLink>(&output)) {
    const tunnel::LinkId link = link_of(from, close->link);
    node(from).closed(close->link, now(), clock_.wall_now());
    if (link == 0) return;
    links_.at(link).at_node.reset();
    after(latency_.link, [this, link] {
      tell_engine([this, link] {
        if (links_.erase(link) != 0) engine_->link_closed(link);
      });
    });
  }
}

directory::NodeId World::entry_in_use() const {
  for (auto link = links_.rbegin(); link != links_.rend(); ++link) {
    if (link->second.at_node) return link->second.node;
  }
  return 0;
}

// --- exits and the Internet ---

bool World::pump_exits() {
  bool moved = false;
  for (auto& [id, exit] : exits_) {
    moved |= exit->advance(now(), clock_.wall_now(), [this](base::Bytes packet) {
      segments_out_.count(packet);
      after(latency_.internet, [this, bytes = std::move(packet)] {
        if (!rack_tcp_ || !rack_tcp_->receive(bytes, now())) internet_.receive(bytes, now());
      });
    });
  }
  return moved;
}

bool World::pump_internet() {
  if (base::is_due(internet_.next_deadline(), now())) internet_.expire(now());
  if (rack_tcp_) rack_tcp_->expire(now());
  bool moved = origin_->advance(now());
  moved |= name_server_.advance();
  while (auto packet = internet_.poll_output()) {
    moved = true;
    carry_back(*std::move(packet));
  }
  while (auto packet = rack_tcp_ ? rack_tcp_->poll_output(now()) : std::nullopt) {
    moved = true;
    carry_back(*std::move(packet));
  }
  return moved;
}

void World::carry_back(base::Bytes packet) {
  segments_in_.count(packet);
  for (base::Bytes& passed : tampered(packet_tamper_, packet)) {
    after(latency_.internet, [this, bytes = std::move(passed)] {
      // Exits draw addresses from one range; each knows its own clients.
      for (auto& [id, exit] : exits_) exit->receive_packet(bytes, now());
    });
  }
}

// --- the engine's host ---

void World::tell_engine(Event event) {
  if (thread_ == Thread::kSuspended) {
    waiting_.push_back(std::move(event));
    return;
  }
  event();
  engine_has_input_ = true;
}

void World::set_thread(Thread thread) {
  thread_ = thread;
  if (thread == Thread::kSuspended) return;
  engine_has_input_ = true;
  // Timers fire first, messages follow: the harder order.
  (void)pump_engine();
  for (const Event& event : std::exchange(waiting_, {})) tell_engine(event);
}

bool World::pump_engine() {
  if (thread_ == Thread::kSuspended) return false;
  if (!engine_has_input_ && !base::is_due(engine_deadline_, now())) return false;
  engine_has_input_ = false;
  engine_deadline_ = engine_->turn();
  while (auto action = engine_->poll_action()) {
    std::visit([this](auto& value) { on(value); }, *action);
  }
  return true;
}

void World::on(tunnel::OpenLink& open) {
  ++links_opened_;
  links_[open.link] = Link{};
  const std::string url = open.url;
  after(2 * latency_.link, [this, link = open.link, url] {
    const auto found = links_.find(link);
    if (found == links_.end()) return;  // closed meanwhile
    engine_has_input_ = true;
    for (std::size_t i = 0; i < cluster_.nodes().size() && link_mode_ != LinkMode::kRefused; ++i) {
      const localnet::ClusterNode& node = cluster_.nodes()[i];
      const localnet::NodeRecord& record = cluster_.directory().nodes[i];
      if (!node.ws_port || !node.node->alive()) continue;
      if (url != "ws://" + record.ip_address + ":" + std::to_string(*node.ws_port)) continue;
      const auto at_node = node.node->open_link(now());
      if (!at_node) break;
      found->second = Link{localnet::Cluster::id_of_index(i), at_node};
      return engine_->link_opened(link);
    }
    links_.erase(found);
    engine_->link_closed(link);
  });
}

void World::on(tunnel::SendOnLink& send) {
  const auto* text = std::get_if<gateway::TextFrame>(&send.frame);
  const std::size_t size =
      text != nullptr ? text->text.size() : std::get<gateway::BinaryFrame>(send.frame).bytes.size();
  sent_on_link_.push_back({now(), text != nullptr, size});
  after(latency_.link, [this, link = send.link, frame = std::move(send.frame)] {
    if (link_mode_ == LinkMode::kSilent) return;
    const auto found = links_.find(link);
    if (found == links_.end() || !found->second.at_node) return;
    node(found->second.node).receive(*found->second.at_node, frame, now(), clock_.wall_now());
  });
}

void World::on(tunnel::CloseLink& close) {
  // What was sent before it still arrives.
  after(latency_.link, [this, id = close.link] {
    const auto found = links_.find(id);
    if (found == links_.end()) return;
    const Link link = found->second;
    links_.erase(found);
    if (link.at_node) node(link.node).closed(*link.at_node, now(), clock_.wall_now());
  });
}

void World::on(tunnel::GetFromDirectory& get) {
  after(latency_.directory, [this, get] { answer(get); });
}

void World::answer(const tunnel::GetFromDirectory& get) {
  if (directory_mode_ == DirectoryMode::kHangs) return;
  engine_has_input_ = true;
  if (!get.url.starts_with(kDirectoryHost)) base::panic("sim: GET of a foreign host");
  localnet::HttpRequest request;
  request.method = "GET";
  request.target = get.url.substr(kDirectoryHost.size());
  localnet::HttpAnswer answer;
  switch (directory_mode_) {
    case DirectoryMode::kNormal:
      answer = localnet::answer_directory(cluster_.directory(), request);
      break;
    case DirectoryMode::kServerError:
      answer = localnet::error_answer(500, "out of order");
      break;
    case DirectoryMode::kGarbage:
      answer = {200, "text/html", "<!doctype html><title>not the directory</title>", {}};
      break;
    case DirectoryMode::kUnreachable:
    case DirectoryMode::kHangs:
      return engine_->directory_failed(get.request);
  }
  engine_->directory_answer(get.request, answer.status, base::as_bytes(answer.body));
}

void World::on(tunnel::StateChanged& changed) { news_.push_back(std::move(changed)); }

void World::on(tunnel::FetchHead& head) { fetches_[head.job].head = std::move(head); }

void World::on(tunnel::FetchChunk& chunk) {
  Fetch& fetch = fetches_[chunk.job];
  base::append(fetch.body, chunk.bytes);
  fetch.unread += chunk.bytes.size();
  set_reading(reading_);
}

void World::set_reading(Reading reading) {
  reading_ = reading;
  if (reading == Reading::kOff) return;
  for (auto& [job, fetch] : fetches_) {
    if (fetch.unread == 0) continue;
    // The last chunk and the end come in one batch: the job may be gone already.
    if (engine_->fetch_consumed(job, fetch.unread)) engine_has_input_ = true;
    fetch.unread = 0;
  }
}

void World::on(tunnel::FetchBodyWanted& wanted) {
  Fetch& fetch = fetches_.at(wanted.job);
  const std::size_t size = std::min(wanted.bytes, fetch.upload.size());
  const auto split = fetch.upload.begin() + static_cast<std::ptrdiff_t>(size);
  const base::Bytes piece{fetch.upload.begin(), split};
  fetch.upload.erase(fetch.upload.begin(), split);
  if (!piece.empty()) engine_->fetch_body(wanted.job, wanted.attempt, piece);
  if (fetch.upload.empty()) engine_->fetch_body_end(wanted.job, wanted.attempt);
  engine_has_input_ = true;
}

void World::on(tunnel::FetchUploaded& uploaded) {
  fetches_.at(uploaded.job).uploaded = uploaded.bytes;
}

void World::on(tunnel::FetchRedirected& redirected) {
  engine_->fetch_go_on(redirected.job, "hop=" + std::to_string(redirected.set_cookies.size()));
  fetches_.at(redirected.job).redirects.push_back(std::move(redirected));
  engine_has_input_ = true;
}

void World::on(tunnel::FetchEnd& end) { fetches_[end.job].end = end; }

void World::on(tunnel::JobFailed& failed) {
  if (const auto lookup = lookups_.find(failed.job); lookup != lookups_.end()) {
    lookup->second.failed = std::move(failed);
  } else {
    fetches_[failed.job].failed = std::move(failed);
  }
}

void World::on(tunnel::LookupFinished& finished) {
  lookups_[finished.job].finished = std::move(finished);
}

bool World::set_up(base::Duration limit, tunnel::StoredKeys stored) {
  if (!engine_->start(std::move(stored))) return false;
  engine_has_input_ = true;
  (void)run_until([this] { return engine_->state() != tunnel::State::kConnecting; }, limit);
  return engine_->state() == tunnel::State::kReady;
}

tunnel::JobId World::start(tunnel::FetchRequest request) {
  const auto job = engine_->start_fetch(std::move(request));
  if (!job) base::panic("sim: the engine refuses the request");
  engine_has_input_ = true;
  fetches_.try_emplace(*job);
  return *job;
}

tunnel::JobId World::send(tunnel::MessageRequest request) {
  const auto job = engine_->send_message(std::move(request));
  if (!job) base::panic("sim: the engine refuses the message");
  engine_has_input_ = true;
  fetches_.try_emplace(*job);  // for its failure
  return *job;
}

tunnel::JobId World::start_upload(tunnel::FetchRequest request, base::Bytes body) {
  request.streamed.emplace(request.streamed.value_or(http::StreamedBody{}));
  const tunnel::JobId job = start(std::move(request));
  fetches_.at(job).upload = std::move(body);
  return job;
}

tunnel::JobId World::start_get(const std::string& url) {
  tunnel::FetchRequest request;
  request.url = url;
  return start(std::move(request));
}

tunnel::JobId World::open_channel(tunnel::ChannelRequest request) {
  const auto channel = engine_->open_channel(std::move(request));
  if (!channel) base::panic("sim: the engine refuses the channel");
  engine_has_input_ = true;
  return *channel;
}

base::Result<void> World::command(tunnel::JobId channel, tunnel::ChannelCommand command) {
  engine_has_input_ = true;
  return engine_->command(channel, std::move(command));
}

Lookup World::look_up(const std::string& host) {
  const auto job = engine_->start_lookup(host);
  if (!job) base::panic("sim: the engine refuses the look-up");
  engine_has_input_ = true;
  const Lookup& lookup = lookups_[*job];
  (void)run_until([&] { return lookup.finished || lookup.failed; });
  return lookup;
}

const Fetch& World::run(tunnel::FetchRequest request, base::Duration limit) {
  const tunnel::JobId job = start(std::move(request));
  (void)run_until([&] { return fetch(job).done(); }, limit);
  return fetch(job);
}

const Fetch& World::get(const std::string& url, base::Duration limit) {
  tunnel::FetchRequest request;
  request.url = url;
  return run(std::move(request), limit);
}

}  // namespace mix::sim
