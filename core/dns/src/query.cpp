#include "query.h"

#include <algorithm>

#include "mix/dns/constants.h"

namespace mix::dns {
namespace {

using base::Errc;
using base::Error;

bool is_failure(ResponseCode code) {
  return code != ResponseCode::kNoError && code != ResponseCode::kNameError;
}

// What resolvers without EDNS say to it (RFC 6891 §7).
bool may_mean_no_edns(ResponseCode code) {
  return code == ResponseCode::kFormatError || code == ResponseCode::kNotImplemented;
}

}  // namespace

Query::Query(const QueryServices& services, const Server& server, const Question& question,
             base::Duration retransmit, base::TimePoint now)
    : services_(services),
      server_(server),
      question_(question),
      first_interval_(retransmit),
      late_at_(now + retransmit),
      state_(OverUdp{nullptr, retransmit, now + retransmit}) {
  if (server_.transport != Transport::kUdp) {
    ask_by_link(now);
    return;
  }
  renew_identity();
  auto socket = services_.stack.open_udp();
  if (!socket) {
    state_ = Failed{socket.error()};
    return;
  }
  std::get<OverUdp>(state_).socket = *std::move(socket);
  send_datagram();
}

Query::~Query() {
  if (const auto* link = std::get_if<OverLink>(&state_)) services_.links.cancel(link->ticket);
}

std::optional<base::Result<Message>> Query::advance(base::TimePoint now) {
  if (std::holds_alternative<OverUdp>(state_)) {
    if (Answer answer = advance_udp(now)) return answer;
  }
  if (std::holds_alternative<OverLink>(state_)) {
    if (Answer answer = advance_link(now)) return answer;
  }
  if (const auto* failed = std::get_if<Failed>(&state_)) return failed->error;
  return std::nullopt;
}

base::Deadline Query::next_deadline(base::TimePoint now) const {
  base::Deadline out;
  if (const auto* udp = std::get_if<OverUdp>(&state_)) out = udp->resend_at;
  if (const auto* link = std::get_if<OverLink>(&state_)) out = link->give_up_at;
  if (std::holds_alternative<Failed>(state_)) out = now;
  return is_late(now) ? out : base::earlier(out, late_at_);
}

void Query::repeat(base::TimePoint now) {
  auto* udp = std::get_if<OverUdp>(&state_);
  if (udp == nullptr) return;
  udp->interval = first_interval_;
  udp->resend_at = now + first_interval_;
  send_datagram();
}

// A new id and a new case: what was answered before no longer counts.
void Query::renew_identity() {
  id_ = static_cast<std::uint16_t>(services_.rng.u32());
  asked_ = Question{question_.name.with_random_case(services_.rng), question_.type};
}

void Query::send_datagram() {
  auto& udp = std::get<OverUdp>(state_);
  const auto sent = udp.socket->send(server_.endpoint, encode_query(id_, asked_, edns_));
  // A full queue is as good as a loss; no route stays without one.
  if (!sent && sent.error().code == Errc::net_unreachable) state_ = Failed{sent.error()};
}

void Query::ask_by_link(base::TimePoint now) {
  renew_identity();
  const auto ticket = services_.links.ask(server_, encode_query(id_, asked_, edns_), now);
  if (ticket) {
    state_ = OverLink{*ticket, now + kTcpTimeout};
  } else {
    state_ = Failed{ticket.error()};
  }
}

Query::Answer Query::advance_udp(base::TimePoint now) {
  while (auto datagram = std::get<OverUdp>(state_).socket->receive()) {
    // From elsewhere, unreadable or to another question: perhaps forged, so the wait goes on.
    if (datagram->peer != server_.endpoint) continue;
    const auto head = decode_head(datagram->payload);
    if (!head) continue;
    const Fit fit = fit_of(*head);
    if (fit == Fit::kForeign || head->id != id_) continue;
    if (fit == Fit::kWrongCase || head->is_truncated) {
      ask_by_link(now);
      return std::nullopt;
    }
    if (edns_ == Edns::kOn && may_mean_no_edns(head->code)) {
      edns_ = Edns::kOff;
      renew_identity();
      send_datagram();
      if (std::holds_alternative<Failed>(state_)) return std::nullopt;
      continue;
    }
    return read_answer(datagram->payload, *head);
  }
  auto& udp = std::get<OverUdp>(state_);
  if (now >= udp.resend_at) {
    udp.interval *= 2;
    udp.resend_at = now + udp.interval;
    send_datagram();  // the same question: a late answer to the first one counts
  }
  return std::nullopt;
}

Query::Answer Query::advance_link(base::TimePoint now) {
  const auto& link = std::get<OverLink>(state_);
  const auto reply = services_.links.take(link.ticket);
  if (reply) {
    if (!*reply) return base::Result<Message>(reply->error());
    // Its id is the link's affair.
    const auto head = decode_head(**reply);
    if (!head || fit_of(*head) == Fit::kForeign || head->is_truncated) {
      return base::Result<Message>(Errc::dns_malformed);
    }
    return read_answer(**reply, *head);
  }
  if (now >= link.give_up_at) return base::Result<Message>(Errc::dns_timeout);
  return std::nullopt;
}

Query::Fit Query::fit_of(const Message& head) const {
  if (!head.is_response || head.opcode != 0) return Fit::kForeign;
  // Some resolvers refuse without repeating the question.
  if (head.questions.empty()) return is_failure(head.code) ? Fit::kOurs : Fit::kForeign;
  if (head.questions.size() != 1) return Fit::kForeign;
  const Question& echoed = head.questions.front();
  if (echoed.type != asked_.type || !(echoed.name == asked_.name)) return Fit::kForeign;
  return echoed.name.is_identical(asked_.name) ? Fit::kOurs : Fit::kWrongCase;
}

Query::Answer Query::read_answer(base::ByteView bytes, const Message& head) const {
  if (is_failure(head.code)) {
    return base::Result<Message>(
        Error{Errc::dns_server_failure, static_cast<std::uint32_t>(head.code)});
  }
  // Names of the answer may point into the question: with its own case back, the case that it was
  // asked in stays between us and the resolver.
  base::Bytes plain = base::to_bytes(bytes);
  if (!head.questions.empty()) {
    const base::ByteView echoed = head.questions.front().name.wire();
    const auto place = base::MutByteView{plain}.subspan(kHeaderSize);
    if (place.size() >= echoed.size() && std::equal(echoed.begin(), echoed.end(), place.begin())) {
      std::ranges::copy(question_.name.wire(), place.begin());
    }
  }
  return decode_message(plain);
}

}  // namespace mix::dns
