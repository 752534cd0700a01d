#include "echo6.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/icmp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <list>

namespace mix::localnet {

using base::Bytes;
using base::ByteView;
using Endpoint = boost::asio::ip::icmp::endpoint;

namespace {

constexpr std::size_t kMaxConversations = 8;  // of one session; the oldest goes first
constexpr std::size_t kEchoHeadSize = 8;      // type, code, checksum, identifier, sequence
constexpr std::size_t kMaxReplySize = 65535;
constexpr std::uint8_t kIcmp6Protocol = 58, kHopLimit = 64;

/// A ping socket, else a raw one, else -1.
int open_socket() {
  for (const int type : {SOCK_DGRAM, SOCK_RAW}) {
    const int fd = ::socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
    if (fd >= 0) return fd;
  }
  return -1;
}

/// The identifier is the client's, whatever number the kernel gave the socket.
Bytes echo_message(std::uint8_t type, std::uint16_t sum, std::uint16_t id, std::uint16_t sequence,
                   ByteView payload) {
  base::Writer out{kEchoHeadSize + payload.size()};
  out.u8(type).u8(0).u16be(sum).u16be(id).u16be(sequence).bytes(payload);
  return out.take();
}

}  // namespace

class Echo6::Impl : public std::enable_shared_from_this<Echo6::Impl> {
 public:
  Impl(boost::asio::io_context& io, Deliver deliver) : io_(io), deliver_(std::move(deliver)) {}

  void send(const IpPacket& packet, ByteView bytes) {
    base::Reader in{bytes.subspan(packet.transport_at, packet.size - packet.transport_at)};
    if (!in.bytes(6)) return;
    const auto sequence = in.u16be();
    if (!sequence) return;
    Conversation* conversation = conversation_of(packet);
    if (conversation == nullptr) return;
    const Endpoint to{boost::asio::ip::address_v6{packet.destination.bytes}, 0};
    const Bytes message =
        echo_message(kIcmp6EchoRequest, 0, conversation->id, *sequence, in.rest());
    // Best effort, as ICMP is. The kernel fills in the checksum.
    [[maybe_unused]] const ssize_t sent =
        ::sendto(conversation->socket.native_handle(), message.data(), message.size(), 0, to.data(),
                 static_cast<socklen_t>(to.size()));
  }

  void shut() { conversations_.clear(); }

 private:
  struct Conversation {
    Conversation(boost::asio::io_context& io, int fd) : socket(io, fd) {}
    boost::asio::posix::stream_descriptor socket;
    std::uint16_t id = 0;
    IpAddress client, peer;
  };

  Conversation* conversation_of(const IpPacket& packet) {
    for (const auto& known : conversations_) {
      if (known->id == packet.source_port && known->peer == packet.destination) return known.get();
    }
    const int fd = open_socket();
    if (fd < 0) return nullptr;
    if (conversations_.size() >= kMaxConversations) conversations_.pop_front();
    auto fresh = std::make_shared<Conversation>(io_, fd);
    fresh->id = packet.source_port;
    fresh->client = packet.source;
    fresh->peer = packet.destination;
    conversations_.push_back(fresh);
    wait(fresh);
    return fresh.get();
  }

  void wait(const std::shared_ptr<Conversation>& conversation) {
    conversation->socket.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                    [self = shared_from_this(), weak = std::weak_ptr{conversation}](
                                        const boost::system::error_code& error) {
                                      const auto alive = weak.lock();
                                      if (error || !alive) return;
                                      self->receive(*alive);
                                      self->wait(alive);
                                    });
  }

  void receive(Conversation& conversation) {
    std::array<std::uint8_t, kMaxReplySize> buffer{};
    while (true) {
      Endpoint from;
      auto from_size = static_cast<socklen_t>(from.capacity());
      const ssize_t size = ::recvfrom(conversation.socket.native_handle(), buffer.data(),
                                      buffer.size(), 0, from.data(), &from_size);
      if (size < 0) return;
      from.resize(from_size);
      on_message(conversation, IpAddress::v6(from.address().to_v6().to_bytes()),
                 ByteView{buffer}.first(static_cast<std::size_t>(size)));
    }
  }

  void on_message(const Conversation& conversation, const IpAddress& from, ByteView message) {
    base::Reader in{message};
    const auto type = in.u8();
    // A raw socket hears everything.
    if (!type || *type != kIcmp6EchoReply || from != conversation.peer) return;
    if (!in.bytes(5)) return;
    const auto sequence = in.u16be();
    if (!sequence) return;
    const ByteView payload = in.rest();
    const auto build = [&](std::uint16_t sum) {
      return echo_message(kIcmp6EchoReply, sum, conversation.id, *sequence, payload);
    };
    const Bytes plain = build(0);
    const std::uint16_t sum =
        checksum(plain, pseudo_header_sum(from, conversation.client, kIcmp6Protocol, plain.size()));
    base::Writer out{kIpv6HeaderSize + plain.size()};
    out.u32be(0x60000000).u16be(static_cast<std::uint16_t>(plain.size())).u8(kIcmp6Protocol);
    out.u8(kHopLimit).bytes(from.view()).bytes(conversation.client.view()).bytes(build(sum));
    deliver_(out.take());
  }

  boost::asio::io_context& io_;
  Deliver deliver_;
  std::list<std::shared_ptr<Conversation>> conversations_;
};

Echo6::Echo6(boost::asio::io_context& io, Deliver deliver)
    : impl_(std::make_shared<Impl>(io, std::move(deliver))) {}
Echo6::~Echo6() { impl_->shut(); }
void Echo6::send(const IpPacket& packet, ByteView bytes) { impl_->send(packet, bytes); }

}  // namespace mix::localnet
