#include "resolution.h"

#include <algorithm>
#include <utility>

#include "mix/dns/constants.h"

namespace mix::dns {
namespace {

using base::Errc;
using base::Error;

constexpr std::size_t kPrimary = 0;
constexpr std::size_t kFallback = 1;

base::Duration ttl_of(const Record& record) { return std::chrono::seconds{record.ttl}; }

// RFC 2308 §5: the lesser of the record's own time and its minimum field.
std::optional<base::Duration> negative_ttl(const Message& message) {
  for (const Record& record : message.authorities) {
    if (const auto* authority = std::get_if<Soa>(&record.data)) {
      return std::min<base::Duration>(ttl_of(record), std::chrono::seconds{authority->minimum});
    }
  }
  return std::nullopt;
}

}  // namespace

Resolution::Resolution(const QueryServices& services, std::vector<Server> servers,
                       Question question, base::Duration retransmit, base::TimePoint deadline,
                       base::TimePoint now)
    : services_(services),
      servers_(std::move(servers)),
      retransmit_(retransmit),
      question_(std::move(question)),
      deadline_(deadline),
      chain_ttl_(kMaxTtl) {
  ask(kPrimary, now);
}

std::optional<Outcome> Resolution::advance(base::TimePoint now) {
  for (std::size_t server = 0; server < attempts_.size(); ++server) {
    Attempt& attempt = attempts_[server];
    if (attempt.query == nullptr) continue;
    auto answer = attempt.query->advance(now);
    if (!answer) continue;
    if (!*answer) {
      attempt.failure = answer->error();
      attempt.query.reset();
      continue;
    }
    Reading reading = interpret(**answer, server);
    if (auto* follow = std::get_if<Follow>(&reading)) {
      start_over(std::move(follow->target), now);
      break;
    }
    if (auto* found = std::get_if<Found>(&reading)) return Outcome{std::move(*found)};
    if (auto* nothing = std::get_if<Nothing>(&reading)) return Outcome{*nothing};
    const auto& error = std::get<Error>(reading);
    if (error.code != Errc::dns_malformed) return Outcome{error};
    attempt = {nullptr, error};  // another resolver may make sense
  }
  if (now >= deadline_) return Outcome{Error{Errc::dns_timeout}};
  const Attempt& primary = attempts_[kPrimary];
  const bool needs_help = primary.failure || (primary.query && primary.query->is_late(now));
  const Attempt& fallback = attempts_[kFallback];
  if (needs_help && !fallback.query && !fallback.failure) {
    if (servers_.size() == 1) {
      if (primary.failure) return Outcome{failure()};
    } else {
      ask(kFallback, now);
    }
  }
  if (primary.failure && fallback.failure) return Outcome{failure()};
  return std::nullopt;
}

base::Deadline Resolution::next_deadline(base::TimePoint now) const {
  base::Deadline out = deadline_;
  for (const Attempt& attempt : attempts_) {
    if (attempt.query) out = base::earlier(out, attempt.query->next_deadline(now));
  }
  return out;
}

void Resolution::ask(std::size_t server, base::TimePoint now) {
  attempts_[server] = {
      std::make_unique<Query>(services_, servers_[server], question_, retransmit_, now),
      std::nullopt};
}

void Resolution::start_over(Name target, base::TimePoint now) {
  question_.name = std::move(target);
  attempts_ = {};
  ask(kPrimary, now);
}

// Only what the chain from the question's own name leads to counts; a resolver may add records
// of any name.
Resolution::Reading Resolution::interpret(const Message& message, std::size_t server) {
  Name name = question_.name;
  bool has_moved = false;
  while (true) {
    Found found;
    found.ttl = chain_ttl_;
    const Name* next = nullptr;
    base::Duration next_ttl{};
    for (const Record& record : message.answers) {
      if (!(record.owner == name)) continue;
      if (record.type == question_.type && found.records.size() < kMaxRecords &&
          !std::holds_alternative<base::Bytes>(record.data)) {
        found.records.push_back(record.data);
        found.ttl = std::min(found.ttl, ttl_of(record));
      } else if (record.type == RecordType::kCname && next == nullptr) {
        next = std::get_if<Name>(&record.data);
        next_ttl = ttl_of(record);
      }
    }
    if (!found.records.empty()) {
      // "There is no such name", and yet it has records: one of the two is false.
      if (message.code == ResponseCode::kNameError) return Error{Errc::dns_malformed};
      found.canonical_name = std::move(name);
      found.server = servers_[server].endpoint;
      found.is_authenticated = message.is_authenticated;
      return found;
    }
    if (next == nullptr) break;
    if (++hops_ > kMaxChain) return Error{Errc::dns_chain_too_long};
    chain_ttl_ = std::min(chain_ttl_, next_ttl);
    name = *next;
    has_moved = true;
  }
  const auto ttl = negative_ttl(message);
  if (message.code == ResponseCode::kNameError) return Nothing{Absence::kNoName, ttl};
  // The chain's end was answered with "none", or was not answered at all.
  if (has_moved && !ttl) return Follow{std::move(name)};
  return Nothing{Absence::kNoData, ttl};
}

// The primary's reason, unless the fallback has said more than silence.
Error Resolution::failure() const {
  for (const Attempt& attempt : attempts_) {
    if (attempt.failure && attempt.failure->code == Errc::dns_server_failure) {
      return *attempt.failure;
    }
  }
  for (const Attempt& attempt : attempts_) {
    if (attempt.failure && attempt.failure->code == Errc::dns_malformed) return *attempt.failure;
  }
  return Error{Errc::dns_server_failure};
}

}  // namespace mix::dns
