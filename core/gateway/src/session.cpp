// All transitions of the client's session with its entry gateway; the picture is in session.h.
#include "mix/gateway/session.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "mix/gateway/authentication.h"
#include "mix/gateway/messages.h"

namespace mix::gateway {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using base::TimePoint;
using base::WallTime;

/// Refused packets in a row, each after a granted claim, until the gateway counts as unusable.
constexpr int kMaxFruitlessClaims = 3;
/// Bytes of a gateway's own words that an Error quotes.
constexpr std::size_t kMaxQuotedText = 200;

// --- states ---

struct Unopened {};
struct AwaitVersion {};
struct AwaitHandshakeAnswer {
  crypto::X25519KeyPair ephemeral;
  Salt salt{};
};
struct AwaitConfirmation {};
struct AwaitRegistration {};
struct AwaitAuthentication {};
struct Active {};
struct Failed {};
using State = std::variant<Unopened, AwaitVersion, AwaitHandshakeAnswer, AwaitConfirmation,
                           AwaitRegistration, AwaitAuthentication, Active, Failed>;

/// The start of a text, cut between UTF-8 sequences.
std::string quote(std::string_view text) {
  std::size_t size = std::min(text.size(), kMaxQuotedText);
  while (size > 0 && size < text.size() &&
         (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  return std::string{text.substr(0, size)};
}

/// Refusals come as free text only. A text that no longer matches reads as `fallback`, which leads
/// to the same cure or a more drastic one. spec: gateway §5, §8.
Error refusal(std::string_view text, Errc fallback) {
  struct Row {
    std::string_view part;
    Errc code;
  };
  constexpr Row kRows[] = {
      {"already an open connection", Errc::gateway_session_in_use},
      {"not registered", Errc::gateway_not_registered},
      {"excessively skewed", Errc::gateway_clock_skew},
      {"smaller or equal to one previously used", Errc::gateway_stale_login},
      {"stale authentication", Errc::gateway_stale_login},
      {"incompatible protocol", Errc::gateway_old_protocol},
  };
  for (const Row& row : kRows) {
    if (text.find(row.part) != std::string_view::npos) return Error{row.code, 0, quote(text)};
  }
  return Error{fallback, 0, quote(text)};
}

/// The gateway's words in an answer that is some kind of error, else nothing.
std::optional<std::string> error_text(const Response& response) {
  if (const auto* error = std::get_if<ErrorResponse>(&response)) return error->message;
  if (const auto* error = std::get_if<HandshakeError>(&response)) return error->message;
  if (const auto* error = std::get_if<TypedErrorResponse>(&response)) return error->name;
  if (std::holds_alternative<OutOfBandwidthResponse>(response)) return "out_of_bandwidth";
  return std::nullopt;
}

}  // namespace

class Session::Impl {
 public:
  Impl(const SessionConfig& config, const crypto::Ed25519KeyPair& identity,
       std::optional<SharedKey> known_key, base::Rng& rng, base::Log& log)
      : config_(config),
        identity_(identity),
        rng_(rng),
        log_(log),
        login_timestamp_(config.last_login_timestamp) {
    if (known_key) adopt(*std::move(known_key));
  }

  void opened(TimePoint now) {
    if (!std::holds_alternative<Unopened>(state_)) return;
    push_text(SupportedProtocolRequest{});
    enter(AwaitVersion{}, now);
  }

  void receive(const LinkFrame& frame, TimePoint now, WallTime wall_now) {
    if (std::holds_alternative<Unopened>(state_) || failed()) return;
    if (const auto* binary = std::get_if<BinaryFrame>(&frame)) return receive_binary(binary->bytes);
    auto response = decode_response(std::get<TextFrame>(frame).text);
    if (!response) {
      // Between packets a spoilt answer costs no more than itself.
      if (!active()) return fail(response.error());
      return drop_frame();
    }
    if (active()) {
      receive_while_active(*response, now);
    } else {
      receive_before_active(*response, now, wall_now);
    }
  }

  void closed() {
    if (failed()) return;
    const bool never_opened = std::holds_alternative<Unopened>(state_);
    fail(never_opened ? Errc::gateway_unreachable : Errc::gateway_closed);
  }

  Result<void> send(base::ByteView mix_packet) {
    if (!active()) return Errc::usage_not_ready;
    if (output_.size() >= config_.max_queued) return Errc::usage_queue_full;
    output_.emplace_back(BinaryFrame{
        seal_packet_frame(*cipher_, rng_.bytes<kNonceSize>(), packet_format(), mix_packet)});
    ++unanswered_packets_;
    return {};
  }

  void forget_me() {
    if (!active() || forgetting_) return;
    const auto nonce = rng_.bytes<kNonceSize>();
    const base::Bytes plaintext = encode_sensitive_request(ForgetMe{.client = true});
    push_text(EncryptedRequest{cipher_->seal(nonce, plaintext), nonce});
    forgetting_ = true;
  }

  std::optional<LinkFrame> poll_output() { return pop(output_); }
  std::optional<SessionEvent> poll_event() { return pop(events_); }

  base::Deadline next_deadline() const { return base::earlier(answer_deadline_, claim_deadline_); }

  void expire(TimePoint now) {
    if (base::is_due(answer_deadline_, now)) return fail(Errc::gateway_timeout);
    if (base::is_due(claim_deadline_, now)) claim_failed(Error{Errc::gateway_timeout});
  }

  bool active() const { return std::holds_alternative<Active>(state_); }
  PacketFormat packet_format() const { return packet_format_of(version_); }
  const std::optional<SharedKey>& shared_key() const { return shared_key_; }
  std::uint64_t login_timestamp() const { return login_timestamp_; }
  std::int64_t remaining_bandwidth() const { return remaining_; }
  std::uint64_t dropped_frames() const { return dropped_frames_; }

 private:
  // --- before packets may flow ---

  void receive_before_active(const Response& response, TimePoint now, WallTime wall_now) {
    if (const auto text = error_text(response)) {
      Errc fallback = Errc::gateway_refused;
      if (std::holds_alternative<HandshakeError>(response)) fallback = Errc::gateway_bad_handshake;
      // A gateway from before the version request knows no such message.
      if (std::holds_alternative<AwaitVersion>(state_)) fallback = Errc::gateway_old_protocol;
      return fail(refusal(*text, fallback));
    }
    // What is not the awaited answer is ignored: answers carry no id, and a gateway may send more
    // than one asked for. The deadline bounds the patience. spec: gateway §4.
    if (std::holds_alternative<AwaitVersion>(state_)) {
      if (const auto* answer = std::get_if<SupportedProtocolResponse>(&response)) {
        version_known(answer->version, now, wall_now);
      }
    } else if (std::holds_alternative<AwaitHandshakeAnswer>(state_)) {
      if (const auto* answer = std::get_if<HandshakePayload>(&response)) {
        handshake_answered(*answer, now);
      }
    } else if (std::holds_alternative<AwaitConfirmation>(state_)) {
      if (const auto* answer = std::get_if<HandshakePayload>(&response)) {
        if (const auto accepted = decode_handshake_confirmation(answer->data); !accepted) {
          return fail(accepted.error());
        }
        enter(AwaitRegistration{}, now);
      }
    } else if (std::holds_alternative<AwaitRegistration>(state_)) {
      if (const auto* answer = std::get_if<RegisterResponse>(&response)) {
        if (!answer->status) return fail(Errc::gateway_refused);
        activate(Activated::How::kRegistered, /*bandwidth=*/0, answer->upgrade_mode, now);
      }
    } else if (std::holds_alternative<AwaitAuthentication>(state_)) {
      if (const auto* answer = std::get_if<AuthenticateResponse>(&response)) {
        if (!answer->status) return fail(Errc::gateway_refused);
        activate(Activated::How::kAuthenticated, answer->bandwidth_remaining, answer->upgrade_mode,
                 now);
      }
    }
  }

  void version_known(std::uint8_t theirs, TimePoint now, WallTime wall_now) {
    if (theirs < kOldestProtocolVersion) return fail(Error{Errc::gateway_old_protocol, theirs});
    version_ = std::min(kProtocolVersion, theirs);
    if (shared_key_) {
      authenticate(now, wall_now);
    } else {
      start_registration(now);
    }
  }

  void authenticate(TimePoint now, WallTime wall_now) {
    const auto now_seconds = static_cast<std::uint64_t>(
        std::chrono::floor<std::chrono::seconds>(wall_now).time_since_epoch().count());
    // Whole seconds, and no two logins may share one. spec: gateway §5.
    login_timestamp_ = std::max(now_seconds, login_timestamp_ + 1);
    push_text(build_authentication(identity_, *shared_key_, version_, login_timestamp_,
                                   rng_.bytes<kNonceSize>()));
    enter(AwaitAuthentication{}, now);
  }

  void start_registration(TimePoint now) {
    AwaitHandshakeAnswer next{crypto::X25519KeyPair::generate(rng_), rng_.bytes<kSaltSize>()};
    push_text(HandshakePayload{
        version_,
        encode_handshake_init({identity_.public_key, next.ephemeral.public_key, next.salt})});
    enter(std::move(next), now);
  }

  void handshake_answered(const HandshakePayload& answer, TimePoint now) {
    // 0 stands for a gateway that leaves the field out; it stays with what we proposed.
    if (answer.protocol_version != 0) {
      if (answer.protocol_version < kOldestProtocolVersion ||
          answer.protocol_version > kProtocolVersion) {
        return fail(Error{Errc::gateway_old_protocol, answer.protocol_version});
      }
      version_ = answer.protocol_version;
    }
    auto& sent = std::get<AwaitHandshakeAnswer>(state_);
    auto opened =
        open_handshake_answer(answer.data, config_.gateway_identity, sent.ephemeral, sent.salt);
    if (!opened) return fail(opened.error());
    push_text(HandshakePayload{
        version_,
        build_handshake_proof(identity_, sent.ephemeral.public_key, opened->gateway_ephemeral,
                              opened->key, rng_.bytes<kNonceSize>())});
    adopt(std::move(opened->key));
    enter(AwaitConfirmation{}, now);
  }

  void activate(Activated::How how, std::int64_t bandwidth, bool upgrade_mode, TimePoint now) {
    state_ = Active{};
    answer_deadline_.reset();
    events_.emplace_back(Activated{how, version_});
    log_.event("gateway.active", version_);
    note_balance(bandwidth, upgrade_mode, now);
  }

  // --- while packets flow ---

  void receive_while_active(const Response& response, TimePoint now) {
    if (const auto* answer = std::get_if<SendResponse>(&response)) {
      packet_answered();
      fruitless_claims_ = 0;
      out_of_bandwidth_ = false;
      note_balance(answer->remaining_bandwidth, answer->upgrade_mode, now);
    } else if (const auto* refused = std::get_if<OutOfBandwidthResponse>(&response)) {
      packet_answered();
      packet_refused(*refused, now);
    } else if (const auto* balance = std::get_if<BandwidthResponse>(&response)) {
      claim_answered(*balance, now);
    } else if (const auto* sealed = std::get_if<EncryptedResponse>(&response)) {
      sensitive_answered(*sealed);
    } else if (const auto text = error_text(response)) {
      error_answered(*text);
    }
    // Anything else answers a question that we did not ask.
  }

  /// Answers come in the order of requests, one for each packet: so an error that answers the claim
  /// is told from one that answers a packet by counting.
  void packet_answered() {
    if (unanswered_packets_ > 0) --unanswered_packets_;
    if (packets_before_claim_ > 0) --packets_before_claim_;
  }

  void packet_refused(const OutOfBandwidthResponse& refused, TimePoint now) {
    if (events_.size() < config_.max_queued) events_.emplace_back(OutOfBandwidth{});
    out_of_bandwidth_ = true;
    if (fruitless_claims_ >= kMaxFruitlessClaims) return fail(Errc::gateway_out_of_bandwidth);
    // Only says that this packet is too large: a claim follows in any case.
    remaining_ = refused.available;
    claim(now);
  }

  void note_balance(std::int64_t bytes, bool upgrade_mode, TimePoint now) {
    remaining_ = bytes;
    if (remaining_ >= config_.claim_below) claim_on_low_balance_ = true;
    // In upgrade mode nothing is metered. spec: gateway §6.
    if (remaining_ < config_.claim_below && claim_on_low_balance_ && !upgrade_mode) claim(now);
  }

  void claim(TimePoint now) {
    if (claim_deadline_) return;  // one at a time
    push_text(ClaimFreeBandwidthRequest{});
    claim_deadline_ = now + config_.claim_timeout;
    packets_before_claim_ = unanswered_packets_;
    // A grant below the threshold must not lead to a claim after each packet.
    claim_on_low_balance_ = false;
  }

  void claim_answered(const BandwidthResponse& answer, TimePoint now) {
    const bool awaited = claim_deadline_.has_value();
    claim_deadline_.reset();
    if (awaited) ++fruitless_claims_;
    if (awaited && answer.available_total <= 0 && !answer.upgrade_mode) {
      return fail(Errc::gateway_out_of_bandwidth);
    }
    note_balance(answer.available_total, answer.upgrade_mode, now);
  }

  /// Fatal only when nothing is left to spend.
  void claim_failed(Error error) {
    claim_deadline_.reset();
    log_.event("gateway.claim_failed", static_cast<std::int64_t>(error.code));
    if (out_of_bandwidth_ || remaining_ <= 0) fail(std::move(error));
  }

  void error_answered(const std::string& text) {
    log_.event("gateway.error_answer", static_cast<std::int64_t>(unanswered_packets_));
    if (claim_deadline_ && packets_before_claim_ == 0) {
      claim_failed(Error{Errc::gateway_out_of_bandwidth, 0, quote(text)});
    } else {
      packet_answered();
    }
  }

  void sensitive_answered(const EncryptedResponse& sealed) {
    const auto plaintext = cipher_->open(sealed.nonce, sealed.ciphertext);
    if (!plaintext) return drop_frame();
    const auto response = decode_sensitive_response(*plaintext);
    if (!response) return drop_frame();
    if (*response == SensitiveResponse::kForgetMeAck && std::exchange(forgetting_, false)) {
      events_.emplace_back(Forgotten{});
    }
  }

  // --- at any time ---

  /// Stored messages come before the answer to registration or authentication; the key is known by
  /// then. spec: gateway §9.
  void receive_binary(base::ByteView frame) {
    if (!cipher_) return drop_frame();
    auto plaintext = open_push_frame(*cipher_, frame);
    if (!plaintext || events_.size() >= config_.max_queued) return drop_frame();
    events_.emplace_back(Delivered{std::move(*plaintext)});
  }

  /// Differs: the reference ends the connection on an unreadable frame. spec: gateway §7.2.
  void drop_frame() {
    ++dropped_frames_;
    log_.event("gateway.frame_dropped", static_cast<std::int64_t>(dropped_frames_));
  }

  void adopt(SharedKey key) {
    cipher_.emplace(key);
    shared_key_ = std::move(key);
  }

  template <class Next>
  void enter(Next next, TimePoint now) {
    state_ = std::move(next);
    answer_deadline_ = now + config_.answer_timeout;
  }

  bool failed() const { return std::holds_alternative<Failed>(state_); }

  void fail(Error error) {
    if (failed()) return;
    log_.event("gateway.failed", static_cast<std::int64_t>(error.code));
    state_ = Failed{};
    answer_deadline_.reset();
    claim_deadline_.reset();
    output_.clear();
    events_.emplace_back(SessionFailed{std::move(error)});
  }

  void fail(Errc code) { fail(Error{code}); }

  void push_text(const Request& request) {
    output_.emplace_back(TextFrame{encode_request(request)});
  }

  template <class T>
  static std::optional<T> pop(std::deque<T>& queue) {
    if (queue.empty()) return std::nullopt;
    T front = std::move(queue.front());
    queue.pop_front();
    return front;
  }

  const SessionConfig config_;
  const crypto::Ed25519KeyPair& identity_;
  base::Rng& rng_;
  base::Log& log_;

  State state_;
  base::Deadline answer_deadline_;
  std::uint8_t version_ = kProtocolVersion;
  std::optional<SharedKey> shared_key_;
  std::optional<crypto::GcmSiv> cipher_;
  std::uint64_t login_timestamp_;
  bool forgetting_ = false;

  std::int64_t remaining_ = 0;
  bool claim_on_low_balance_ = true;
  bool out_of_bandwidth_ = false;
  base::Deadline claim_deadline_;  // set while a claim is under way
  int fruitless_claims_ = 0;       // granted since the last forwarded packet
  std::uint64_t unanswered_packets_ = 0;
  std::uint64_t packets_before_claim_ = 0;  // still to be answered before the claim is

  std::deque<LinkFrame> output_;
  std::deque<SessionEvent> events_;
  std::uint64_t dropped_frames_ = 0;
};

Session::Session(const SessionConfig& config, const crypto::Ed25519KeyPair& identity,
                 std::optional<SharedKey> known_key, base::Rng& rng, base::Log& log)
    : impl_(std::make_unique<Impl>(config, identity, std::move(known_key), rng, log)) {}
Session::~Session() = default;

void Session::opened(TimePoint now, WallTime /*wall_now*/) { impl_->opened(now); }
void Session::receive(const LinkFrame& frame, TimePoint now, WallTime wall_now) {
  impl_->receive(frame, now, wall_now);
}
void Session::closed(TimePoint /*now*/) { impl_->closed(); }
Result<void> Session::send(base::ByteView mix_packet) { return impl_->send(mix_packet); }
void Session::forget_me() { impl_->forget_me(); }
std::optional<LinkFrame> Session::poll_output() { return impl_->poll_output(); }
std::optional<SessionEvent> Session::poll_event() { return impl_->poll_event(); }
base::Deadline Session::next_deadline() const { return impl_->next_deadline(); }
void Session::expire(TimePoint now) { impl_->expire(now); }
bool Session::active() const { return impl_->active(); }
PacketFormat Session::packet_format() const { return impl_->packet_format(); }
const std::optional<SharedKey>& Session::shared_key() const { return impl_->shared_key(); }
std::uint64_t Session::login_timestamp() const { return impl_->login_timestamp(); }
std::int64_t Session::remaining_bandwidth() const { return impl_->remaining_bandwidth(); }
std::uint64_t Session::dropped_frames() const { return impl_->dropped_frames(); }

}  // namespace mix::gateway
