// The blocking calls: each looks at its channel under the lock until what it wants is there.
#include "mix/native/tunnel.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "tunnel_core.h"

namespace mix::native {
namespace {

/// Bytes that may be on their way down before a writer waits; one piece is handed over at a time.
constexpr std::size_t kMaxUnsent = 256 * 1024;
constexpr std::size_t kPiece = 64 * 1024;

using Done = base::Result<std::monostate>;

base::Result<void> as_void(const Done& done) {
  if (!done) return done.error();
  return {};
}

/// Moves bytes that have come; nothing: none are there yet.
std::optional<base::Result<std::size_t>> take(TunnelCore& core, Channel& channel,
                                              base::MutByteView out) {
  const std::size_t waiting = channel.received.size() - channel.taken;
  if (waiting > 0) {
    const std::size_t n = std::min(out.size(), waiting);
    std::copy_n(channel.received.begin() + static_cast<std::ptrdiff_t>(channel.taken), n,
                out.begin());
    channel.taken += n;
    if (channel.taken == channel.received.size()) {
      channel.received.clear();
      channel.taken = 0;
    }
    // The window opens again; a channel that is over has none.
    [[maybe_unused]] const auto told = core.command_locked(channel, tunnel::ChannelConsumed{n});
    return n;
  }
  if (channel.error) return base::Result<std::size_t>(*channel.error);
  if (channel.ended) return std::size_t{0};
  if (channel.over) return base::Result<std::size_t>(TunnelCore::reason(channel));
  return std::nullopt;
}

}  // namespace

// --- TcpStream ---

TcpStream::TcpStream(std::shared_ptr<TunnelCore> core, std::shared_ptr<Channel> channel)
    : core_(std::move(core)), channel_(std::move(channel)) {}

TcpStream::~TcpStream() {
  if (channel_) core_->drop(*channel_);
}

TcpStream& TcpStream::operator=(TcpStream&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(channel_, other.channel_);
  return *this;
}

base::Result<std::size_t> TcpStream::read(base::MutByteView out, Timeout timeout) {
  if (out.empty()) return std::size_t{0};
  return core_->wait<std::size_t>(timeout, [&] { return take(*core_, *channel_, out); });
}

base::Result<void> TcpStream::write(base::ByteView bytes, Timeout timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!bytes.empty()) {
    const base::ByteView piece = bytes.first(std::min(kPiece, bytes.size()));
    const auto left = std::chrono::duration_cast<Timeout>(end - std::chrono::steady_clock::now());
    const auto done = core_->wait<std::monostate>(left, [&]() -> std::optional<Done> {
      if (channel_->over || channel_->closing) return Done(TunnelCore::reason(*channel_));
      if (channel_->unsent + piece.size() > kMaxUnsent) return std::nullopt;
      const auto sent = core_->command_locked(
          *channel_, tunnel::WriteBytes{base::Bytes(piece.begin(), piece.end())});
      if (!sent) return Done(sent.error());
      channel_->unsent += piece.size();
      return std::monostate{};
    });
    MIX_CHECK(as_void(done));
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

base::Result<void> TcpStream::end_writing() {
  return core_->command(*channel_, tunnel::EndWriting{});
}

base::Result<void> TcpStream::close(Timeout timeout) {
  const auto asked = core_->with_lock([&]() -> base::Result<void> {
    channel_->closing = true;
    if (channel_->over) return {};
    return core_->command_locked(*channel_, tunnel::CloseSocket{});
  });
  if (!asked) return asked.error();
  const auto done = core_->wait<std::monostate>(timeout, [&]() -> std::optional<Done> {
    if (channel_->error) return Done(*channel_->error);
    if (channel_->over) return std::monostate{};
    return std::nullopt;
  });
  if (!done) core_->drop(*channel_);
  return as_void(done);
}

std::string TcpStream::remote_address() const {
  return core_->with_lock([this] { return channel_->address; });
}
std::uint16_t TcpStream::remote_port() const {
  return core_->with_lock([this] { return channel_->port; });
}
std::string TcpStream::alpn() const {
  return core_->with_lock([this] { return channel_->alpn; });
}

// --- UdpSocket ---

UdpSocket::UdpSocket(std::shared_ptr<TunnelCore> core, std::shared_ptr<Channel> channel)
    : core_(std::move(core)), channel_(std::move(channel)) {}

UdpSocket::~UdpSocket() {
  if (channel_) close();
}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(channel_, other.channel_);
  return *this;
}

base::Result<void> UdpSocket::send_to(base::ByteView bytes, const std::string& host,
                                      std::uint16_t port) {
  return core_->command(*channel_,
                        tunnel::SendDatagram{base::Bytes(bytes.begin(), bytes.end()), host, port});
}

base::Result<Datagram> UdpSocket::receive(Timeout timeout) {
  using Found = base::Result<Datagram>;
  return core_->wait<Datagram>(timeout, [&]() -> std::optional<Found> {
    if (!channel_->datagrams.empty()) {
      Datagram datagram = std::move(channel_->datagrams.front());
      channel_->datagrams.pop_front();
      [[maybe_unused]] const auto told =
          core_->command_locked(*channel_, tunnel::ChannelConsumed{datagram.bytes.size()});
      return Found(std::move(datagram));
    }
    if (channel_->over) return Found(TunnelCore::reason(*channel_));
    return std::nullopt;
  });
}

void UdpSocket::close() { core_->drop(*channel_); }

// --- Tunnel ---

Tunnel::Tunnel(std::shared_ptr<TunnelCore> core) : core_(std::move(core)) {}

Tunnel::~Tunnel() { close(); }

Tunnel& Tunnel::operator=(Tunnel&& other) noexcept {
  std::swap(core_, other.core_);
  return *this;
}

base::Result<Tunnel> Tunnel::open(TunnelConfig config, Timeout timeout) {
  MIX_TRY(auto core, TunnelCore::start(std::move(config)));
  Tunnel tunnel(core);
  MIX_CHECK(core->wait_until_ready(timeout));
  return tunnel;
}

base::Result<TcpStream> Tunnel::connect(const std::string& host, std::uint16_t port,
                                        ConnectOptions options) {
  tunnel::TcpRequest request;
  request.host = host;
  request.port = port;
  request.tls = std::move(options.tls);
  request.timeout = options.timeout;
  MIX_TRY(auto channel, core_->open(std::move(request)));
  TcpStream stream(core_, channel);
  const auto done = core_->wait<std::monostate>(options.timeout, [&]() -> std::optional<Done> {
    if (channel->error) return Done(*channel->error);
    if (channel->opened) return std::monostate{};
    if (channel->over) return Done(TunnelCore::reason(*channel));
    return std::nullopt;
  });
  MIX_CHECK(as_void(done));
  return stream;
}

base::Result<UdpSocket> Tunnel::udp() {
  MIX_TRY(auto channel, core_->open(tunnel::UdpRequest{}));
  return UdpSocket(core_, std::move(channel));
}

std::optional<tunnel::Info> Tunnel::info() const {
  return core_->with_lock([this]() -> std::optional<tunnel::Info> {
    if (core_->engine() == nullptr) return std::nullopt;
    return core_->engine()->info();
  });
}

tunnel::Stats Tunnel::stats() const {
  return core_->with_lock(
      [this] { return core_->engine() == nullptr ? tunnel::Stats{} : core_->engine()->stats(); });
}

void Tunnel::close() {
  if (core_) core_->stop();
}

}  // namespace mix::native
