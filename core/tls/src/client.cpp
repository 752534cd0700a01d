// The client connection: mbedTLS between a transport Stream below and the Stream that applications
// see. mbedTLS wants to read and write by callback; these only move bytes from and to the
// transport.
//
//   kWaiting ──transport open──▶ kHandshaking ──finished──▶ kOpen
//       │                             │                       │ close_notify read: peer_closed_
//       └──────────── error ──────────┴────────── error ──────┴▶ kFailed
//
// Closing our side is a second, independent line: kNone ─shutdown()▶ kWanted ─alert handed to
// mbedTLS▶ kNotified ─all ciphertext written▶ kDone (the transport is shut down too).
//
// Back-pressure: at most one decrypted record waits inside mbedTLS, and at most one encrypted
// record waits for the transport. Beyond that nothing is pulled from below or taken from above.
#include "mix/tls/client.h"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mix_tls13_key_update.h>

#include <algorithm>
#include <array>

#include "constants.h"
#include "host.h"
#include "platform.h"
#include "verify.h"

namespace mix::tls {

namespace {

using base::Errc;
using base::Error;
using net::StreamState;

// ChaCha20 first: constant time and faster without AES instructions, which wasm does not have.
constexpr std::array kCiphersuites = {
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    0,
};

constexpr std::array<std::uint16_t, 4> kGroups = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

constexpr std::array<std::uint16_t, 10> kSignatures = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    // PKCS#1: certificates, and handshakes of TLS 1.2 only.
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_NONE,
};

// What a BIO callback answers when the transport failed; the real error is taken from there.
constexpr int kTransportFailed = MBEDTLS_ERR_SSL_INTERNAL_ERROR;

int fill_random(void* rng, unsigned char* out, std::size_t size) {
  static_cast<base::Rng*>(rng)->fill({out, size});
  return 0;
}

// The high-level part of an mbedTLS error: -0x7F80 masks out the low-level cause.
int module_code(int code) { return (-code) & 0xFF80; }

bool is_certificate_error(int code) {
  const int high = module_code(code);
  return (high >= -MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE && high <= -MBEDTLS_ERR_X509_FATAL_ERROR) ||
         high == -MBEDTLS_ERR_SSL_BAD_CERTIFICATE;
}

bool is_record_error(int code) {
  return code == MBEDTLS_ERR_SSL_INVALID_MAC || code == MBEDTLS_ERR_SSL_INVALID_RECORD ||
         code == MBEDTLS_ERR_SSL_UNEXPECTED_RECORD;
}

// spec: RFC 8446 §6.2. mbedTLS has sent its own alert for what failed inside a handshake message.
std::optional<std::uint8_t> alert_for(int code) {
  switch (code) {
    case MBEDTLS_ERR_SSL_INVALID_MAC:
      return MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC;
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
      return MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
    case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
      return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
    default:
      return std::nullopt;
  }
}

/// mbedTLS' record of a session; wiped by its own destructor.
class StoredSession final : public Session {
 public:
  StoredSession() { mbedtls_ssl_session_init(&session); }
  StoredSession(const StoredSession&) = delete;
  StoredSession& operator=(const StoredSession&) = delete;
  ~StoredSession() override { mbedtls_ssl_session_free(&session); }
  mbedtls_ssl_session session;
};

class Client final : public ClientStream {
 public:
  Client(std::unique_ptr<net::Stream> transport, ClientOptions options,
         std::shared_ptr<TrustStore> trust, const base::Clock& clock, base::Rng& rng)
      : transport_(std::move(transport)),
        options_(std::move(options)),
        trust_(std::move(trust)),
        clock_(clock),
        rng_(rng) {
    mbedtls_ssl_config_init(&config_);
    mbedtls_ssl_init(&ssl_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() override {
    mbedtls_ssl_free(&ssl_);
    mbedtls_ssl_config_free(&config_);
  }

  void start(base::TimePoint now) {
    const detail::PlatformScope scope{clock_, rng_};
    if (auto ready = configure(); !ready) return fail(ready.error());
    step(now);
  }

  // --- net::Stream ---------------------------------------------------------------------------

  [[nodiscard]] StreamState state() const override {
    if (error_) return StreamState::kFailed;
    if (phase_ != Phase::kOpen) return StreamState::kConnecting;
    if (!peer_closed_) return StreamState::kOpen;
    return closing_ == Closing::kDone ? StreamState::kClosed : StreamState::kPeerClosed;
  }
  [[nodiscard]] std::optional<Error> error() const override { return error_; }

  std::size_t read(base::MutByteView out) override {
    if (phase_ != Phase::kOpen || error_) return 0;
    const detail::PlatformScope scope{clock_, rng_};
    std::size_t total = 0;
    while (total < out.size() && pull_record()) {
      const base::MutByteView free = out.subspan(total);
      const int n = mbedtls_ssl_read(&ssl_, free.data(), free.size());
      // A decrypted record waits, so this only copies.
      if (n <= 0) base::panic("tls: a waiting record cannot be read");
      total += static_cast<std::size_t>(n);
    }
    // Looks ahead, so that the end or a failure shows as soon as the last byte is taken.
    (void)pull_record();
    return total;
  }
  [[nodiscard]] std::size_t readable() const override {
    return phase_ == Phase::kOpen && !error_ ? mbedtls_ssl_get_bytes_avail(&ssl_) : 0;
  }
  [[nodiscard]] bool at_end() const override { return !error_ && peer_closed_ && readable() == 0; }

  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override {
    if (error_) return *error_;
    if (write_error_) return *write_error_;
    if (closing_ != Closing::kNone) return Errc::net_closed;
    if (phase_ != Phase::kOpen) return std::size_t{0};
    const detail::PlatformScope scope{clock_, rng_};
    std::size_t total = 0;
    while (total < bytes.size() && writable() > 0) {
      const base::ByteView piece =
          bytes.subspan(total, std::min(bytes.size() - total, max_piece()));
      const int n = mbedtls_ssl_write(&ssl_, piece.data(), piece.size());
      if (n > 0) {
        total += static_cast<std::size_t>(n);
      } else if (n == MBEDTLS_ERR_SSL_WANT_WRITE) {
        // The whole piece is encrypted and waits inside mbedTLS for the transport.
        total += piece.size();
      } else {
        note_write_error(n);
        break;
      }
    }
    if (total == 0 && write_error_) return *write_error_;
    return total;
  }
  [[nodiscard]] std::size_t writable() const override {
    if (error_ || write_error_ || phase_ != Phase::kOpen || closing_ != Closing::kNone) return 0;
    if (pending_output() > 0 || transport_->writable() == 0) return 0;
    return max_piece();
  }
  [[nodiscard]] std::size_t unacknowledged() const override {
    return transport_->unacknowledged() + pending_output();
  }

  void shutdown() override {
    if (closing_ != Closing::kNone || error_) return;
    if (phase_ != Phase::kOpen) return abort();
    closing_ = Closing::kWanted;
    const detail::PlatformScope scope{clock_, rng_};
    flush();
  }
  void abort() override {
    transport_->abort();
    if (!error_) error_ = Error{Errc::net_closed};
  }

  void advance(base::TimePoint now) override {
    transport_->advance(now);
    if (error_) return;
    const detail::PlatformScope scope{clock_, rng_};
    step(now);
  }
  [[nodiscard]] base::Deadline next_deadline() const override {
    return base::earlier(transport_->next_deadline(), phase_ == Phase::kHandshaking && !error_
                                                          ? handshake_deadline_
                                                          : base::Deadline{});
  }

  // --- ClientStream --------------------------------------------------------------------------

  [[nodiscard]] std::string_view alpn() const override {
    const char* name = mbedtls_ssl_get_alpn_protocol(&ssl_);
    return name == nullptr ? std::string_view{} : std::string_view{name};
  }
  [[nodiscard]] std::string_view version() const override {
    switch (mbedtls_ssl_get_version_number(&ssl_)) {
      case MBEDTLS_SSL_VERSION_TLS1_3:
        return "TLSv1.3";
      case MBEDTLS_SSL_VERSION_TLS1_2:
        return "TLSv1.2";
      default:
        return "";
    }
  }

 private:
  enum class Phase : std::uint8_t { kWaiting, kHandshaking, kOpen };
  enum class Closing : std::uint8_t { kNone, kWanted, kNotified, kDone };

  base::Result<void> configure() {
    MIX_TRY(detail::Host host, detail::parse_host(options_.host));
    const auto* name = std::get_if<detail::DnsHost>(&host);
    const std::string server_name = name != nullptr ? name->name : std::string{};

    const Error broken{Errc::internal_error, 0, "TLS set-up"};
    if (mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
      return broken;
    }
    mbedtls_ssl_conf_min_tls_version(&config_, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(&config_, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_ciphersuites(&config_, kCiphersuites.data());
    mbedtls_ssl_conf_groups(&config_, kGroups.data());
    mbedtls_ssl_conf_sig_algs(&config_, kSignatures.data());
    mbedtls_ssl_conf_rng(&config_, &fill_random, &rng_);
    configure_resumption();
    verifier_.emplace(std::move(host), trust_, options_.pins);
    verifier_->install(config_);
    if (!options_.alpn.empty()) {
      for (const std::string& protocol : options_.alpn) alpn_names_.push_back(protocol.c_str());
      alpn_names_.push_back(nullptr);
      if (mbedtls_ssl_conf_alpn_protocols(&config_, alpn_names_.data()) != 0) {
        return Error{Errc::tls_handshake, 0, "ALPN name is empty or too long"};
      }
    }
    if (mbedtls_ssl_setup(&ssl_, &config_) != 0) return Errc::net_out_of_memory;
    // Null for an address: it is never sent as server name. The verifier compares either kind.
    if (mbedtls_ssl_set_hostname(&ssl_, name != nullptr ? server_name.c_str() : nullptr) != 0) {
      return broken;
    }
    if (options_.sessions != nullptr) {
      // One that does not fit any more means a whole handshake.
      if (const auto session = options_.sessions->take()) {
        (void)mbedtls_ssl_set_session(&ssl_, &static_cast<StoredSession&>(*session).session);
      }
    }
    mbedtls_ssl_set_bio(&ssl_, this, &Client::send_callback, &Client::receive_callback, nullptr);
    return {};
  }

  /// A ticket lets a server link connections, so whoever gives no cache gets fresh ones each time;
  /// a resumed connection has a key exchange of its own, and never early data.
  void configure_resumption() {
    const bool resumes = options_.sessions != nullptr;
    mbedtls_ssl_conf_tls13_key_exchange_modes(
        &config_, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
                      (resumes ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL : 0));
    mbedtls_ssl_conf_session_tickets(&config_, resumes ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                                                       : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &config_, resumes ? MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
                          : MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_DISABLED);
  }

  void keep_session() {
    if (options_.sessions == nullptr) return;
    auto stored = std::make_unique<StoredSession>();
    if (mbedtls_ssl_get_session(&ssl_, &stored->session) != 0) return;
    options_.sessions->put(std::move(stored));
  }

  void step(base::TimePoint now) {
    if (phase_ == Phase::kWaiting) {
      if (auto error = transport_->error()) return fail(*std::move(error));
      if (transport_->state() == StreamState::kConnecting) return;
      phase_ = Phase::kHandshaking;
      handshake_deadline_ = now + options_.handshake_timeout;
    }
    if (phase_ == Phase::kHandshaking) {
      const int result = handshake();
      if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) {
        if (base::is_due(handshake_deadline_, now)) {
          transport_->abort();
          fail(Error{Errc::tls_timeout, 0, options_.host});
        }
        return;
      }
      if (result != 0) return fail_by_code(result);
      phase_ = Phase::kOpen;
      // TLS 1.3 servers send tickets later.
      if (mbedtls_ssl_get_version_number(&ssl_) == MBEDTLS_SSL_VERSION_TLS1_2) keep_session();
    }
    flush();
    (void)pull_record();
  }

  int handshake() {
    int result = 0;
    do {
      // Warnings and the like also end in WANT_READ; only a lack of input means waiting.
      starved_ = false;
      result = mbedtls_ssl_handshake(&ssl_);
    } while (result == MBEDTLS_ERR_SSL_WANT_READ && !starved_);
    return result;
  }

  /// Makes sure that a decrypted record waits. False: none to be had now, or the stream ended.
  bool pull_record() {
    while (mbedtls_ssl_get_bytes_avail(&ssl_) == 0) {
      if (peer_closed_ || error_) return false;
      starved_ = false;
      std::uint8_t nothing = 0;
      // Asking for no bytes decrypts the next record and leaves it where it is.
      const int result = mbedtls_ssl_read(&ssl_, &nothing, 0);
      if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        peer_closed_ = true;
        return false;
      }
      if (mbedtls_ssl_get_bytes_avail(&ssl_) > 0) break;
      if (result == 0 && transport_ended_) {
        fail(Error{Errc::tls_truncated, 0, options_.host});
        return false;
      }
      if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) keep_session();
      // Empty records, tickets, warnings and answered requests are passed over while there is
      // input.
      const bool passed_over = result == 0 ||
                               result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET ||
                               result == MBEDTLS_ERR_SSL_WANT_WRITE ||
                               (result == MBEDTLS_ERR_SSL_WANT_READ && !starved_);
      if (passed_over || (result == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE && accept_key_update())) {
        if (++useless_records_ <= detail::kMaxUselessRecords) continue;
        fail(Error{Errc::tls_bad_record, 0, options_.host + ": records without data"});
        return false;
      }
      if (result != MBEDTLS_ERR_SSL_WANT_READ) fail_by_code(result);
      return false;
    }
    useless_records_ = 0;
    return true;
  }

  /// spec: RFC 8446 §4.6.3. False: the message was something else, or the keys cannot be made.
  bool accept_key_update() {
    const mix_key_update kind = mix_mbedtls_received_key_update(&ssl_);
    if (kind == MIX_KEY_UPDATE_NONE || mix_mbedtls_update_receive_keys(&ssl_) != 0) return false;
    // Several requests before we can write are answered by one update.
    if (kind == MIX_KEY_UPDATE_REQUESTED) key_update_owed_ = true;
    flush();
    return true;
  }

  /// Hands waiting ciphertext to the transport and moves the closing of our side along.
  void flush() {
    if (write_error_) return;
    if (!flush_output()) return;
    if (key_update_owed_ && closing_ != Closing::kDone) {
      key_update_owed_ = false;
      const int result = mix_mbedtls_send_key_update(&ssl_, 0);
      if (result != 0 && result != MBEDTLS_ERR_SSL_WANT_WRITE) return note_write_error(result);
      if (!flush_output()) return;
    }
    if (closing_ == Closing::kWanted) {
      closing_ = Closing::kNotified;
      const int result = mbedtls_ssl_close_notify(&ssl_);
      if (result != 0 && result != MBEDTLS_ERR_SSL_WANT_WRITE) return note_write_error(result);
      if (!flush_output()) return;
    }
    if (closing_ == Closing::kNotified) {
      closing_ = Closing::kDone;
      transport_->shutdown();
    }
  }

  /// True when mbedTLS holds no ciphertext any more.
  bool flush_output() {
    if (pending_output() == 0) return true;
    // While output waits, a write only flushes it, whatever its arguments.
    const std::uint8_t unused = 0;
    const int result = mbedtls_ssl_write(&ssl_, &unused, 1);
    if (result < 0 && result != MBEDTLS_ERR_SSL_WANT_WRITE) note_write_error(result);
    return pending_output() == 0;
  }

  [[nodiscard]] std::size_t pending_output() const { return ssl_.MBEDTLS_PRIVATE(out_left); }

  /// Plain bytes that one record takes.
  [[nodiscard]] std::size_t max_piece() const {
    const int size = mbedtls_ssl_get_max_out_record_payload(&ssl_);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }

  /// Writing is over, but what the peer sent before may still be read.
  void note_write_error(int code) { write_error_ = error_for(code); }

  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  void fail_by_code(int code) {
    Error error = error_for(code);
    if (transport_error_) return fail(std::move(error));
    if (const auto alert = alert_for(code)) {
      (void)mbedtls_ssl_send_alert_message(&ssl_, MBEDTLS_SSL_ALERT_LEVEL_FATAL, *alert);
    }
    // The peer should learn why; then it sees our end.
    transport_->shutdown();
    fail(std::move(error));
  }

  [[nodiscard]] Error error_for(int code) const {
    if (code == kTransportFailed && transport_error_) return *transport_error_;
    const auto detail = static_cast<std::uint32_t>(-code);
    if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
      const std::uint8_t alert = ssl_.MBEDTLS_PRIVATE(in_msg)[1];
      return {Errc::tls_alert, alert, options_.host + ": alert " + std::to_string(alert)};
    }
    if (is_certificate_error(code)) {
      const std::uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
      if (flags != 0 && flags != UINT32_MAX) {
        if (verifier_->pin_failed()) return {Errc::tls_pin_mismatch, flags, options_.host};
        return detail::verification_error(flags, options_.host);
      }
      return {Errc::tls_cert_invalid, detail, options_.host};
    }
    if (is_record_error(code)) return {Errc::tls_bad_record, detail, options_.host};
    if (code == MBEDTLS_ERR_SSL_CONN_EOF) {
      return {Errc::tls_handshake, detail, options_.host + ": the server closed the connection"};
    }
    return {Errc::tls_handshake, detail, options_.host};
  }

  static int send_callback(void* self, const unsigned char* bytes, std::size_t size) {
    auto& client = *static_cast<Client*>(self);
    const auto taken = client.transport_->write({bytes, size});
    if (!taken) {
      client.transport_error_ = taken.error();
      return kTransportFailed;
    }
    return *taken == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : static_cast<int>(*taken);
  }

  static int receive_callback(void* self, unsigned char* out, std::size_t size) {
    auto& client = *static_cast<Client*>(self);
    const std::size_t n = client.transport_->read({out, size});
    if (n > 0) return static_cast<int>(n);
    if (auto error = client.transport_->error()) {
      client.transport_error_ = std::move(error);
      return kTransportFailed;
    }
    if (client.transport_->at_end()) {
      client.transport_ended_ = true;
      return 0;
    }
    client.starved_ = true;
    return MBEDTLS_ERR_SSL_WANT_READ;
  }

  std::unique_ptr<net::Stream> transport_;
  ClientOptions options_;
  std::shared_ptr<TrustStore> trust_;
  const base::Clock& clock_;
  base::Rng& rng_;

  std::vector<const char*> alpn_names_;       // into options_, ends in null; mbedTLS keeps it
  std::optional<detail::Verifier> verifier_;  // config_ points to it
  mbedtls_ssl_config config_;
  mbedtls_ssl_context ssl_;

  Phase phase_ = Phase::kWaiting;
  Closing closing_ = Closing::kNone;
  base::Deadline handshake_deadline_;
  std::optional<Error> error_;
  std::optional<Error> write_error_;
  std::optional<Error> transport_error_;  // as the callbacks met it
  bool peer_closed_ = false;              // close_notify was read, hence all data before it
  bool transport_ended_ = false;          // end of the transport was handed to mbedTLS
  bool starved_ = false;                  // the last callback found no input
  bool key_update_owed_ = false;          // the peer asked for one
  std::size_t useless_records_ = 0;
};

}  // namespace

std::unique_ptr<ClientStream> connect(std::unique_ptr<net::Stream> transport, ClientOptions options,
                                      std::shared_ptr<TrustStore> trust, const base::Clock& clock,
                                      base::Rng& rng, base::TimePoint now) {
  auto client = std::make_unique<Client>(std::move(transport), std::move(options), std::move(trust),
                                         clock, rng);
  client->start(now);
  return client;
}

}  // namespace mix::tls
