#include "host_stream.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace mix::native {
namespace {

constexpr std::chrono::seconds kConnectTimeout{30};
constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kMaxReceived = 4 * kReadSize;
constexpr std::size_t kWritable = 64 * 1024;

void set_flags(int descriptor) {
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

}  // namespace

Waker::Waker() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) base::panic("Waker: no pipe");
  read_end_ = ends[0];
  write_end_ = ends[1];
  set_flags(read_end_);
  set_flags(write_end_);
}

Waker::~Waker() {
  ::close(read_end_);
  ::close(write_end_);
}

void Waker::wake() const {
  // A full pipe wakes as well.
  [[maybe_unused]] const ssize_t written = ::write(write_end_, "", 1);
}

void Waker::reset() const {
  std::array<char, 64> scratch{};
  while (::read(read_end_, scratch.data(), scratch.size()) > 0) {
  }
}

/// Shared with the thread that resolves, which may outlive the stream.
struct HostStream::Lookup {
  struct Address {
    sockaddr_storage bytes{};
    socklen_t size = 0;
  };

  std::mutex mutex;
  bool done = false;
  std::deque<Address> addresses;  // in the order of preference
};

HostStream::HostStream(const std::string& host, std::uint16_t port, std::shared_ptr<Waker> waker,
                       base::TimePoint now)
    : host_(host), lookup_(std::make_shared<Lookup>()), connect_deadline_(now + kConnectTimeout) {
  std::thread([lookup = lookup_, waker = std::move(waker), host, port] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    const std::scoped_lock lock(lookup->mutex);
    if (failed == 0) {
      for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        Lookup::Address address;
        address.size = std::min<socklen_t>(entry->ai_addrlen, sizeof address.bytes);
        std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), address.size,
                    reinterpret_cast<char*>(&address.bytes));
        lookup->addresses.push_back(address);
      }
      ::freeaddrinfo(found);
    }
    lookup->done = true;
    waker->wake();
  }).detach();
}

HostStream::~HostStream() { drop_socket(); }

void HostStream::drop_socket() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  connecting_ = false;
}

void HostStream::fail(base::Errc code) {
  drop_socket();
  lookup_.reset();
  if (!error_) error_ = base::Error{code, 0, host_};
}

pollfd HostStream::interest() const {
  short events = 0;
  if (!ended_ && received_.size() < kMaxReceived) events |= POLLIN;
  if (connecting_ || is_full_) events |= POLLOUT;
  // Without an interest the end of a read-out connection would be told again and again.
  return {events == 0 ? -1 : socket_, events, 0};
}

net::StreamState HostStream::state() const {
  if (error()) return net::StreamState::kFailed;
  if (lookup_) return net::StreamState::kConnecting;
  if (!ended_) return net::StreamState::kOpen;
  return shut_ ? net::StreamState::kClosed : net::StreamState::kPeerClosed;
}

std::optional<base::Error> HostStream::error() const {
  return received_.empty() ? error_ : std::nullopt;
}

void HostStream::advance(base::TimePoint now) {
  if (error_) return;
  if (lookup_) {
    if (base::is_due(connect_deadline_, now)) return fail(base::Errc::net_connect_timeout);
    if (connecting_) return look_at_connect();
    const std::scoped_lock lock(lookup_->mutex);
    if (!lookup_->done) return;
  }
  if (lookup_) return connect_next();
  pull();
}

void HostStream::connect_next() {
  while (true) {
    Lookup::Address address;
    {
      const std::scoped_lock lock(lookup_->mutex);
      if (lookup_->addresses.empty()) break;
      address = lookup_->addresses.front();
      lookup_->addresses.pop_front();
    }
    drop_socket();
    socket_ = ::socket(address.bytes.ss_family, SOCK_STREAM, 0);
    if (socket_ < 0) continue;
    set_flags(socket_);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // The socket interface takes every family behind one pointer type.
    const auto* peer = reinterpret_cast<const sockaddr*>(&address.bytes);
    if (::connect(socket_, peer, address.size) == 0 || errno == EINPROGRESS) {
      connecting_ = true;
      return look_at_connect();
    }
  }
  fail(base::Errc::net_connect_refused);
}

void HostStream::look_at_connect() {
  pollfd entry{socket_, POLLOUT, 0};
  if (::poll(&entry, 1, 0) != 1) return;
  int problem = 0;
  socklen_t size = sizeof problem;
  ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) return connect_next();
  connecting_ = false;
  lookup_.reset();
  connect_deadline_.reset();
}

void HostStream::pull() {
  std::array<std::uint8_t, kReadSize> buffer{};
  while (socket_ >= 0 && !ended_ && received_.size() < kMaxReceived) {
    const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (n > 0) {
      base::append(received_, base::ByteView{buffer}.first(static_cast<std::size_t>(n)));
    } else if (n == 0) {
      ended_ = true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      return;
    } else {
      return fail(base::Errc::net_connection_reset);
    }
  }
}

std::size_t HostStream::read(base::MutByteView out) {
  const std::size_t n = std::min(out.size(), received_.size());
  std::copy_n(received_.begin(), n, out.begin());
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(n));
  return n;
}

base::Result<std::size_t> HostStream::write(base::ByteView bytes) {
  if (error_) return *error_;
  if (shut_) return base::Errc::net_closed;
  if (lookup_) return std::size_t{0};
  const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  is_full_ = n < static_cast<ssize_t>(bytes.size());
  if (n >= 0) return static_cast<std::size_t>(n);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return std::size_t{0};
  fail(base::Errc::net_connection_reset);
  return *error_;
}

std::size_t HostStream::writable() const {
  if (error_ || lookup_ || shut_) return 0;
  pollfd entry{socket_, POLLOUT, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0 ? kWritable : 0;
}

void HostStream::shutdown() {
  if (shut_) return;
  shut_ = true;
  if (socket_ >= 0 && !connecting_) ::shutdown(socket_, SHUT_WR);
}

void HostStream::abort() { fail(base::Errc::net_closed); }

base::Deadline HostStream::next_deadline() const {
  return error_ ? std::nullopt : connect_deadline_;
}

}  // namespace mix::native
