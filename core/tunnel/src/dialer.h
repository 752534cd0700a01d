// One connection on its way: resolve -> connect (address after address) -> secure.
//
//   kResolving ──> kConnecting ──> kConnected ──secure()──> kSecuring ──> kOpen
//        └──────────────┴───────────────┴──────────────────────┴──> kFailed
//
// Plain connections go from kConnecting to kOpen. One time limit covers all of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mix/dns/resolver.h"
#include "mix/net/stack.h"
#include "mix/tls/client.h"
#include "mix/tunnel/host.h"
#include "mix/tunnel/options.h"

namespace mix::tunnel {

enum class Security : std::uint8_t { kPlain, kTls };

struct DialTarget {
  std::string host;  // name or IP literal
  std::uint16_t port = 0;
  Security security = Security::kPlain;
  std::vector<std::string> alpn = {};  // in order of preference
  base::Duration timeout = std::chrono::seconds{60};
  std::string server_name = {};           // of the certificate; empty: the host
  std::string isolation = {};             // names asked for with other keys are not known here
  tls::SessionCache* sessions = nullptr;  // outlives the connection; null: no resumption
};

/// When the steps were done; absent while they are not, or were not needed.
struct DialTiming {
  std::optional<base::TimePoint> dns, connect, tls;
};

/// What dialling needs. References outlive every dialer.
struct DialServices {
  const Options& options;
  const base::Clock& clock;
  base::Rng& rng;
  net::Stack& stack;
  dns::Resolver& resolver;
  std::shared_ptr<tls::TrustStore> trust;
};

class Dialer {
 public:
  enum class Step : std::uint8_t {
    kResolving,
    kConnecting,
    kConnected,  // TCP stands, TLS waits for secure()
    kSecuring,
    kOpen,
    kFailed,
  };

  Dialer(DialTarget target, const DialServices& services, base::TimePoint now);
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// Moves as far as possible; true when something moved.
  bool advance(base::TimePoint now);
  void lookup_finished(const dns::LookupDone& done, base::TimePoint now);
  /// Starts TLS in step kConnected; nothing in others.
  void secure(base::TimePoint now);

  [[nodiscard]] Step step() const { return step_; }
  /// Where it is, or where it failed.
  [[nodiscard]] Phase phase() const { return phase_; }
  /// Set in step kFailed.
  [[nodiscard]] const std::optional<base::Error>& error() const { return error_; }
  [[nodiscard]] const DialTiming& timing() const { return timing_; }
  /// The agreed application protocol; empty when none. Valid in step kOpen.
  [[nodiscard]] const std::string& protocol() const { return protocol_; }
  /// Where it leads. Valid in step kOpen.
  [[nodiscard]] const net::Endpoint& peer() const { return peer_; }
  /// The connection, once, in step kOpen.
  [[nodiscard]] std::unique_ptr<net::Stream> take();
  [[nodiscard]] base::Deadline next_deadline() const;

 private:
  void connect_next(base::TimePoint now);
  void fail(base::Error error);
  [[nodiscard]] std::string authority() const;

  const DialTarget target_;
  const DialServices services_;
  const base::TimePoint deadline_;
  Step step_ = Step::kResolving;
  Phase phase_ = Phase::kDns;
  std::optional<dns::LookupId> lookup_;
  std::vector<net::IpAddress> addresses_;
  std::size_t next_address_ = 0;
  net::Endpoint peer_;
  std::unique_ptr<net::Stream> tcp_;
  std::unique_ptr<tls::ClientStream> tls_;
  std::string protocol_;
  std::optional<base::Error> error_;
  DialTiming timing_;
};

}  // namespace mix::tunnel
