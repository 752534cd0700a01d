#include "mix/net/stack.h"

#include <algorithm>
#include <utility>

#include "mix/base/panic.h"
#include "mix/net/constants.h"
#include "segment_check.h"
#include "stack_impl.h"
#include "tcp_stream.h"
#include "udp_socket.h"

namespace mix::net {
namespace {

using base::Errc;
using base::Error;

// lwIP's functions find the living stack here. Written by the constructor and destructor only.
StackImpl* living = nullptr;

constexpr std::uint8_t kExtraSlot = 0;  // the one of LWIP_TCP_PCB_NUM_EXT_ARGS
constexpr std::uint8_t kV6Slot = 0;     // our address among the interface's

// lwIP calls the reassembly timers once a second and drops what is older than this.
constexpr int kFragmentTicks = IP_REASS_MAXAGE + 1;
static_assert(IPV6_REASS_MAXAGE == IP_REASS_MAXAGE);
constexpr base::Duration kFragmentLife = std::chrono::seconds{kFragmentTicks};

constexpr std::int16_t kMaxRto = kMaxRetransmitTimeout / kTcpTick;
constexpr std::int16_t kInitialRto = LWIP_TCP_RTO_TIME / TCP_SLOW_INTERVAL;
static_assert(kTcpTick == std::chrono::milliseconds{TCP_SLOW_INTERVAL});
// After a pause of the host only so many overdue ticks are made up: more would time out
// connections whose answers just wait to be delivered.
constexpr std::uint32_t kMaxOverdueTicks = 2;

void destroy_extra(std::uint8_t, void* data) { delete static_cast<ConnectionExtra*>(data); }
constexpr tcp_ext_arg_callbacks kExtraCallbacks{destroy_extra, nullptr};

ConnectionExtra* extra_of(const tcp_pcb& pcb) {
  return static_cast<ConnectionExtra*>(tcp_ext_arg_get(&pcb, kExtraSlot));
}

template <class Visit>
void for_each_connection(Visit&& visit) {
  for (tcp_pcb* pcb = tcp_active_pcbs; pcb != nullptr; pcb = pcb->next) visit(*pcb);
}

void initialise_once() {
  static bool initialised = false;
  if (std::exchange(initialised, true)) return;
  lwip_init();
  if (tcp_ext_arg_alloc_id() != kExtraSlot) base::panic("net: lwIP's connection slot is taken");
}

// Ticks until lwIP's slow timer has something to do for an open, silent connection.
std::optional<std::uint32_t> quiet_ticks(const tcp_pcb& pcb) {
  const std::uint32_t age = tcp_ticks - pcb.tmr;
  const auto left = [age](std::uint32_t limit) { return limit >= age ? limit - age + 1 : 1; };
  switch (pcb.state) {
    case TIME_WAIT:
      return left(2 * TCP_MSL / TCP_SLOW_INTERVAL);
    case FIN_WAIT_2:
      if (pcb.ooseq != nullptr) return 1;
      if ((pcb.flags & TF_RXCLOSED) == 0) return std::nullopt;
      return left(TCP_FIN_WAIT_TIMEOUT / TCP_SLOW_INTERVAL);
    case ESTABLISHED:
    case CLOSE_WAIT:
      break;
    default:
      return 1;
  }
  if (pcb.unacked != nullptr || pcb.unsent != nullptr || pcb.ooseq != nullptr) return 1;
  if (!ip_get_option(&pcb, SOF_KEEPALIVE)) return std::nullopt;
  return left((pcb.keep_idle + pcb.keep_cnt_sent * pcb.keep_intvl) / TCP_SLOW_INTERVAL);
}

const tcp_pcb* find_connection(const OutgoingSegment& segment) {
  for (const tcp_pcb* list : {tcp_active_pcbs, tcp_tw_pcbs}) {
    for (const tcp_pcb* pcb = list; pcb != nullptr; pcb = pcb->next) {
      if (pcb->local_port == segment.local_port && pcb->remote_port == segment.remote.port &&
          from_lwip(pcb->remote_ip) == segment.remote.address) {
        return pcb;
      }
    }
  }
  return nullptr;
}

// lwIP moves snd_nxt once new data is out, so an older number is a repetition; its SYN lies before
// snd_nxt from the start.
bool is_repetition(const tcp_pcb& pcb, const OutgoingSegment& segment) {
  if (!segment.takes_sequence_space) return false;
  return pcb.state == SYN_SENT ? pcb.nrtx != 0 : TCP_SEQ_LT(segment.sequence, pcb.snd_nxt);
}

// Before each slow tick: bounds of the retransmission time-out that lwIP lacks.
void bound_retransmission(tcp_pcb& pcb) {
  if (pcb.state == SYN_SENT) {
    // 3, 3, 6, 6, 12, ... s instead of lwIP's steady 3 s.
    pcb.rto = static_cast<std::int16_t>(kInitialRto << std::min(pcb.nrtx / 2, 3));
  } else {
    pcb.rto = std::min(pcb.rto, kMaxRto);
  }
}

}  // namespace

}  // namespace mix::net

// --- lwIP's port ------------------------------------------------------------------------------

extern "C" {

std::uint32_t sys_now(void) {
  return mix::net::living == nullptr ? 0 : mix::net::living->milliseconds();
}

std::uint32_t mix_lwip_rand(void) {
  if (mix::net::living == nullptr) mix::base::panic("net: lwIP runs without a stack");
  return mix::net::living->random();
}

void mix_lwip_assert_failed(const char* message) { mix::base::panic(message); }

std::int8_t mix_lwip_check_segment(tcp_pcb* pcb, const tcp_hdr* header, std::uint16_t options_size,
                                   std::uint16_t first_size, const std::uint8_t* more) {
  // lwIP has checked that the options are there; they follow the header in memory.
  const void* const first = header + 1;
  const mix::base::ByteView behind(static_cast<const std::uint8_t*>(first), first_size);
  mix::base::ByteView rest;
  if (more != nullptr) rest = {more, options_size - std::size_t{first_size}};
  mix::base::Bytes options = mix::base::to_bytes(behind);
  mix::base::append(options, rest);
  const auto check = mix::net::check_segment(*pcb, *header, options);
  if (!check.is_acceptable || mix::net::living == nullptr) return ERR_VAL;
  mix::net::living->before_segment(*pcb, check.echoed_timestamp);
  return ERR_OK;
}

}  // extern "C"

namespace mix::net {

// --- StackImpl --------------------------------------------------------------------------------

std::unique_ptr<Stack> Stack::create(const StackConfig& config, const base::Clock& clock,
                                     base::Rng& rng) {
  return std::make_unique<StackImpl>(config, clock, rng);
}

StackImpl::StackImpl(const StackConfig& config, const base::Clock& clock, base::Rng& rng)
    : clock_(clock), rng_(rng), clock_offset_(rng.u32()), now_(clock.now()), ticked_(now_) {
  if (living != nullptr) base::panic("net: a second stack");
  living = this;
  initialise_once();
  if (netif_add(&interface_, nullptr, nullptr, nullptr, this, init_interface, ip_input) ==
      nullptr) {
    base::panic("net: no interface");
  }
  netif_set_default(&interface_);
  netif_set_link_up(&interface_);
  netif_set_up(&interface_);
  configure(config);
}

StackImpl::~StackImpl() {
  for (UdpSocketImpl* socket : std::exchange(sockets_, {})) socket->orphan();
  for (TcpStream* stream : std::exchange(streams_, {})) stream->orphan();
  drop_connections();
  drop_fragments();
  netif_remove(&interface_);
  living = nullptr;
}

void StackImpl::receive(base::ByteView ip_packet, base::TimePoint now) {
  now_ = std::max(now_, now);
  run_ticks(now_);
  stats_.packets_in += 1;
  stats_.bytes_in += ip_packet.size();
  if (ip_packet.empty() || ip_packet.size() > kMaxIpPacketSize) return;
  const IncomingPacket seen = inspect(ip_packet);
  if (seen.drop) return;
  if (seen.is_fragment && !fragments_until_) fragments_until_ = now_ + kFragmentLife;
  if (seen.error) handle(*seen.error);
  pbuf* const packet = pbuf_alloc(PBUF_RAW, static_cast<std::uint16_t>(ip_packet.size()), PBUF_RAM);
  if (packet == nullptr) return;
  pbuf_take(packet, ip_packet.data(), static_cast<std::uint16_t>(ip_packet.size()));
  if (interface_.input(packet, &interface_) != ERR_OK) pbuf_free(packet);
  for_each_connection([this](tcp_pcb& pcb) {
    ConnectionExtra* const extra = extra_of(pcb);
    if (extra == nullptr) return;
    // RFC 5681 §4.2: what fills a gap is acknowledged at once.
    if (std::exchange(extra->had_gap, false) && pcb.ooseq == nullptr) {
      if ((pcb.flags & TF_ACK_DELAY) != 0) tcp_ack_now(&pcb);
      tcp_output(&pcb);
    }
    if (const auto echoed = extra->recovery.after_segment(pcb, now_, reordering_)) {
      round_trip_.add(std::chrono::milliseconds{milliseconds() - *echoed});
    }
  });
  note_acknowledgements(now_);
}

std::optional<base::Bytes> StackImpl::poll_output() {
  for (TcpStream* stream : streams_) stream->flush();
  if (outgoing_.empty()) return std::nullopt;
  base::Bytes packet = std::move(outgoing_.front().bytes);
  outgoing_.pop_front();
  stats_.packets_out += 1;
  stats_.bytes_out += packet.size();
  if (refused_output_ && outgoing_.size() <= config_.max_queued_packets / 2) {
    refused_output_ = false;
    tcp_txnow();
    tcp_fasttmr();  // acknowledgements that found no room
  }
  return packet;
}

base::Deadline StackImpl::next_deadline() const {
  base::Deadline out = base::earlier(acknowledge_at_, fragments_until_);
  if (const auto ticks = ticks_until_work()) out = base::earlier(out, ticked_ + *ticks * kTcpTick);
  for_each_connection([&](const tcp_pcb& pcb) {
    const auto* extra = extra_of(pcb);
    if (extra != nullptr) out = base::earlier(out, extra->recovery.deadline(pcb, reordering_));
  });
  for (const TcpStream* stream : streams_) out = base::earlier(out, stream->next_deadline());
  return out;
}

void StackImpl::expire(base::TimePoint now) {
  now_ = std::max(now_, now);
  run_ticks(now_);
  if (base::is_due(acknowledge_at_, now_)) {
    acknowledge_at_.reset();
    tcp_fasttmr();
  }
  if (base::is_due(fragments_until_, now_)) drop_fragments();
  for_each_connection([this](tcp_pcb& pcb) {
    auto* extra = extra_of(pcb);
    if (extra != nullptr && base::is_due(extra->recovery.deadline(pcb, reordering_), now_)) {
      extra->recovery.begin(pcb, milliseconds());
    }
  });
  for (TcpStream* stream : streams_) stream->advance(now_);
  note_acknowledgements(now_);
}

base::Result<std::unique_ptr<Stream>> StackImpl::connect(const Endpoint& to,
                                                         const TcpOptions& options,
                                                         base::TimePoint now) {
  now_ = std::max(now_, now);
  run_ticks(now_);
  const ip_addr_t address = to_lwip(to.address);
  if (!supports(to.address) || ip_addr_isany_val(address) || ip_addr_ismulticast(&address) ||
      to.port == 0) {
    return Error{Errc::net_unreachable, 0, to_string(to)};
  }
  auto stream = std::make_unique<TcpStream>(*this, to, options, now_);
  streams_.push_back(stream.get());
  MIX_CHECK(stream->start());
  return std::unique_ptr<Stream>(std::move(stream));
}

base::Result<std::unique_ptr<UdpSocket>> StackImpl::open_udp() {
  auto socket = std::make_unique<UdpSocketImpl>(*this);
  sockets_.push_back(socket.get());
  MIX_CHECK(socket->bind());
  return std::unique_ptr<UdpSocket>(std::move(socket));
}

void StackImpl::fail_connects(const Endpoint& to, const Error& reason) {
  for (TcpStream* stream : streams_) {
    if (stream->is_connecting() && stream->remote() == to) stream->fail(reason);
  }
}

void StackImpl::readdress(const StackConfig& config, const Error& reason) {
  for (TcpStream* stream : streams_) stream->fail(reason);
  drop_connections();
  drop_fragments();
  outgoing_.clear();  // of the old address, RSTs included
  refused_output_ = false;
  configure(config);
}

void StackImpl::resume(base::TimePoint now) {
  now_ = std::max(now_, now);
  run_ticks(now_);
  for_each_connection([](tcp_pcb& pcb) {
    if (pcb.nrtx != 0) {  // timed out at least once: the next tick repeats, back-off from the start
      pcb.nrtx = 0;
      pcb.rto =
          pcb.state == SYN_SENT ? kInitialRto : static_cast<std::int16_t>((pcb.sa >> 3) + pcb.sv);
      pcb.rtime = pcb.rto;
    }
    // A peer whose last segments went down with the path waits for its own, longer time-out.
    // Three equal acknowledgements make it repeat now (RFC 5681 §3.2), as in Freeze-TCP.
    if (pcb.state != ESTABLISHED && pcb.state != FIN_WAIT_1 && pcb.state != FIN_WAIT_2) return;
    for (int i = 0; i < kAcknowledgementsForRepeat; ++i) {
      tcp_ack_now(&pcb);
      tcp_send_empty_ack(&pcb);
    }
  });
  note_acknowledgements(now_);
}

bool StackImpl::supports(const IpAddress& family_of) const {
  return std::holds_alternative<Ipv4>(family_of) ? config_.ipv4.has_value()
                                                 : config_.ipv6.has_value();
}

StackStats StackImpl::stats() const {
  StackStats out = stats_;
  out.tcp_round_trip = round_trip_.value();
  out.tcp_open = static_cast<std::size_t>(
      std::count_if(streams_.begin(), streams_.end(), [](const TcpStream* stream) {
        return stream->state() == StreamState::kOpen || stream->state() == StreamState::kPeerClosed;
      }));
  return out;
}

void StackImpl::catch_up() {
  now_ = std::max(now_, clock_.now());
  run_ticks(now_);
}

tcp_pcb* StackImpl::new_connection(const IpAddress& family_of) {
  const bool is_v4 = std::holds_alternative<Ipv4>(family_of);
  tcp_pcb* const pcb = tcp_new_ip_type(is_v4 ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6);
  if (pcb == nullptr) return nullptr;
  tcp_ext_arg_set_callbacks(pcb, kExtraSlot, &kExtraCallbacks);
  tcp_ext_arg_set(pcb, kExtraSlot, new ConnectionExtra{rng_.u32(), {}, false});
  return pcb;
}

void StackImpl::forget(TcpStream* stream) { std::erase(streams_, stream); }
void StackImpl::forget(UdpSocketImpl* socket) { std::erase(sockets_, socket); }

std::uint32_t StackImpl::milliseconds() const {
  const auto since =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now().time_since_epoch());
  return static_cast<std::uint32_t>(since.count()) + clock_offset_;
}

void StackImpl::before_segment(tcp_pcb& pcb, std::optional<std::uint32_t> echoed) const {
  ConnectionExtra* const extra = extra_of(pcb);
  if (extra == nullptr) return;
  if (echoed) *echoed -= extra->timestamp_offset;
  extra->recovery.before_segment(pcb, echoed);
  extra->had_gap = pcb.ooseq != nullptr;
}

err_t StackImpl::init_interface(netif* interface) {
  interface->name[0] = 'm';
  interface->name[1] = 'x';
  interface->output = output4;
  interface->output_ip6 = output6;
  return ERR_OK;
}

err_t StackImpl::output4(netif* interface, pbuf* packet, const ip4_addr_t*) {
  return static_cast<StackImpl*>(interface->state)->send(*packet);
}

err_t StackImpl::output6(netif* interface, pbuf* packet, const ip6_addr_t*) {
  return static_cast<StackImpl*>(interface->state)->send(*packet);
}

err_t StackImpl::send(const pbuf& packet) {
  base::Bytes bytes(packet.tot_len);
  pbuf_copy_partial(&packet, bytes.data(), packet.tot_len, 0);
  // All connections leave through one address of the exit: the clock in their timestamps and a
  // running identification would join them to one client.
  set_identification(bytes, static_cast<std::uint16_t>(rng_.u32()));
  auto segment = parse_outgoing_segment(bytes);
  const tcp_pcb* const pcb = segment ? find_connection(*segment) : nullptr;
  bool is_acknowledgement = false;
  if (pcb != nullptr) {
    const ConnectionExtra* const extra = extra_of(*pcb);
    if (extra != nullptr) shift_timestamp(bytes, *segment, extra->timestamp_offset);
    // A keep-alive probe looks alike but has an older number, and must not get lost.
    is_acknowledgement = segment->is_pure_acknowledgement && segment->sequence == pcb->snd_nxt;
    if (is_acknowledgement && replace_older(bytes, *segment)) return ERR_OK;
  }
  if (outgoing_.size() >= config_.max_queued_packets) {
    stats_.dropped_out += 1;
    refused_output_ = true;
    return ERR_MEM;
  }
  if (pcb != nullptr && is_repetition(*pcb, *segment)) stats_.tcp_retransmits += 1;
  if (!is_acknowledgement) segment.reset();
  outgoing_.push_back({std::move(bytes), segment});
  return ERR_OK;
}

// Where segments overtake one another, each one that arrives is acknowledged. What has not left
// yet says nothing that the newest does not say too, unless the count of equal ones is the message.
bool StackImpl::replace_older(base::Bytes& packet, const OutgoingSegment& acknowledgement) {
  for (auto older = outgoing_.rbegin(); older != outgoing_.rend(); ++older) {
    if (!older->acknowledgement ||
        older->acknowledgement->local_port != acknowledgement.local_port ||
        older->acknowledgement->remote != acknowledgement.remote) {
      continue;
    }
    const std::uint32_t before = older->acknowledgement->acknowledged;
    const bool is_newer = TCP_SEQ_GT(acknowledgement.acknowledged, before) ||
                          (acknowledgement.acknowledged == before && acknowledgement.has_selective);
    if (!is_newer) return false;
    *older = QueuedPacket{std::move(packet), acknowledgement};
    return true;
  }
  return false;
}

void StackImpl::configure(const StackConfig& config) {
  config_ = config;
  interface_.mtu = std::max(config.mtu, kMinMtu);
  const ip_addr_t v4 = to_lwip(config.ipv4.value_or(Ipv4{}));
  ip4_addr_t mask{};
  if (config.ipv4) mask.addr = IPADDR_NONE;  // /32: everything else is behind the default route
  const ip4_addr_t no_gateway{};
  netif_set_addr(&interface_, ip_2_ip4(&v4), &mask, &no_gateway);
  if (config.ipv6) {
    const ip_addr_t v6 = to_lwip(*config.ipv6);
    netif_ip6_addr_set(&interface_, kV6Slot, ip_2_ip6(&v6));
    netif_ip6_addr_set_state(&interface_, kV6Slot, IP6_ADDR_PREFERRED);
  } else {
    netif_ip6_addr_set_state(&interface_, kV6Slot, IP6_ADDR_INVALID);
  }
}

void StackImpl::drop_connections() {
  while (tcp_active_pcbs != nullptr) tcp_abandon(tcp_active_pcbs, 0);
  while (tcp_tw_pcbs != nullptr) tcp_abandon(tcp_tw_pcbs, 0);
  acknowledge_at_.reset();
}

void StackImpl::drop_fragments() {
  fragments_until_.reset();
  for (int i = 0; i < kFragmentTicks; ++i) {
    ip_reass_tmr();
    ip6_reass_tmr();
  }
}

void StackImpl::run_ticks(base::TimePoint now) {
  const auto passed = (now - ticked_) / kTcpTick;
  if (passed <= 0) return;
  ticked_ += passed * kTcpTick;
  const auto planned = ticks_until_work();
  if (!planned) return;  // nobody was counting
  const auto due = std::min<std::int64_t>(passed, std::int64_t{*planned} + kMaxOverdueTicks - 1);
  for (std::int64_t i = 0; i < due; ++i) {
    for_each_connection(bound_retransmission);
    tcp_slowtmr();
  }
}

std::optional<std::uint32_t> StackImpl::ticks_until_work() const {
  std::optional<std::uint32_t> out;
  const auto note = [&out](const tcp_pcb& pcb) {
    if (const auto ticks = quiet_ticks(pcb)) out = std::min(out.value_or(*ticks), *ticks);
  };
  for_each_connection(note);
  for (const tcp_pcb* pcb = tcp_tw_pcbs; pcb != nullptr; pcb = pcb->next) note(*pcb);
  return out;
}

void StackImpl::note_acknowledgements(base::TimePoint now) {
  bool is_waiting = false;
  for_each_connection([&](const tcp_pcb& pcb) {
    is_waiting = is_waiting || (pcb.flags & (TF_ACK_DELAY | TF_CLOSEPEND)) != 0;
  });
  if (!is_waiting) {
    acknowledge_at_.reset();
  } else if (!acknowledge_at_) {
    acknowledge_at_ = now + kDelayedAck;
  }
}

void StackImpl::handle(const IcmpError& error) {
  for (TcpStream* stream : streams_) {
    if (stream->remote() != error.remote || !stream->sent_syn(error.local_port, error.sequence)) {
      continue;
    }
    const bool is_refusal = error.verdict == IcmpVerdict::kRefused;
    stream->fail(Error{is_refusal ? Errc::net_connect_refused : Errc::net_unreachable, 0,
                       to_string(error.remote)});
    return;
  }
}

}  // namespace mix::net
