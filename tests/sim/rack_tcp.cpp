// TCP of the simulated servers as today's kernels have it.
#include "rack_tcp.h"

#include <algorithm>
#include <utility>

#include "ip_packet.h"
#include "tcp_segment.h"

namespace mix::sim {
namespace {

using localnet::TcpEndpoint;

class RackStream final : public net::Stream {
 public:
  explicit RackStream(std::shared_ptr<TcpEndpoint> endpoint) : endpoint_(std::move(endpoint)) {}
  RackStream(const RackStream&) = delete;
  RackStream& operator=(const RackStream&) = delete;
  ~RackStream() override { shutdown(); }

  [[nodiscard]] net::StreamState state() const override {
    if (endpoint_->was_aborted()) return net::StreamState::kFailed;
    if (endpoint_->is_done()) return net::StreamState::kClosed;
    return endpoint_->at_end() ? net::StreamState::kPeerClosed : net::StreamState::kOpen;
  }
  [[nodiscard]] std::optional<base::Error> error() const override {
    if (state() != net::StreamState::kFailed) return std::nullopt;
    return base::Error{base::Errc::net_connection_reset};
  }
  std::size_t read(base::MutByteView out) override {
    const std::size_t size = std::min(out.size(), readable());
    std::copy_n(endpoint_->readable().begin(), size, out.begin());
    endpoint_->consume(size);
    return size;
  }
  [[nodiscard]] std::size_t readable() const override { return endpoint_->readable().size(); }
  [[nodiscard]] bool at_end() const override { return endpoint_->at_end(); }
  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override {
    if (const auto failed = error()) return *failed;
    const std::size_t size = std::min(bytes.size(), endpoint_->writable());
    endpoint_->write(bytes.first(size));
    return size;
  }
  [[nodiscard]] std::size_t writable() const override { return endpoint_->writable(); }
  // The servers here never wait for it.
  [[nodiscard]] std::size_t unacknowledged() const override { return 0; }
  void shutdown() override {
    if (!std::exchange(finished_, true)) endpoint_->finish();
  }
  void abort() override { endpoint_->reset(); }
  void advance(base::TimePoint /*now*/) override {}
  [[nodiscard]] base::Deadline next_deadline() const override { return std::nullopt; }

 private:
  std::shared_ptr<TcpEndpoint> endpoint_;
  bool finished_ = false;
};

net::Endpoint to_net(const localnet::IpEndpoint& endpoint) {
  const base::ByteView bytes = endpoint.address.view();
  if (endpoint.address.family == localnet::Family::kV4) {
    net::Ipv4 v4;
    std::copy(bytes.begin(), bytes.end(), v4.octets.begin());
    return {v4, endpoint.port};
  }
  net::Ipv6 v6;
  std::copy(bytes.begin(), bytes.end(), v6.octets.begin());
  return {v6, endpoint.port};
}

}  // namespace

std::optional<RackTcp::Accepted> RackTcp::accept(std::uint16_t port) {
  auto& waiting = accepted_[port];
  if (waiting.empty()) return std::nullopt;
  Accepted first = std::move(waiting.front());
  waiting.pop_front();
  return first;
}

bool RackTcp::receive(base::ByteView packet, base::TimePoint now) {
  const auto ip = localnet::parse_ip_packet(packet);
  if (!ip || ip->transport != localnet::Transport::kTcp) return false;
  const auto segment = localnet::parse_tcp_segment(packet, *ip);
  if (!segment || !ports_.contains(segment->to.port)) return false;
  const Key key{segment->from, segment->to};
  if (const auto found = endpoints_.find(key); found != endpoints_.end()) {
    found->second->receive(*segment, now);
  } else if (segment->flags.syn && !segment->flags.ack) {
    const auto endpoint = std::make_shared<TcpEndpoint>(localnet::TcpEndpointConfig{.mtu = 1500},
                                                        *segment, rng_.u32(), rng_.u32());
    endpoint->accept(now);
    endpoints_.emplace(key, endpoint);
    accepted_[segment->to.port].push_back(
        {to_net(segment->from), std::make_unique<RackStream>(endpoint)});
  }
  return true;
}

std::optional<base::Bytes> RackTcp::poll_output(base::TimePoint now) {
  for (const auto& [key, endpoint] : endpoints_) {
    if (auto packet = endpoint->poll_output(now)) return packet;
  }
  std::erase_if(endpoints_, [](const auto& entry) { return entry.second->is_done(); });
  return std::nullopt;
}

base::Deadline RackTcp::next_deadline() const {
  base::Deadline next;
  for (const auto& [key, endpoint] : endpoints_) {
    next = base::earlier(next, endpoint->next_deadline());
  }
  return next;
}

void RackTcp::expire(base::TimePoint now) {
  for (const auto& [key, endpoint] : endpoints_) {
    if (base::is_due(endpoint->next_deadline(), now)) endpoint->expire(now);
  }
}

}  // namespace mix::sim
