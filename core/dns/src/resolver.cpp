#include "mix/dns/resolver.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "cache.h"
#include "links.h"
#include "mix/dns/constants.h"
#include "mix/dns/message.h"
#include "outcome.h"
#include "resolution.h"

namespace mix::dns {
namespace {

using base::Errc;
using base::Error;

void write_endpoint(base::Writer& out, const net::Endpoint& endpoint) {
  const std::string text = net::to_string(endpoint);
  out.u8(static_cast<std::uint8_t>(text.size())).bytes(base::as_bytes(text));
}

// Answers of servers that a caller chose are kept apart: they speak for that caller only.
QuestionKey key_of(const Question& question, const AskOptions& options) {
  base::Writer out;
  out.bytes(question.name.key()).u16be(static_cast<std::uint16_t>(question.type));
  for (const Server& server : options.servers) {
    out.u8(static_cast<std::uint8_t>(server.transport));
    write_endpoint(out, server.endpoint);
    out.bytes(base::as_bytes(server.host)).u8(0).bytes(base::as_bytes(server.path)).u8(0);
  }
  return out.bytes(base::as_bytes(options.isolation)).take();
}

bool is_number(std::string_view label) {
  return std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Names that must not be asked of a public resolver. spec: api part 2 §4
std::optional<Errc> refusal_of(const Name& name) {
  const std::string top = name.label_from_right(0);
  // RFC 6761 §6.3: the loopback, and behind a tunnel there is none.
  if (top == "localhost") return Errc::dns_not_found;
  if (top == "onion" || top == "local") return Errc::dns_bad_name;
  if (name.num_labels() == 1) return Errc::dns_bad_name;
  if (is_number(top)) return Errc::dns_bad_name;  // a malformed IPv4 address
  return std::nullopt;
}

std::optional<net::IpAddress> literal_of(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    auto address = net::parse_ip(host.substr(1, host.size() - 2));
    if (address && std::holds_alternative<net::Ipv6>(*address)) return *address;
    return std::nullopt;
  }
  auto address = net::parse_ip(host);
  if (!address) return std::nullopt;
  return *address;
}

}  // namespace

class Resolver::Impl {
 public:
  Impl(const ResolverConfig& config, net::Stack& stack, base::Rng& rng, LinkOpener* opener)
      : config_(config),
        links_(stack, rng, opener),
        services_{stack, rng, links_},
        cache_(config.max_cache_entries) {}

  LookupId lookup(std::string_view host, Families families, const AskOptions& options,
                  base::TimePoint now) {
    const LookupId id = next_id_++;
    if (const auto address = literal_of(host)) {
      events_.push_back({id, std::vector<net::IpAddress>{*address}});
      return id;
    }
    auto name = checked_name(host);
    if (!name) {
      events_.push_back({id, name.error()});
      return id;
    }
    Wait wait{std::string(host),
              now + options.timeout.value_or(config_.timeout),
              {},
              std::nullopt,
              Purpose::kLookup};
    if (families != Families::kIpv6) wait.halves.push_back({RecordType::kA});
    if (families != Families::kIpv4) wait.halves.push_back({RecordType::kAaaa});
    begin(id, std::move(wait), *name, options, now);
    return id;
  }

  LookupId ask(std::string_view text, RecordType type, const AskOptions& options,
               base::TimePoint now) {
    const auto name = checked_name(text);
    if (name) return ask(*name, type, options, now);
    const LookupId id = next_id_++;
    answers_.push_back({id, name.error()});
    return id;
  }

  LookupId ask(const Name& name, RecordType type, const AskOptions& options, base::TimePoint now) {
    const LookupId id = next_id_++;
    Wait wait{name.text(),
              now + options.timeout.value_or(config_.timeout),
              {{type}},
              std::nullopt,
              Purpose::kAnswer};
    begin(id, std::move(wait), name, options, now);
    return id;
  }

  void cancel(LookupId id) {
    std::erase_if(events_, [id](const LookupDone& done) { return done.id == id; });
    std::erase_if(answers_, [id](const AnswerDone& done) { return done.id == id; });
    const auto wait = waits_.find(id);
    if (wait == waits_.end()) return;
    const auto halves = std::move(wait->second.halves);
    waits_.erase(wait);
    for (const Half& half : halves) {
      if (!is_awaited(half.key)) resolutions_.erase(half.key);
    }
  }

  void advance(base::TimePoint now) {
    now_ = now;
    links_.advance(now);
    for (auto it = resolutions_.begin(); it != resolutions_.end();) {
      const auto outcome = it->second.advance(now);
      if (!outcome) {
        ++it;
        continue;
      }
      cache_.put(it->first, *outcome, now);
      for (auto& [id, wait] : waits_) {
        for (Half& half : wait.halves) {
          if (half.key == it->first && !half.outcome) half.outcome = *outcome;
        }
      }
      it = resolutions_.erase(it);
    }
    settle(now);
  }

  void resume(base::TimePoint now) {
    for (auto& [key, resolution] : resolutions_) resolution.repeat(now);
  }

  std::optional<LookupDone> poll_event() { return pop(events_); }
  std::optional<AnswerDone> poll_answer() { return pop(answers_); }

  base::Deadline next_deadline() const {
    base::Deadline out = links_.next_deadline();
    for (const auto& [key, resolution] : resolutions_) {
      out = base::earlier(out, resolution.next_deadline(now_));
    }
    for (const auto& [id, wait] : waits_) {
      out = base::earlier(out, base::earlier(wait.deadline, wait.settle_at));
    }
    return out;
  }

  void clear_cache() { cache_.clear(); }
  CacheStats cache_stats() const { return cache_.stats(); }

 private:
  enum class Purpose : bool { kLookup, kAnswer };
  /// One question of which somebody waits for the outcome.
  struct Half {
    RecordType type;
    QuestionKey key = {};
    std::optional<Outcome> outcome = std::nullopt;
    bool is_from_cache = false;

    [[nodiscard]] const Found* found() const {
      return outcome ? std::get_if<Found>(&*outcome) : nullptr;
    }
  };
  struct Wait {
    std::string host;
    base::TimePoint deadline;
    std::vector<Half> halves;  // A before AAAA
    /// When the half that is there suffices.
    base::Deadline settle_at;
    Purpose purpose;

    /// The name has no record of any type. AAAA is not believed: some servers deny a name just
    /// because they know none of those.
    [[nodiscard]] bool is_nameless() const {
      const Half& first = halves.front();
      const auto* nothing = first.outcome ? std::get_if<Nothing>(&*first.outcome) : nullptr;
      return nothing != nullptr && nothing->absence == Absence::kNoName;
    }
    [[nodiscard]] bool is_complete() const {
      return std::all_of(halves.begin(), halves.end(),
                         [](const Half& half) { return half.outcome.has_value(); });
    }
  };

  template <class Event>
  static std::optional<Event> pop(std::deque<Event>& events) {
    if (events.empty()) return std::nullopt;
    Event event = std::move(events.front());
    events.pop_front();
    return event;
  }

  static base::Result<Name> checked_name(std::string_view text) {
    MIX_TRY(Name name, Name::parse(text));
    if (const auto refusal = refusal_of(name)) return Error{*refusal, 0, std::string(text)};
    return name;
  }

  std::vector<Server> servers_for(const AskOptions& options) const {
    if (!options.servers.empty()) return options.servers;
    if (config_.primary == config_.fallback) return {{config_.primary}};
    return {{config_.primary}, {config_.fallback}};
  }

  void begin(LookupId id, Wait wait, const Name& name, const AskOptions& options,
             base::TimePoint now) {
    for (Half& half : wait.halves) {
      half.key = key_of(Question{name, half.type}, options);
      if (options.cache == CacheUse::kRead) half.outcome = cache_.find(half.key, now);
      half.is_from_cache = half.outcome.has_value();
    }
    for (const Half& half : wait.halves) {
      if (wait.is_nameless()) break;
      if (half.outcome) continue;
      const auto [resolution, is_new] = resolutions_.try_emplace(
          half.key, services_, servers_for(options), Question{name, half.type}, config_.retransmit,
          wait.deadline, now);
      if (!is_new) resolution->second.extend(wait.deadline);
    }
    waits_.emplace(id, std::move(wait));
    settle(now);
  }

  bool is_awaited(const QuestionKey& key) const {
    return std::any_of(waits_.begin(), waits_.end(), [&](const auto& entry) {
      const auto& halves = entry.second.halves;
      return std::any_of(halves.begin(), halves.end(),
                         [&](const Half& half) { return half.key == key && !half.outcome; });
    });
  }

  // Finishes the waits that need not go on any longer.
  void settle(base::TimePoint now) {
    now_ = now;
    for (auto it = waits_.begin(); it != waits_.end();) {
      if (!is_settled(it->second, now)) {
        ++it;
        continue;
      }
      if (it->second.purpose == Purpose::kLookup) {
        events_.push_back(lookup_done(it->first, it->second));
      } else {
        answers_.push_back(answer_done(it->first, it->second));
      }
      it = waits_.erase(it);
    }
  }

  bool is_settled(Wait& wait, base::TimePoint now) const {
    if (wait.is_complete() || wait.is_nameless()) return true;
    if (!wait.settle_at && wait.halves.size() == 2) {
      if (wait.halves[0].found() != nullptr) wait.settle_at = now + kWaitForSecondFamily;
      // A is preferred: it gets another try before AAAA alone is handed out.
      if (wait.halves[1].found() != nullptr) wait.settle_at = now + config_.retransmit;
    }
    return base::is_due(wait.settle_at, now) || now >= wait.deadline;
  }

  static Error failure_of(const Wait& wait) {
    Error error{Errc::dns_not_found};
    for (const Half& half : wait.halves) {
      if (wait.is_nameless() || error.code != Errc::dns_not_found) break;
      if (!half.outcome) {
        error = Error{Errc::dns_timeout};
      } else if (const auto* failure = std::get_if<Error>(&*half.outcome)) {
        error = *failure;
      }
    }
    // spec: reference-behaviour §6: a time-out's text is the whole text.
    if (error.code != Errc::dns_timeout) error.context = wait.host;
    return error;
  }

  static LookupDone lookup_done(LookupId id, const Wait& wait) {
    std::vector<net::IpAddress> addresses;
    std::vector<base::Duration> ttls;
    for (const Half& half : wait.halves) {
      if (half.found() == nullptr) continue;
      for (const RecordData& data : half.found()->records) {
        if (const auto* v4 = std::get_if<net::Ipv4>(&data)) addresses.emplace_back(*v4);
        if (const auto* v6 = std::get_if<net::Ipv6>(&data)) addresses.emplace_back(*v6);
        ttls.push_back(half.found()->ttl);
      }
    }
    if (addresses.empty()) return {id, failure_of(wait)};
    return {id, std::move(addresses), std::move(ttls)};
  }

  static AnswerDone answer_done(LookupId id, const Wait& wait) {
    const Half& half = wait.halves.front();
    const Found* found = half.found();
    if (found == nullptr) {
      Error error = failure_of(wait);
      const bool has_name = error.code == Errc::dns_not_found && !wait.is_nameless();
      if (has_name) error.code = Errc::dns_no_records;
      return {id, std::move(error)};
    }
    return {id, Answer{found->records, found->canonical_name, found->ttl, found->server,
                       found->is_authenticated, half.is_from_cache}};
  }

  ResolverConfig config_;
  Links links_;
  QueryServices services_;
  Cache cache_;
  LookupId next_id_ = 1;
  base::TimePoint now_;  // of the last call
  std::map<QuestionKey, Resolution> resolutions_;
  std::map<LookupId, Wait> waits_;
  std::deque<LookupDone> events_;
  std::deque<AnswerDone> answers_;
};

Resolver::Resolver(const ResolverConfig& config, net::Stack& stack, base::Rng& rng,
                   LinkOpener* opener)
    : impl_(std::make_unique<Impl>(config, stack, rng, opener)) {}
Resolver::~Resolver() = default;

LookupId Resolver::lookup(std::string_view host, base::TimePoint now) {
  return impl_->lookup(host, Families::kBoth, {}, now);
}
LookupId Resolver::lookup(std::string_view host, Families families, const AskOptions& options,
                          base::TimePoint now) {
  return impl_->lookup(host, families, options, now);
}
LookupId Resolver::ask(std::string_view name, RecordType type, const AskOptions& options,
                       base::TimePoint now) {
  return impl_->ask(name, type, options, now);
}
LookupId Resolver::ask(const Name& name, RecordType type, const AskOptions& options,
                       base::TimePoint now) {
  return impl_->ask(name, type, options, now);
}
void Resolver::cancel(LookupId id) { impl_->cancel(id); }
void Resolver::resume(base::TimePoint now) { impl_->resume(now); }
void Resolver::advance(base::TimePoint now) { impl_->advance(now); }
std::optional<LookupDone> Resolver::poll_event() { return impl_->poll_event(); }
std::optional<AnswerDone> Resolver::poll_answer() { return impl_->poll_answer(); }
base::Deadline Resolver::next_deadline() const { return impl_->next_deadline(); }
void Resolver::clear_cache() { impl_->clear_cache(); }
CacheStats Resolver::cache_stats() const { return impl_->cache_stats(); }

}  // namespace mix::dns
