#include "dialer.h"

#include <utility>

namespace mix::tunnel {
namespace {

using base::Errc;
using base::Error;
using base::TimePoint;
using net::StreamState;

net::TcpOptions tcp_options(const Options& options, base::Duration connect_timeout) {
  net::TcpOptions tcp;
  tcp.connect_timeout = connect_timeout;
  tcp.keepalive = options.tcp_keepalive;
  tcp.receive_buffer = options.tcp_buffer_size;
  tcp.send_buffer = options.tcp_buffer_size;
  return tcp;
}

Errc timeout_code(Dialer::Step step) {
  if (step == Dialer::Step::kResolving) return Errc::dns_timeout;
  return step == Dialer::Step::kConnecting ? Errc::net_connect_timeout : Errc::tls_timeout;
}

}  // namespace

Dialer::Dialer(DialTarget target, const DialServices& services, TimePoint now)
    : target_(std::move(target)),
      services_(services),
      deadline_(now + target_.timeout),
      lookup_(services_.resolver.lookup(target_.host, dns::Families::kBoth,
                                        dns::AskOptions{.isolation = target_.isolation}, now)) {}

Dialer::~Dialer() {
  if (lookup_) services_.resolver.cancel(*lookup_);
}

std::string Dialer::authority() const { return target_.host + ":" + std::to_string(target_.port); }

void Dialer::fail(Error error) {
  if (error.context.empty()) error.context = authority();
  error_ = std::move(error);
  step_ = Step::kFailed;
  tls_.reset();
  tcp_.reset();
  if (lookup_) services_.resolver.cancel(*std::exchange(lookup_, std::nullopt));
}

void Dialer::lookup_finished(const dns::LookupDone& done, TimePoint now) {
  if (!lookup_ || *lookup_ != done.id) return;
  lookup_.reset();
  if (!done.addresses) return fail(done.addresses.error());
  timing_.dns = now;
  addresses_ = *done.addresses;
  connect_next(now);
}

void Dialer::connect_next(TimePoint now) {
  step_ = Step::kConnecting;
  phase_ = Phase::kConnect;
  while (next_address_ < addresses_.size()) {
    peer_ = {addresses_[next_address_++], target_.port};
    auto stream =
        services_.stack.connect(peer_, tcp_options(services_.options, deadline_ - now), now);
    if (stream) {
      tcp_ = *std::move(stream);
      return;
    }
    error_ = stream.error();
  }
  fail(error_.value_or(Error{Errc::net_unreachable}));
}

void Dialer::secure(TimePoint now) {
  if (step_ != Step::kConnected) return;
  tls::ClientOptions options;
  options.host = target_.server_name.empty() ? target_.host : target_.server_name;
  options.alpn = target_.alpn;
  options.handshake_timeout = deadline_ - now;
  options.sessions = target_.sessions;
  const auto pins = services_.options.tls_pins.find(target_.host);
  if (pins != services_.options.tls_pins.end()) options.pins = pins->second;
  tls_ = tls::connect(std::move(tcp_), std::move(options), services_.trust, services_.clock,
                      services_.rng, now);
  step_ = Step::kSecuring;
  phase_ = Phase::kTls;
}

bool Dialer::advance(TimePoint now) {
  if (step_ == Step::kOpen || step_ == Step::kFailed) return false;
  if (base::is_due(deadline_, now)) {
    fail(Error{timeout_code(step_)});
    return true;
  }
  net::Stream* stream = tls_ ? tls_.get() : tcp_.get();
  if (stream == nullptr) return false;  // resolving: news comes by lookup_finished
  stream->advance(now);
  const StreamState state = stream->state();
  if (state == StreamState::kConnecting) return false;
  if (state == StreamState::kFailed || state == StreamState::kClosed) {
    error_ =
        stream->error().value_or(Error{tls_ ? Errc::tls_handshake : Errc::net_connection_reset});
    if (step_ == Step::kConnecting) {
      if (error_->context.empty()) error_->context = authority();
      connect_next(now);
    } else {
      fail(*error_);
    }
    return true;
  }
  switch (step_) {
    case Step::kConnecting:
      timing_.connect = now;
      step_ = target_.security == Security::kTls ? Step::kConnected : Step::kOpen;
      return true;
    case Step::kSecuring:
      timing_.tls = now;
      protocol_ = tls_->alpn();
      step_ = Step::kOpen;
      return true;
    case Step::kResolving:
    case Step::kConnected:
    case Step::kOpen:
    case Step::kFailed:
      break;
  }
  return false;
}

std::unique_ptr<net::Stream> Dialer::take() {
  if (tls_) return std::move(tls_);
  return std::move(tcp_);
}

base::Deadline Dialer::next_deadline() const {
  if (step_ == Step::kOpen || step_ == Step::kFailed) return std::nullopt;
  const net::Stream* stream = tls_ ? tls_.get() : tcp_.get();
  return stream == nullptr ? base::Deadline{deadline_}
                           : base::earlier(deadline_, stream->next_deadline());
}

}  // namespace mix::tunnel
