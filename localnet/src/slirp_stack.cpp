#include "slirp_stack.h"

#include <slirp/libslirp.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "ip_packet.h"

namespace mix::localnet {

using base::Bytes;
using base::ByteView;

namespace {

constexpr std::uint32_t kSlirpConfigVersion = 4;  // the fields that are set below
constexpr std::uint16_t kEtherIpv4 = 0x0800, kEtherArp = 0x0806, kEtherIpv6 = 0x86dd;
constexpr std::size_t kMacSize = 6;
constexpr std::array<std::uint8_t, kMacSize> kGuestMac{0x52, 0x54, 0, 0, 0, 1};
constexpr std::array<std::uint8_t, kMacSize> kRouterMac{0x52, 0x55, 0, 0, 0, 2};
constexpr std::array<std::uint8_t, kMacSize> kBroadcastMac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr std::uint8_t kIcmp6Protocol = 58;
constexpr std::uint8_t kRouterSolicitation = 133, kNeighbourSolicitation = 135,
                       kNeighbourAdvertisement = 136;

/// slirp takes its own network for aliases of the host's loopback. Nobody can ask for this one: it
/// is reserved, and so refused as a destination.
constexpr const char* kNetwork4 = "240.0.0.0";
constexpr const char* kMask4 = "255.255.255.248";
constexpr const char* kHost4 = "240.0.0.1";
constexpr const char* kResolver4 = "240.0.0.2";
constexpr const char* kNetwork6 = "fd6d:6978:6d69:7800::";
constexpr std::uint8_t kPrefix6 = 64;
constexpr const char* kHost6 = "fd6d:6978:6d69:7800::2";
constexpr const char* kResolver6 = "fd6d:6978:6d69:7800::3";

in_addr parse4(const char* text) {
  in_addr out{};
  if (inet_pton(AF_INET, text, &out) != 1) throw std::runtime_error("slirp: bad address");
  return out;
}

in6_addr parse6(const char* text) {
  in6_addr out{};
  if (inet_pton(AF_INET6, text, &out) != 1) throw std::runtime_error("slirp: bad address");
  return out;
}

Bytes ethernet(std::span<const std::uint8_t> to, std::span<const std::uint8_t> from,
               std::uint16_t type, ByteView payload) {
  base::Writer out{2 * kMacSize + 2 + payload.size()};
  out.bytes(to).bytes(from).u16be(type).bytes(payload);
  return out.take();
}

/// Tells slirp the guest's hardware address: an ARP announcement.
Bytes arp_announcement(const IpAddress& guest) {
  base::Writer out;
  out.u16be(1).u16be(kEtherIpv4).u8(kMacSize).u8(4).u16be(1);
  out.bytes(kGuestMac).bytes(guest.view()).fill(kMacSize, 0).bytes(guest.view());
  return ethernet(kBroadcastMac, kGuestMac, kEtherArp, out.view());
}

/// The same for IPv6: an unsolicited neighbour advertisement.
Bytes neighbour_advertisement(const IpAddress& guest) {
  const IpAddress everyone = *IpAddress::parse("ff02::1");
  const auto icmp = [&](std::uint16_t sum) {
    base::Writer out;
    out.u8(kNeighbourAdvertisement).u8(0).u16be(sum).u32be(0x20000000);  // override
    out.bytes(guest.view()).u8(2).u8(1).bytes(kGuestMac);  // option: my hardware address
    return out.take();
  };
  const std::size_t size = icmp(0).size();
  const std::uint16_t sum =
      checksum(icmp(0), pseudo_header_sum(guest, everyone, kIcmp6Protocol, size));
  base::Writer out;
  out.u32be(0x60000000).u16be(static_cast<std::uint16_t>(size)).u8(kIcmp6Protocol).u8(255);
  out.bytes(guest.view()).bytes(everyone.view()).bytes(icmp(sum));
  return ethernet(kBroadcastMac, kGuestMac, kEtherIpv6, out.view());
}

int to_slirp(short events) {
  int out = 0;
  if ((events & POLLIN) != 0) out |= SLIRP_POLL_IN;
  if ((events & POLLOUT) != 0) out |= SLIRP_POLL_OUT;
  if ((events & POLLPRI) != 0) out |= SLIRP_POLL_PRI;
  if ((events & (POLLERR | POLLNVAL)) != 0) out |= SLIRP_POLL_ERR;
  if ((events & POLLHUP) != 0) out |= SLIRP_POLL_HUP;
  return out;
}

short from_slirp(int events) {
  int out = 0;
  if ((events & SLIRP_POLL_IN) != 0) out |= POLLIN;
  if ((events & SLIRP_POLL_OUT) != 0) out |= POLLOUT;
  if ((events & SLIRP_POLL_PRI) != 0) out |= POLLPRI;
  return static_cast<short>(out);
}

}  // namespace

class SlirpStack::Impl {
 public:
  Impl(const SlirpStackConfig& config, Deliver deliver)
      : config_(config), deliver_(std::move(deliver)) {
    if (config.outbound_v4) {
      outbound_v4_.sin_family = AF_INET;
      outbound_v4_.sin_addr = parse4(config.outbound_v4->to_string().c_str());
    }
    if (config.outbound_v6) {
      outbound_v6_.sin6_family = AF_INET6;
      outbound_v6_.sin6_addr = parse6(config.outbound_v6->to_string().c_str());
    }
    SlirpConfig slirp{};
    slirp.version = kSlirpConfigVersion;
    slirp.in_enabled = true;
    slirp.vnetwork = parse4(kNetwork4);
    slirp.vnetmask = parse4(kMask4);
    slirp.vhost = parse4(kHost4);
    slirp.vnameserver = parse4(kResolver4);
    slirp.in6_enabled = true;
    slirp.vprefix_addr6 = parse6(kNetwork6);
    slirp.vprefix_len = kPrefix6;
    slirp.vhost6 = parse6(kHost6);
    slirp.vnameserver6 = parse6(kResolver6);
    slirp.if_mtu = config.mtu;
    slirp.if_mru = config.mtu;
    slirp.outbound_addr = config.outbound_v4 ? &outbound_v4_ : nullptr;
    slirp.outbound_addr6 = config.outbound_v6 ? &outbound_v6_ : nullptr;
    slirp.disable_dns = true;
    slirp.disable_dhcp = true;
    slirp_.reset(slirp_new(&slirp, &callbacks(), this));
    if (!slirp_) throw std::runtime_error("slirp refuses its configuration");
    announce();
  }

  void send(ByteView ip_packet) {
    if (ip_packet.empty()) return;
    refresh_clock();
    const std::uint16_t type = ip_packet[0] >> 4 == 4 ? kEtherIpv4 : kEtherIpv6;
    input(ethernet(kRouterMac, kGuestMac, type, ip_packet));
    answer_questions();
  }

  std::chrono::milliseconds fill(std::vector<pollfd>& descriptors) {
    std::uint32_t timeout = std::numeric_limits<std::int32_t>::max();
    descriptors_ = &descriptors;
    slirp_pollfds_fill(slirp_.get(), &timeout, add_poll, this);
    descriptors_ = nullptr;
    return std::chrono::milliseconds{timeout};
  }

  void poll(const std::vector<pollfd>& descriptors) {
    last_poll_ns_ = clock_ns(this);
    polled_ = &descriptors;
    slirp_pollfds_poll(slirp_.get(), 0, get_events, this);
    polled_ = nullptr;
    answer_questions();
  }

 private:
  struct Cleanup {
    void operator()(Slirp* slirp) const { slirp_cleanup(slirp); }
  };

  /// slirp learns the time only when it polls, and gives a UDP socket its end of life by the time
  /// it knows: of the first packet, or of one after a long silence, the socket would be closed by
  /// the next poll, before an answer can come.
  void refresh_clock() {
    constexpr std::int64_t kStaleNs = 1'000'000'000;
    if (last_poll_ns_ && clock_ns(this) - *last_poll_ns_ < kStaleNs) return;
    std::vector<pollfd> descriptors;
    [[maybe_unused]] const auto timeout = fill(descriptors);
    poll({});
  }

  // slirp calls these from C, so nothing may be thrown through them.

  static ssize_t send_packet(const void* frame, std::size_t size, void* self) noexcept {
    static_cast<Impl*>(self)->on_frame({static_cast<const std::uint8_t*>(frame), size});
    return static_cast<ssize_t>(size);
  }
  static std::int64_t clock_ns(void* /*self*/) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  static int add_poll(int fd, int events, void* self) noexcept {
    auto& descriptors = *static_cast<Impl*>(self)->descriptors_;
    descriptors.push_back({fd, from_slirp(events), 0});
    return static_cast<int>(descriptors.size()) - 1;
  }
  static int get_events(int index, void* self) noexcept {
    const auto& polled = *static_cast<Impl*>(self)->polled_;
    const auto at = static_cast<std::size_t>(index);
    return at < polled.size() ? to_slirp(polled[at].revents) : 0;
  }
  static const SlirpCb& callbacks() {
    // The one timer sends router advertisements, which a guest with fixed addresses ignores: it
    // never runs.
    static const SlirpCb table = [] {
      SlirpCb out{};
      out.send_packet = send_packet;
      out.guest_error = [](const char*, void*) {};
      out.clock_get_ns = clock_ns;
      out.timer_new = [](SlirpTimerCb, void*, void* self) { return self; };
      out.timer_free = [](void*, void*) {};
      out.timer_mod = [](void*, std::int64_t, void*) {};
      out.register_poll_fd = [](int, void*) {};
      out.unregister_poll_fd = [](int, void*) {};
      out.notify = [](void*) {};
      out.init_completed = [](Slirp*, void*) {};
      out.timer_new_opaque = [](SlirpTimerId, void*, void* self) { return self; };
      return out;
    }();
    return table;
  }

  void on_frame(ByteView frame) noexcept {
    base::Reader in{frame};
    if (!in.bytes(2 * kMacSize)) return;
    const auto type = in.u16be();
    if (!type) return;
    if (*type == kEtherArp) {
      asked_ = true;
      return;
    }
    const auto packet = parse_ip_packet(in.rest());
    if (!packet) return;
    // Router and neighbour discovery are the link's own business.
    const bool discovery =
        packet->source.family == Family::kV6 && packet->transport == Transport::kIcmp &&
        packet->icmp_type >= kRouterSolicitation && packet->icmp_type <= kNeighbourAdvertisement;
    if (discovery) {
      if (packet->icmp_type == kNeighbourSolicitation) asked_ = true;
    } else if (packet->destination == config_.guest_v4 || packet->destination == config_.guest_v6) {
      deliver_(frame.subspan(2 * kMacSize + 2, packet->size));
    }
  }

  void input(const Bytes& frame) {
    slirp_input(slirp_.get(), frame.data(), static_cast<int>(frame.size()));
  }
  void announce() {
    input(arp_announcement(config_.guest_v4));
    input(neighbour_advertisement(config_.guest_v6));
  }
  /// slirp may ask for the guest's hardware address in the middle of anything.
  void answer_questions() {
    if (std::exchange(asked_, false)) announce();
  }

  const SlirpStackConfig config_;
  Deliver deliver_;
  sockaddr_in outbound_v4_{};
  sockaddr_in6 outbound_v6_{};
  std::unique_ptr<Slirp, Cleanup> slirp_;
  std::vector<pollfd>* descriptors_ = nullptr;
  const std::vector<pollfd>* polled_ = nullptr;
  std::optional<std::int64_t> last_poll_ns_;
  bool asked_ = false;
};

SlirpStack::SlirpStack(const SlirpStackConfig& config, Deliver deliver)
    : impl_(std::make_unique<Impl>(config, std::move(deliver))) {}
SlirpStack::~SlirpStack() = default;
void SlirpStack::send(ByteView ip_packet) { impl_->send(ip_packet); }
std::chrono::milliseconds SlirpStack::fill(std::vector<pollfd>& descriptors) {
  return impl_->fill(descriptors);
}
void SlirpStack::poll(const std::vector<pollfd>& descriptors) { impl_->poll(descriptors); }

}  // namespace mix::localnet
