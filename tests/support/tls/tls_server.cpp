#include "tls_server.h"

#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mix_tls13_key_update.h>

#include <algorithm>
#include <utility>

#include "mix/base/panic.h"
#include "platform.h"

// mbedTLS' own functions for sending a record; not in its public headers.
extern "C" int mbedtls_ssl_write_record(mbedtls_ssl_context* ssl, int force_flush);
extern "C" int mbedtls_ssl_flush_output(mbedtls_ssl_context* ssl);

namespace mix::test {

/// mbedTLS' tickets, counted.
class TicketKeys::Impl {
 public:
  Impl(const base::Clock& clock, base::Rng& rng) : clock_(clock), rng_(rng) {
    const tls::detail::PlatformScope scope{clock_, rng_};
    mbedtls_ssl_ticket_init(&context_);
    const auto fill = [](void* source, unsigned char* out, std::size_t size) {
      static_cast<base::Rng*>(source)->fill({out, size});
      return 0;
    };
    constexpr std::uint32_t kLifetime = 3600;  // seconds
    if (mbedtls_ssl_ticket_setup(&context_, fill, &rng_, MBEDTLS_CIPHER_AES_256_GCM, kLifetime) !=
        0) {
      base::panic("tls_server: no ticket keys");
    }
  }
  ~Impl() { mbedtls_ssl_ticket_free(&context_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void configure(mbedtls_ssl_config& config) {
    mbedtls_ssl_conf_session_tickets_cb(&config, &Impl::write, &Impl::parse, this);
  }

  std::size_t issued = 0, accepted = 0;

 private:
  static int write(void* self, const mbedtls_ssl_session* session, unsigned char* start,
                   const unsigned char* end, std::size_t* size, std::uint32_t* lifetime) {
    auto& keys = *static_cast<Impl*>(self);
    ++keys.issued;
    return mbedtls_ssl_ticket_write(&keys.context_, session, start, end, size, lifetime);
  }
  static int parse(void* self, mbedtls_ssl_session* session, unsigned char* ticket,
                   std::size_t size) {
    auto& keys = *static_cast<Impl*>(self);
    const int result = mbedtls_ssl_ticket_parse(&keys.context_, session, ticket, size);
    if (result == 0) ++keys.accepted;
    return result;
  }

  const base::Clock& clock_;
  base::Rng& rng_;
  mbedtls_ssl_ticket_context context_{};
};

TicketKeys::TicketKeys(const base::Clock& clock, base::Rng& rng)
    : impl_(std::make_unique<Impl>(clock, rng)) {}
TicketKeys::~TicketKeys() = default;
std::size_t TicketKeys::issued() const { return impl_->issued; }
std::size_t TicketKeys::accepted() const { return impl_->accepted; }

namespace {

using net::StreamState;

constexpr std::size_t kMaxPlain = 16384;  // bytes of one record

void must(int result) {
  if (result != 0) base::panic("tls_server: mbedTLS refused");
}

int fill_random(void* rng, unsigned char* out, std::size_t size) {
  static_cast<base::Rng*>(rng)->fill({out, size});
  return 0;
}

mbedtls_ssl_protocol_version number_of(TlsVersion version) {
  return version == TlsVersion::k12 ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;
}

class Server final : public TlsServerStream {
 public:
  Server(std::unique_ptr<net::Stream> transport, TlsServerOptions options, const base::Clock& clock,
         base::Rng& rng)
      : transport_(std::move(transport)), options_(std::move(options)), clock_(clock), rng_(rng) {
    const tls::detail::PlatformScope scope{clock_, rng_};
    mbedtls_ssl_config_init(&config_);
    mbedtls_ssl_init(&ssl_);
    mbedtls_x509_crt_init(&chain_);
    must(mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                     MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(&config_, &fill_random, &rng_);
    mbedtls_ssl_conf_min_tls_version(&config_, number_of(options_.min_version));
    mbedtls_ssl_conf_max_tls_version(&config_, number_of(options_.max_version));
    mbedtls_ssl_conf_authmode(&config_, options_.ask_for_client_certificate
                                            ? MBEDTLS_SSL_VERIFY_OPTIONAL
                                            : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_sni(&config_, &Server::note_server_name, this);
    if (!options_.ciphersuites.empty()) {
      options_.ciphersuites.push_back(0);
      mbedtls_ssl_conf_ciphersuites(&config_, options_.ciphersuites.data());
    }
    if (!options_.groups.empty()) {
      options_.groups.push_back(MBEDTLS_SSL_IANA_TLS_GROUP_NONE);
      mbedtls_ssl_conf_groups(&config_, options_.groups.data());
    }
    if (!options_.alpn.empty()) {
      for (const std::string& name : options_.alpn) alpn_.push_back(name.c_str());
      alpn_.push_back(nullptr);
      must(mbedtls_ssl_conf_alpn_protocols(&config_, alpn_.data()));
    }
    if (options_.tickets != nullptr) options_.tickets->impl().configure(config_);
    for (const base::Bytes& der : options_.identity.chain) {
      must(mbedtls_x509_crt_parse_der_with_ext_cb(&chain_, der.data(), der.size(), 1,
                                                  &Server::accept_extension, nullptr));
    }
    // This server presents any certificate, even one that forbids it.
    chain_.MBEDTLS_PRIVATE(ext_types) &=
        ~(MBEDTLS_X509_EXT_KEY_USAGE | MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE);
    auto* key = static_cast<mbedtls_pk_context*>(TestKeyAccess::context(*options_.identity.key));
    must(mbedtls_ssl_conf_own_cert(&config_, &chain_, key));
    must(mbedtls_ssl_setup(&ssl_, &config_));
    mbedtls_ssl_set_bio(&ssl_, this, &Server::send_callback, &Server::receive_callback, nullptr);
  }
  ~Server() override {
    mbedtls_ssl_free(&ssl_);
    mbedtls_x509_crt_free(&chain_);
    mbedtls_ssl_config_free(&config_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] StreamState state() const override {
    if (error_) return StreamState::kFailed;
    if (!open_) return StreamState::kConnecting;
    if (!peer_closed_) return StreamState::kOpen;
    return closed_ ? StreamState::kClosed : StreamState::kPeerClosed;
  }
  [[nodiscard]] std::optional<base::Error> error() const override { return error_; }

  std::size_t read(base::MutByteView out) override {
    const tls::detail::PlatformScope scope{clock_, rng_};
    pull();
    const std::size_t n = std::min(out.size(), plain_.size());
    std::copy_n(plain_.begin(), n, out.begin());
    plain_.erase(plain_.begin(), plain_.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }
  [[nodiscard]] std::size_t readable() const override { return plain_.size(); }
  [[nodiscard]] bool at_end() const override { return !error_ && peer_closed_ && plain_.empty(); }

  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override {
    if (error_) return *error_;
    if (closing_) return base::Errc::net_closed;
    if (!open_) return std::size_t{0};
    const tls::detail::PlatformScope scope{clock_, rng_};
    std::size_t total = 0;
    const auto record = static_cast<std::size_t>(mbedtls_ssl_get_max_out_record_payload(&ssl_));
    while (total < bytes.size() && writable() > 0) {
      const base::ByteView piece = bytes.subspan(total, std::min(bytes.size() - total, record));
      const int n = mbedtls_ssl_write(&ssl_, piece.data(), piece.size());
      if (n > 0) {
        total += static_cast<std::size_t>(n);
      } else if (n == MBEDTLS_ERR_SSL_WANT_WRITE) {
        total += piece.size();
      } else {
        fail(n);
        break;
      }
    }
    return total;
  }
  [[nodiscard]] std::size_t writable() const override {
    return open_ && !error_ && !closing_ && waiting() == 0 && transport_->writable() > 0 ? kMaxPlain
                                                                                         : 0;
  }
  [[nodiscard]] std::size_t unacknowledged() const override {
    return waiting() + transport_->unacknowledged();
  }
  void shutdown() override {
    closing_ = true;
    const tls::detail::PlatformScope scope{clock_, rng_};
    flush();
  }
  void abort() override {
    transport_->abort();
    if (!error_) error_ = base::Error{base::Errc::net_closed};
  }
  void advance(base::TimePoint now) override {
    transport_->advance(now);
    if (error_) return;
    const tls::detail::PlatformScope scope{clock_, rng_};
    if (!open_) {
      int result = 0;
      do {
        starved_ = false;
        result = mbedtls_ssl_handshake(&ssl_);
      } while (result == MBEDTLS_ERR_SSL_WANT_READ && !starved_);
      if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) return;
      if (result != 0) return fail(result);
      open_ = true;
    }
    flush();
    pull();
  }
  [[nodiscard]] base::Deadline next_deadline() const override {
    return transport_->next_deadline();
  }

  [[nodiscard]] std::string_view server_name() const override { return server_name_; }
  [[nodiscard]] std::string_view alpn() const override {
    const char* name = mbedtls_ssl_get_alpn_protocol(&ssl_);
    return name == nullptr ? std::string_view{} : std::string_view{name};
  }
  [[nodiscard]] std::size_t key_updates() const override { return key_updates_; }
  void send_alert(std::uint8_t level, std::uint8_t description) override {
    const tls::detail::PlatformScope scope{clock_, rng_};
    must(mbedtls_ssl_send_alert_message(&ssl_, level, description));
  }
  void send_handshake_message(base::ByteView message) override {
    const tls::detail::PlatformScope scope{clock_, rng_};
    ssl_.MBEDTLS_PRIVATE(out_msgtype) = MBEDTLS_SSL_MSG_HANDSHAKE;
    std::copy(message.begin(), message.end(), ssl_.MBEDTLS_PRIVATE(out_msg));
    ssl_.MBEDTLS_PRIVATE(out_msglen) = message.size();
    // Without a handshake in progress the message is sent as it stands.
    must(mbedtls_ssl_write_record(&ssl_, 1));
  }
  void update_keys() override {
    const tls::detail::PlatformScope scope{clock_, rng_};
    must(mix_mbedtls_send_key_update(&ssl_, 1));
  }
  void end_without_notice() override {
    closing_ = closed_ = true;
    transport_->shutdown();
  }

 private:
  [[nodiscard]] std::size_t waiting() const { return ssl_.MBEDTLS_PRIVATE(out_left); }

  void pull() {
    while (open_ && !error_ && !peer_closed_ && plain_.size() < kMaxPlain) {
      base::Bytes piece(kMaxPlain);
      starved_ = false;
      const int n = mbedtls_ssl_read(&ssl_, piece.data(), piece.size());
      if (n > 0) {
        plain_.insert(plain_.end(), piece.begin(), piece.begin() + n);
      } else if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || (n == 0 && ended_)) {
        peer_closed_ = true;
      } else if (n == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE &&
                 mix_mbedtls_received_key_update(&ssl_) != MIX_KEY_UPDATE_NONE) {
        must(mix_mbedtls_update_receive_keys(&ssl_));
        ++key_updates_;
      } else if (n != 0 && (n != MBEDTLS_ERR_SSL_WANT_READ || starved_)) {
        if (n != MBEDTLS_ERR_SSL_WANT_READ && n != MBEDTLS_ERR_SSL_WANT_WRITE) fail(n);
        return;
      }
    }
  }
  void flush() {
    if (waiting() > 0) (void)mbedtls_ssl_flush_output(&ssl_);
    if (!closing_ || closed_ || waiting() > 0) return;
    if (!notified_) {
      notified_ = true;
      (void)mbedtls_ssl_close_notify(&ssl_);
      if (waiting() > 0) return;
    }
    closed_ = true;
    transport_->shutdown();
  }
  void fail(int code) {
    error_ = transport_->error();
    if (error_) return;
    if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
      error_ = base::Error{base::Errc::tls_alert, ssl_.MBEDTLS_PRIVATE(in_msg)[1]};
    } else {
      error_ = base::Error{base::Errc::tls_handshake, static_cast<std::uint32_t>(-code)};
    }
    transport_->shutdown();
  }

  static int accept_extension(void*, const mbedtls_x509_crt*, const mbedtls_x509_buf*, int,
                              const unsigned char*, const unsigned char*) {
    return 0;
  }
  static int note_server_name(void* self, mbedtls_ssl_context*, const unsigned char* name,
                              std::size_t size) {
    static_cast<Server*>(self)->server_name_ = base::to_string({name, size});
    return 0;
  }
  static int send_callback(void* self, const unsigned char* bytes, std::size_t size) {
    const auto taken = static_cast<Server*>(self)->transport_->write({bytes, size});
    if (!taken) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    return *taken == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : static_cast<int>(*taken);
  }
  static int receive_callback(void* self, unsigned char* out, std::size_t size) {
    auto& server = *static_cast<Server*>(self);
    const std::size_t n = server.transport_->read({out, size});
    if (n > 0) return static_cast<int>(n);
    if (server.transport_->error()) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    if (server.transport_->at_end()) {
      server.ended_ = true;
      return 0;
    }
    server.starved_ = true;
    return MBEDTLS_ERR_SSL_WANT_READ;
  }

  std::unique_ptr<net::Stream> transport_;
  TlsServerOptions options_;
  const base::Clock& clock_;
  base::Rng& rng_;
  std::vector<const char*> alpn_;
  mbedtls_x509_crt chain_;
  mbedtls_ssl_config config_;
  mbedtls_ssl_context ssl_;
  base::Bytes plain_;
  std::string server_name_;
  std::optional<base::Error> error_;
  bool open_ = false;
  bool peer_closed_ = false;
  bool closing_ = false;
  bool notified_ = false;
  bool closed_ = false;
  bool ended_ = false;
  bool starved_ = false;
  std::size_t key_updates_ = 0;
};

}  // namespace

std::unique_ptr<TlsServerStream> accept_tls(std::unique_ptr<net::Stream> transport,
                                            TlsServerOptions options, const base::Clock& clock,
                                            base::Rng& rng) {
  return std::make_unique<Server>(std::move(transport), std::move(options), clock, rng);
}

}  // namespace mix::test
