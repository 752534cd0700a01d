#include "links.h"

#include <algorithm>
#include <utility>

#include "mix/dns/constants.h"

namespace mix::dns {
namespace {

using base::Errc;
using base::Error;

void write_id(base::Bytes& message, std::uint16_t id) {
  base::Writer out;
  out.u16be(id);
  std::ranges::copy(out.view(), message.begin());
}

}  // namespace

base::Result<Links::Ticket> Links::ask(const Server& server, base::Bytes message,
                                       base::TimePoint now) {
  MIX_TRY(Kept* const kept, link_to(server, now));
  const Ticket ticket = ++last_ticket_;
  put(*kept, ticket, std::move(message), now);
  return ticket;
}

std::optional<base::Result<base::Bytes>> Links::take(Ticket ticket) {
  const auto it = replies_.find(ticket);
  if (it == replies_.end()) return std::nullopt;
  std::optional<base::Result<base::Bytes>> reply = std::move(it->second);
  replies_.erase(it);
  return reply;
}

void Links::cancel(Ticket ticket) {
  replies_.erase(ticket);
  for (Kept& kept : kept_) {
    const auto it = std::ranges::find_if(
        kept.open, [&](const auto& entry) { return entry.second.ticket == ticket; });
    if (it == kept.open.end()) continue;
    it->second.ticket = 0;
    if (!kept.link->forget(it->first)) kept.open.erase(it);
    return;
  }
}

void Links::advance(base::TimePoint now) {
  // A question that moves to a new link adds one at the end, which is then looked at, too.
  for (auto kept = kept_.begin(); kept != kept_.end();) {
    kept->link->advance(now);
    read_replies(*kept, now);
    if (const auto error = kept->link->end()) {
      break_up(*kept, *error, now);
      kept = kept_.erase(kept);
      continue;
    }
    const bool is_retired = kept->open.empty() && !kept->link->accepts();
    if (is_retired || (is_abandoned(*kept) && now >= kept->expires)) {
      kept->link->close();
      kept = kept_.erase(kept);
      continue;
    }
    ++kept;
  }
}

base::Deadline Links::next_deadline() const {
  base::Deadline out;
  for (const Kept& kept : kept_) {
    out = base::earlier(out, kept.link->next_deadline());
    if (is_abandoned(kept)) out = base::earlier(out, kept.expires);
  }
  return out;
}

// Nobody waits for anything that may still come.
bool Links::is_abandoned(const Kept& kept) {
  return std::ranges::all_of(kept.open, [](const auto& entry) { return entry.second.ticket == 0; });
}

base::Result<Links::Kept*> Links::link_to(const Server& server, base::TimePoint now) {
  for (Kept& kept : kept_) {
    if (!(kept.server == server) || !kept.link->accepts()) continue;
    if (kept.link->end() || kept.open.size() >= kMaxOpenQuestions) continue;
    // A connection may die without a word; questions that come later take another one.
    const bool is_silent = std::ranges::any_of(kept.open, [&](const auto& entry) {
      return now >= std::max(entry.second.since, kept.heard) + kLinkPatience;
    });
    if (!is_silent) return &kept;
  }
  if (kept_.size() >= kMaxLinks) {
    // Not one that has ended: it may be the one whose questions look for another.
    const auto idle = std::ranges::find_if(
        kept_, [](const Kept& kept) { return kept.open.empty() && kept.link->accepts(); });
    if (idle == kept_.end()) return Errc::net_out_of_memory;
    idle->link->close();
    kept_.erase(idle);
  }
  MIX_TRY(auto link, open(server, now));
  kept_.push_back({server, std::move(link), now + kLinkIdleTime, now});
  return &kept_.back();
}

base::Result<std::unique_ptr<Link>> Links::open(const Server& server, base::TimePoint now) {
  if (server.transport == Transport::kTls || server.transport == Transport::kHttps) {
    if (opener_ == nullptr) return Errc::net_unreachable;
    return opener_->open(server, now);
  }
  net::TcpOptions options;
  options.connect_timeout = kTcpTimeout;
  options.keepalive = base::Duration::zero();
  MIX_TRY(auto stream, stack_.connect(server.endpoint, options, now));
  return link_over(std::move(stream));
}

void Links::put(Kept& kept, Ticket ticket, base::Bytes message, base::TimePoint now) {
  std::uint16_t id = 0;
  do {
    id = static_cast<std::uint16_t>(rng_.u32());
  } while (kept.open.contains(id));
  write_id(message, id);
  kept.link->ask(message, now);
  kept.expires = now + kLinkIdleTime;
  kept.open.emplace(id, Asked{ticket, std::move(message), now});
}

void Links::read_replies(Kept& kept, base::TimePoint now) {
  while (auto reply = kept.link->poll_reply()) {
    const auto it = kept.open.find(reply->id);
    if (it == kept.open.end()) {
      // Nobody can come between, so this is the resolver's own fault.
      break_up(kept, Error{Errc::dns_malformed}, now);
      kept.link->close();
      return;
    }
    kept.heard = now;
    kept.expires = now + kLinkIdleTime;
    Asked asked = std::move(it->second);
    kept.open.erase(it);
    const bool is_answer = reply->message.has_value();
    settle(kept, std::move(asked), std::move(reply->message), now);
    kept.has_answered = kept.has_answered || is_answer;
  }
}

// A resolver may end a kept connection at any time (RFC 7766 §6.2.3); what it had answered before
// says that it would have answered this, too. Each link in such a row answers at least one
// question.
void Links::settle(Kept& kept, Asked asked, base::Result<base::Bytes> reply, base::TimePoint now) {
  if (asked.ticket == 0) return;
  const bool is_over = kept.link->end().has_value() || !kept.link->accepts();
  if (!reply && is_over && kept.has_answered) {
    if (const auto other = link_to(kept.server, now)) {
      put(**other, asked.ticket, std::move(asked.message), now);
      return;
    }
  }
  replies_.insert_or_assign(asked.ticket, std::move(reply));
}

void Links::break_up(Kept& kept, const Error& error, base::TimePoint now) {
  auto open = std::exchange(kept.open, {});
  for (auto& [id, asked] : open) settle(kept, std::move(asked), error, now);
}

}  // namespace mix::dns
