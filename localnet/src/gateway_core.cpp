// The entry gateway's side of the client protocol. spec: gateway §2 to §9.
#include "mix/localnet/gateway_core.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "mix/gateway/authentication.h"
#include "mix/gateway/frames.h"

namespace mix::localnet {
namespace {

using base::Errc;

// Texts of spec: gateway §8; clients may match on "not registered".
constexpr std::string_view kOnlyLogins = "Only 'Register' or 'Authenticate' requests are allowed";
constexpr std::string_view kPrematurePacket =
    "possibly received a sphinx packet without prior authentication. Request is going to be "
    "ignored";
constexpr std::string_view kUnexpectedPing =
    "received a Message of type ping which was not expected in this context";
constexpr std::string_view kSilence = "timed out while waiting for initial data";
constexpr std::string_view kOpenSession = "There is already an open connection to this client";
constexpr std::string_view kStaleLogin =
    "attempted to overwrite client session with a stale authentication";
constexpr std::string_view kLegacyLogin =
    "the legacy authentication method is no longer supported. please update your client";
constexpr std::string_view kUnknownClient = "the client is not registered";
constexpr std::string_view kBadAddressCiphertext = "failed to verify provided address ciphertext";
constexpr std::string_view kReplayedLogin =
    "the provided request timestamp is smaller or equal to one previously used";
constexpr std::string_view kBadRequestSignature = "failed to verify the provided request signature";
constexpr std::string_view kMalformedHandshake = "sent request was malformed";
constexpr std::string_view kHandshakeFailed = "Failed to perform registration handshake: ";
constexpr std::string_view kMalformedText = "Provided text request was malformed - ";
constexpr std::string_view kMalformedBinary = "Provided binary request was malformed - ";
constexpr std::string_view kUndecryptable = "failed to either encrypt or decrypt provided message";
constexpr std::string_view kUnknownKind = "received request with an unknown kind: ";
constexpr std::string_view kBadPacket = "failed to serialise created sphinx packet: ";
constexpr std::string_view kUndecryptableText = "failed to decrypt provided text request";
constexpr std::string_view kWrongContext =
    "The received request is not valid in the current context: ";
constexpr std::string_view kUnknownText = "received a text request of an unknown type";
constexpr std::string_view kOnlyCredentials =
    "this gateway accepts only coconut credentials for bandwidth";
constexpr std::string_view kLegacyCredential = "coconut credential are not longer supported";
constexpr std::string_view kTicketRefused =
    "failed to verify the provided ticket: this gateway has no keys to verify one with";
constexpr std::string_view kTokenRefused =
    "failed to verify the provided upgrade mode token: there is no attestation";
constexpr std::string_view kRegistrationsClosed = "registrations are not accepted at the moment";

std::string text(std::string_view head, std::string_view tail) {
  std::string out(head);
  out += tail;
  return out;
}

std::uint64_t unix_seconds(base::WallTime time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

base::WallTime midnight(base::WallTime time) { return std::chrono::floor<std::chrono::days>(time); }

std::string incompatible_version(unsigned version) {
  return "Attempted to negotiate connection with client using incompatible protocol version. "
         "Ours is " +
         std::to_string(gateway::kProtocolVersion) + " and the client reports " +
         std::to_string(version);
}

}  // namespace

GatewayCore::GatewayCore(const GatewayConfig& config, const crypto::Ed25519KeyPair& identity,
                         base::Rng& rng)
    : config_(config), identity_(identity), rng_(rng) {}

std::optional<LinkId> GatewayCore::open(base::TimePoint now) {
  if (links_.size() >= config_.max_links) return std::nullopt;
  const LinkId link = next_link_++;
  links_.emplace(link, AwaitingRequest{now + kInitialDataTimeout});
  return link;
}

void GatewayCore::receive(LinkId link, const gateway::LinkFrame& frame, base::TimePoint now,
                          base::WallTime wall_now) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  State& state = found->second;
  if (std::holds_alternative<AwaitingRequest>(state)) {
    receive_initial(link, frame, now, wall_now);
  } else if (std::holds_alternative<AwaitingProof>(state)) {
    receive_in_handshake(link, frame, wall_now);
  } else if (auto* waiting = std::get_if<AwaitingOldSession>(&state)) {
    // A connection is handled strictly in order: this comes after the decision on the log-in.
    if (waiting->waiting.size() >= config_.max_waiting_frames) {
      drop(link);
    } else {
      waiting->waiting.push_back(frame);
    }
  } else {
    receive_active(link, std::get<Active>(state), frame, wall_now);
  }
}

void GatewayCore::receive_initial(LinkId link, const gateway::LinkFrame& frame, base::TimePoint now,
                                  base::WallTime wall_now) {
  const auto* text_frame = std::get_if<gateway::TextFrame>(&frame);
  if (text_frame == nullptr) return refuse(link, std::string(kPrematurePacket));
  auto request = gateway::decode_request(text_frame->text);
  if (!request.has_value()) return refuse(link, std::string(kOnlyLogins));

  if (std::holds_alternative<gateway::SupportedProtocolRequest>(*request)) {
    send(link, gateway::SupportedProtocolResponse{gateway::kProtocolVersion});
    links_.at(link) = AwaitingRequest{now + kInitialDataTimeout};
  } else if (const auto* payload = std::get_if<gateway::HandshakePayload>(&*request)) {
    begin_registration(link, *payload, now);
  } else if (const auto* login = std::get_if<gateway::AuthenticateV2Request>(&*request)) {
    authenticate(link, *login, now, wall_now);
  } else if (std::holds_alternative<gateway::LegacyAuthenticateRequest>(*request)) {
    refuse_doubled(link, std::string(kLegacyLogin));
  } else {
    refuse(link, std::string(kOnlyLogins));
  }
}

// --- registration; spec: gateway §4 ---

void GatewayCore::begin_registration(LinkId link, const gateway::HandshakePayload& payload,
                                     base::TimePoint now) {
  // No version is too old here, only in log-ins: published clients propose 3, which stands for the
  // AEAD of this very handshake, and log in with a later version.
  const std::uint8_t version = std::min(payload.protocol_version, gateway::kProtocolVersion);
  const auto init = gateway::decode_handshake_init(payload.data);
  if (!init.has_value() || !crypto::is_ed25519_point(init->client_identity)) {
    return refuse_handshake(link, std::string(kMalformedHandshake));
  }
  if (sessions_.contains(init->client_identity)) {
    return refuse_doubled(link, std::string(kOpenSession));
  }
  const bool is_new = !clients_.contains(init->client_identity);
  if (config_.registrations == Registrations::kRefused ||
      (is_new && clients_.size() >= config_.max_clients)) {
    return refuse_handshake(link, std::string(kRegistrationsClosed));
  }
  const auto ephemeral = crypto::X25519KeyPair::generate(rng_);
  auto key = gateway::derive_shared_key(ephemeral.secret, init->client_ephemeral, init->salt);
  if (!key.has_value()) return refuse_handshake(link, std::string(kMalformedHandshake));

  send(link, gateway::HandshakePayload{
                 version, gateway::build_handshake_answer(identity_, ephemeral.public_key,
                                                          init->client_ephemeral, *key,
                                                          rng_.bytes<gateway::kNonceSize>())});
  links_.at(link) =
      AwaitingProof{now + kHandshakeTimeout, *init, ephemeral.public_key, *std::move(key), version};
}

void GatewayCore::receive_in_handshake(LinkId link, const gateway::LinkFrame& frame,
                                       base::WallTime wall_now) {
  // Anything but handshake messages is ignored here. spec: gateway §4
  const auto* text_frame = std::get_if<gateway::TextFrame>(&frame);
  if (text_frame == nullptr) return;
  const auto request = gateway::decode_request(text_frame->text);
  if (!request.has_value()) return;
  if (const auto* payload = std::get_if<gateway::HandshakePayload>(&*request)) {
    finish_registration(link, std::get<AwaitingProof>(links_.at(link)), *payload, wall_now);
  } else if (std::holds_alternative<gateway::HandshakeError>(*request)) {
    refuse_doubled(link, text(kHandshakeFailed, "the client gave up"));
  }
}

void GatewayCore::finish_registration(LinkId link, AwaitingProof& state,
                                      const gateway::HandshakePayload& payload,
                                      base::WallTime wall_now) {
  const auto proven =
      gateway::verify_handshake_proof(payload.data, state.init, state.own_ephemeral, state.key);
  if (!proven.has_value()) return refuse_handshake(link, std::string(kMalformedHandshake));
  const Identity identity = state.init.client_identity;
  if (sessions_.contains(identity)) {
    // Another connection of the same client was faster.
    return refuse_doubled(link, std::string(kOpenSession));
  }
  const std::uint8_t version = state.version;
  const auto [entry, is_new] = clients_.try_emplace(identity);
  Client& client = entry->second;
  client.key = std::move(state.key);
  if (is_new) client.balance = config_.initial_bytes;
  ++stats_.registrations;
  send(link, gateway::HandshakePayload{version, gateway::encode_handshake_confirmation()});
  activate(link, identity, client, unix_seconds(wall_now), wall_now);
  send(link, gateway::RegisterResponse{version, true, false});
}

// --- authentication; spec: gateway §5 ---

void GatewayCore::authenticate(LinkId link, const gateway::AuthenticateV2Request& request,
                               base::TimePoint now, base::WallTime wall_now) {
  const auto verified = gateway::verify_authentication(request, wall_now);
  if (!verified.has_value()) {
    switch (verified.error().code) {
      case Errc::gateway_old_protocol:
        return refuse_doubled(link, incompatible_version(request.protocol_version));
      case Errc::gateway_clock_skew:
        return refuse_doubled(link, "the provided request timestamp is excessively skewed. got " +
                                        std::to_string(request.unix_timestamp) +
                                        " whilst the server time is " +
                                        std::to_string(unix_seconds(wall_now)));
      default:
        return refuse_doubled(link, std::string(kBadRequestSignature));
    }
  }
  admit(link, request, now, wall_now);
}

void GatewayCore::admit(LinkId link, const gateway::AuthenticateV2Request& request,
                        base::TimePoint now, base::WallTime wall_now) {
  const Identity identity = request.client_identity;
  const auto found = clients_.find(identity);
  if (found == clients_.end()) return refuse_doubled(link, std::string(kUnknownClient));
  Client& client = found->second;
  if (!gateway::verify_authentication_key(request, client.key).has_value()) {
    return refuse_doubled(link, std::string(kBadAddressCiphertext));
  }
  if (client.last_login && request.unix_timestamp <= *client.last_login) {
    return refuse_doubled(link, std::string(kReplayedLogin));
  }
  if (const auto session = sessions_.find(identity); session != sessions_.end()) {
    const LinkId old_link = session->second;
    if (request.unix_timestamp <= std::get<Active>(links_.at(old_link)).since) {
      return refuse_doubled(link, std::string(kStaleLogin));
    }
    AwaitingOldSession waiting{
        now + kSessionPingTimeout, request, old_link, rng_.bytes<kSessionPingSize>(), {}};
    if (auto* previous = std::get_if<AwaitingOldSession>(&links_.at(link))) {
      waiting.waiting = std::move(previous->waiting);
    }
    outputs_.emplace_back(PingClient{old_link, waiting.ping});
    links_.at(link) = std::move(waiting);
    return;
  }
  client.last_login = request.unix_timestamp;
  ++stats_.authentications;
  std::deque<gateway::LinkFrame> waiting;
  if (auto* previous = std::get_if<AwaitingOldSession>(&links_.at(link))) {
    waiting = std::move(previous->waiting);
  }
  activate(link, identity, client, request.unix_timestamp, wall_now);
  send(link, gateway::AuthenticateResponse{request.protocol_version, true,
                                           balance_of(client, wall_now), false});
  for (const auto& frame : waiting) receive(link, frame, now, wall_now);
}

void GatewayCore::ponged(LinkId link, base::ByteView payload) {
  std::vector<LinkId> refused;
  for (const auto& [waiting_link, state] : links_) {
    const auto* waiting = std::get_if<AwaitingOldSession>(&state);
    if (waiting != nullptr && waiting->old_link == link && base::equal(waiting->ping, payload)) {
      refused.push_back(waiting_link);
    }
  }
  for (const LinkId waiting_link : refused) {
    refuse_doubled(waiting_link, std::string(kOpenSession));
  }
}

void GatewayCore::pinged(LinkId link) {
  const auto found = links_.find(link);
  if (found != links_.end() && std::holds_alternative<AwaitingRequest>(found->second)) {
    refuse(link, std::string(kUnexpectedPing));
  }
}

void GatewayCore::activate(LinkId link, const Identity& identity, Client& client,
                           std::uint64_t since, base::WallTime wall_now) {
  links_.at(link) = Active{identity, crypto::GcmSiv(client.key), since};
  sessions_[identity] = link;
  // Before the answer: a client must be ready for them. spec: gateway §9
  const auto& active = std::get<Active>(links_.at(link));
  for (const Stored& stored : client.inbox) {
    if (stored.arrival + kInboxLifetime > wall_now) push(link, active, stored.body);
  }
  client.inbox.clear();
}

// --- an authenticated session; spec: gateway §6 to §8 ---

void GatewayCore::receive_active(LinkId link, Active& active, const gateway::LinkFrame& frame,
                                 base::WallTime wall_now) {
  if (const auto* binary = std::get_if<gateway::BinaryFrame>(&frame)) {
    handle_packet(link, active, binary->bytes, wall_now);
  } else {
    handle_text(link, active, std::get<gateway::TextFrame>(frame).text, wall_now);
  }
}

void GatewayCore::handle_text(LinkId link, Active& active, std::string_view request_text,
                              base::WallTime wall_now) {
  const auto request = gateway::decode_request(request_text);
  if (!request.has_value()) {
    ++stats_.malformed;
    return send_error(link, text(kMalformedText, "not a well-formed request"));
  }
  if (std::holds_alternative<gateway::SupportedProtocolRequest>(*request)) {
    send(link, gateway::SupportedProtocolResponse{gateway::kProtocolVersion});
  } else if (std::holds_alternative<gateway::ClaimFreeBandwidthRequest>(*request)) {
    claim(link, active, wall_now);
  } else if (const auto* sealed = std::get_if<gateway::EncryptedRequest>(&*request)) {
    handle_sealed_request(link, active, *sealed);
  } else if (const auto* ticket = std::get_if<gateway::EcashCredentialRequest>(&*request)) {
    const auto opened = active.cipher.open(ticket->nonce, ticket->sealed_credential);
    send_error(link, opened.has_value() ? std::string(kTicketRefused)
                                        : text(kMalformedBinary, kUndecryptable));
  } else if (std::holds_alternative<gateway::UpgradeModeRequest>(*request)) {
    send_error(link, std::string(kTokenRefused));
  } else if (std::holds_alternative<gateway::LegacyCredentialRequest>(*request)) {
    send_error(link, text(kWrongContext, kLegacyCredential));
  } else if (std::holds_alternative<gateway::AuthenticateV2Request>(*request)) {
    send_error(link, std::string(kUnknownText));
  } else if (std::holds_alternative<gateway::UnknownMessage>(*request) ||
             std::holds_alternative<gateway::HandshakeError>(*request)) {
    ++stats_.malformed;
    send_error(link, text(kMalformedText, "unknown type of request"));
  } else {
    send_error(link, text(kWrongContext, "the client is authenticated already"));
  }
}

void GatewayCore::handle_sealed_request(LinkId link, Active& active,
                                        const gateway::EncryptedRequest& request) {
  const auto plaintext = active.cipher.open(request.nonce, request.ciphertext);
  if (!plaintext.has_value()) return send_error(link, std::string(kUndecryptableText));
  const auto decoded = gateway::decode_sensitive_request(*plaintext);
  if (!decoded.has_value()) return send_error(link, std::string(kUndecryptableText));
  auto answer = gateway::SensitiveResponse::kRememberMeAck;
  if (const auto* forget = std::get_if<gateway::ForgetMe>(&*decoded)) {
    answer = gateway::SensitiveResponse::kForgetMeAck;
    // The session lives on with the key that it has, but has no bandwidth any more.
    if (forget->client) clients_.erase(active.identity);
  }
  const auto nonce = rng_.bytes<gateway::kNonceSize>();
  send(link, gateway::EncryptedResponse{
                 active.cipher.seal(nonce, gateway::encode_sensitive_response(answer)), nonce});
}

void GatewayCore::claim(LinkId link, const Active& active, base::WallTime wall_now) {
  const auto found = clients_.find(active.identity);
  if (config_.claims == Claims::kRefused) return send_error(link, std::string(kOnlyCredentials));
  if (found == clients_.end()) return send_error(link, std::string(kUnknownClient));
  Client& client = found->second;
  client.balance = balance_of(client, wall_now) + config_.claim_bytes;
  client.balance_until = midnight(wall_now);
  ++stats_.claims;
  send(link, gateway::BandwidthResponse{client.balance, false});
}

std::int64_t GatewayCore::balance_of(const Client& client, base::WallTime wall_now) const {
  const bool expired = client.balance_until && *client.balance_until < midnight(wall_now);
  return expired ? 0 : client.balance;
}

void GatewayCore::handle_packet(LinkId link, Active& active, base::ByteView frame,
                                base::WallTime wall_now) {
  auto opened = gateway::open_packet_frame(active.cipher, frame);
  if (!opened.has_value()) {
    ++stats_.malformed;
    const std::uint32_t kind = opened.error().detail;
    return send_error(link, kind != 0 ? text(kMalformedBinary, kUnknownKind) + std::to_string(kind)
                                      : text(kMalformedBinary, kUndecryptable));
  }
  const auto format = opened->format == gateway::PacketFormat::kV1 ? mixnet::MixPacketFormat::kV1
                                                                   : mixnet::MixPacketFormat::kV2;
  auto packet = mixnet::MixPacket::decode(opened->mix_packet, format);
  if (!packet.has_value()) {
    ++stats_.malformed;
    return send_error(link, text(kMalformedBinary, kBadPacket) +
                                std::string(base::error_sentence(packet.error().code)));
  }
  const auto size = static_cast<std::int64_t>(packet->packet.size());
  const auto found = clients_.find(active.identity);
  const std::int64_t available = found == clients_.end() ? 0 : balance_of(found->second, wall_now);
  if (available < size) {
    ++stats_.out_of_bandwidth;
    return send(link, gateway::OutOfBandwidthResponse{size, available});
  }
  found->second.balance = available - size;
  ++stats_.packets_from_clients;
  stats_.bytes_from_clients += packet->packet.size();
  outputs_.emplace_back(ForwardPacket{*std::move(packet)});
  send(link, gateway::SendResponse{found->second.balance, false});
}

// --- towards the client ---

void GatewayCore::deliver(const sphinx::Destination& destination, base::ByteView body,
                          base::WallTime wall_now) {
  const Identity identity{destination};
  if (const auto session = sessions_.find(identity); session != sessions_.end()) {
    push(session->second, std::get<Active>(links_.at(session->second)), body);
    return;
  }
  const auto found = clients_.find(identity);
  if (found == clients_.end()) {
    ++stats_.undeliverable;
    return;
  }
  auto& inbox = found->second.inbox;
  if (inbox.size() >= config_.max_inbox) inbox.pop_front();
  inbox.push_back({base::to_bytes(body), wall_now});
  ++stats_.stored;
}

void GatewayCore::push(LinkId link, const Active& active, base::ByteView body) {
  ++stats_.pushed;
  outputs_.emplace_back(
      SendToClient{link, gateway::BinaryFrame{gateway::seal_push_frame(
                             active.cipher, rng_.bytes<gateway::kNonceSize>(), body)}});
}

void GatewayCore::send(LinkId link, const gateway::Response& response) {
  outputs_.emplace_back(SendToClient{link, gateway::TextFrame{gateway::encode_response(response)}});
}

void GatewayCore::send_error(LinkId link, std::string message) {
  send(link, gateway::ErrorResponse{std::move(message)});
}

void GatewayCore::refuse(LinkId link, std::string message) {
  ++stats_.refusals;
  send_error(link, std::move(message));
  drop(link);
}

void GatewayCore::refuse_doubled(LinkId link, const std::string& message) {
  // An error within a log-in reaches the client twice. spec: gateway §8, "Quirk"
  send_error(link, message);
  refuse(link, message);
}

void GatewayCore::refuse_handshake(LinkId link, const std::string& reason) {
  send(link, gateway::HandshakeError{reason});
  refuse_doubled(link, text(kHandshakeFailed, reason));
}

void GatewayCore::drop(LinkId link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  if (const auto* active = std::get_if<Active>(&found->second)) sessions_.erase(active->identity);
  links_.erase(found);
  outputs_.emplace_back(CloseLink{link});
}

// --- the end of links, time ---

void GatewayCore::closed(LinkId link, base::TimePoint now, base::WallTime wall_now) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  if (const auto* active = std::get_if<Active>(&found->second)) sessions_.erase(active->identity);
  links_.erase(found);
  std::vector<LinkId> released;
  for (const auto& [waiting_link, state] : links_) {
    const auto* waiting = std::get_if<AwaitingOldSession>(&state);
    if (waiting != nullptr && waiting->old_link == link) released.push_back(waiting_link);
  }
  for (const LinkId waiting_link : released) {
    const auto request = std::get<AwaitingOldSession>(links_.at(waiting_link)).request;
    admit(waiting_link, request, now, wall_now);
  }
}

base::Deadline GatewayCore::next_deadline() const {
  base::Deadline deadline = next_purge_;
  for (const auto& [link, state] : links_) {
    if (const auto* request = std::get_if<AwaitingRequest>(&state)) {
      deadline = base::earlier(deadline, request->deadline);
    } else if (const auto* proof = std::get_if<AwaitingProof>(&state)) {
      deadline = base::earlier(deadline, proof->deadline);
    } else if (const auto* waiting = std::get_if<AwaitingOldSession>(&state)) {
      deadline = base::earlier(deadline, waiting->deadline);
    }
  }
  return deadline;
}

void GatewayCore::expire(base::TimePoint now, base::WallTime wall_now) {
  if (!next_purge_) next_purge_ = now + kInboxPurgeInterval;
  if (base::is_due(next_purge_, now)) {
    purge_inboxes(wall_now);
    next_purge_ = now + kInboxPurgeInterval;
  }
  std::vector<LinkId> due;
  for (const auto& [link, state] : links_) {
    const auto* request = std::get_if<AwaitingRequest>(&state);
    const auto* proof = std::get_if<AwaitingProof>(&state);
    const auto* waiting = std::get_if<AwaitingOldSession>(&state);
    if ((request != nullptr && request->deadline <= now) ||
        (proof != nullptr && proof->deadline <= now) ||
        (waiting != nullptr && waiting->deadline <= now)) {
      due.push_back(link);
    }
  }
  for (const LinkId link : due) {
    const auto found = links_.find(link);
    if (found == links_.end()) continue;
    if (const auto* waiting = std::get_if<AwaitingOldSession>(&found->second)) {
      // No pong: the older session is dead, this one takes its place.
      if (waiting->deadline > now) continue;
      const auto request = waiting->request;
      drop(waiting->old_link);
      admit(link, request, now, wall_now);
    } else if (std::holds_alternative<AwaitingProof>(found->second)) {
      refuse_handshake(link, "timed out while waiting for a handshake message");
    } else if (std::holds_alternative<AwaitingRequest>(found->second)) {
      refuse(link, std::string(kSilence));
    }
  }
}

void GatewayCore::purge_inboxes(base::WallTime wall_now) {
  for (auto& [identity, client] : clients_) {
    std::erase_if(client.inbox, [wall_now](const Stored& stored) {
      return stored.arrival + kInboxLifetime <= wall_now;
    });
  }
}

std::optional<GatewayOutput> GatewayCore::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  std::optional<GatewayOutput> output(std::move(outputs_.front()));
  outputs_.pop_front();
  return output;
}

void GatewayCore::cut_links() {
  std::vector<LinkId> all;
  all.reserve(links_.size());
  for (const auto& [link, state] : links_) all.push_back(link);
  for (const LinkId link : all) drop(link);
}

void GatewayCore::set_bandwidth(std::int64_t bytes) {
  for (auto& [identity, client] : clients_) {
    client.balance = bytes;
    client.balance_until.reset();
  }
}

void GatewayCore::forget_clients() { clients_.clear(); }

GatewayStats GatewayCore::stats() const {
  GatewayStats stats = stats_;
  stats.links = links_.size();
  stats.sessions = sessions_.size();
  stats.clients = clients_.size();
  for (const auto& [identity, client] : clients_) stats.stored_messages += client.inbox.size();
  return stats;
}

}  // namespace mix::localnet
