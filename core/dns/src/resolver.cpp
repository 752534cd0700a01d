#include "mix/dns/resolver.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <utility>

#include "cache.h"
#include "mix/dns/constants.h"
#include "mix/dns/message.h"
#include "outcome.h"
#include "resolution.h"

namespace mix::dns {
namespace {

using base::Errc;
using base::Error;

QuestionKey key_of(const Question& question) {
  base::Writer out;
  out.bytes(question.name.key()).u16be(static_cast<std::uint16_t>(question.type));
  return out.take();
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
  Impl(const ResolverConfig& config, net::Stack& stack, base::Rng& rng)
      : config_(config), stack_(stack), rng_(rng), cache_(config.max_cache_entries) {}

  LookupId lookup(std::string_view host, base::TimePoint now) {
    const LookupId id = next_id_++;
    if (const auto address = literal_of(host)) {
      finish(id, std::vector<net::IpAddress>{*address});
      return id;
    }
    auto name = Name::parse(host);
    if (!name) {
      finish(id, name.error());
      return id;
    }
    if (const auto refusal = refusal_of(*name)) {
      finish(id, Error{*refusal, 0, std::string(host)});
      return id;
    }
    Lookup lookup{std::string(host), now + config_.timeout, {}, std::nullopt};
    const std::array<Question, 2> questions{Question{*name, RecordType::kA},
                                            Question{*name, RecordType::kAaaa}};
    for (std::size_t i = 0; i < questions.size(); ++i) {
      lookup.halves[i].key = key_of(questions[i]);
      lookup.halves[i].outcome = cache_.find(lookup.halves[i].key, now);
    }
    for (std::size_t i = 0; i < questions.size() && !lookup.is_nameless(); ++i) {
      const Half& half = lookup.halves[i];
      if (half.outcome || resolutions_.contains(half.key)) continue;
      resolutions_.try_emplace(half.key, config_, stack_, rng_, questions[i], now);
    }
    lookups_.emplace(id, std::move(lookup));
    settle(now);
    return id;
  }

  void cancel(LookupId id) {
    const auto lookup = lookups_.find(id);
    std::erase_if(events_, [id](const LookupDone& done) { return done.id == id; });
    if (lookup == lookups_.end()) return;
    const auto halves = std::move(lookup->second.halves);
    lookups_.erase(lookup);
    for (const Half& half : halves) {
      if (!is_awaited(half.key)) resolutions_.erase(half.key);
    }
  }

  void advance(base::TimePoint now) {
    now_ = now;
    for (auto it = resolutions_.begin(); it != resolutions_.end();) {
      const auto outcome = it->second.advance(now);
      if (!outcome) {
        ++it;
        continue;
      }
      cache_.put(it->first, *outcome, now);
      for (auto& [id, lookup] : lookups_) {
        for (Half& half : lookup.halves) {
          if (half.key == it->first && !half.outcome) half.outcome = *outcome;
        }
      }
      it = resolutions_.erase(it);
    }
    settle(now);
  }

  std::optional<LookupDone> poll_event() {
    if (events_.empty()) return std::nullopt;
    LookupDone done = std::move(events_.front());
    events_.pop_front();
    return done;
  }

  base::Deadline next_deadline() const {
    base::Deadline out;
    for (const auto& [key, resolution] : resolutions_) {
      out = base::earlier(out, resolution.next_deadline(now_));
    }
    for (const auto& [id, lookup] : lookups_) {
      out = base::earlier(out, base::earlier(lookup.deadline, lookup.settle_at));
    }
    return out;
  }

  void clear_cache() { cache_.clear(); }
  CacheStats cache_stats() const { return cache_.stats(); }

 private:
  struct Half {
    QuestionKey key;
    std::optional<Outcome> outcome;

    [[nodiscard]] bool has_addresses() const {
      return outcome && std::holds_alternative<Addresses>(*outcome);
    }
  };
  struct Lookup {
    std::string host;
    base::TimePoint deadline;
    std::array<Half, 2> halves;  // A, AAAA
    /// When the half that is there suffices.
    base::Deadline settle_at;

    [[nodiscard]] const Half& a() const { return halves[0]; }
    [[nodiscard]] const Half& aaaa() const { return halves[1]; }
    /// The name has no record of any type. Asked of A only: some servers deny a name just
    /// because they know no AAAA.
    [[nodiscard]] bool is_nameless() const {
      const auto* nothing = a().outcome ? std::get_if<Nothing>(&*a().outcome) : nullptr;
      return nothing != nullptr && nothing->absence == Absence::kNoName;
    }
  };

  void finish(LookupId id, base::Result<std::vector<net::IpAddress>> result) {
    events_.push_back({id, std::move(result)});
  }

  bool is_awaited(const QuestionKey& key) const {
    return std::any_of(lookups_.begin(), lookups_.end(), [&](const auto& entry) {
      const auto& halves = entry.second.halves;
      return std::any_of(halves.begin(), halves.end(),
                         [&](const Half& half) { return half.key == key && !half.outcome; });
    });
  }

  // Finishes the lookups that need not wait any longer.
  void settle(base::TimePoint now) {
    now_ = now;
    for (auto it = lookups_.begin(); it != lookups_.end();) {
      if (!is_settled(it->second, now)) {
        ++it;
        continue;
      }
      finish(it->first, result_of(it->second));
      it = lookups_.erase(it);
    }
  }

  bool is_settled(Lookup& lookup, base::TimePoint now) const {
    const Half& a = lookup.a();
    const Half& aaaa = lookup.aaaa();
    if ((a.outcome && aaaa.outcome) || lookup.is_nameless()) return true;
    if (!lookup.settle_at) {
      if (a.has_addresses()) lookup.settle_at = now + kWaitForSecondFamily;
      // A is preferred: it gets another try before AAAA alone is handed out.
      if (aaaa.has_addresses()) lookup.settle_at = now + config_.retransmit;
    }
    return base::is_due(lookup.settle_at, now) || now >= lookup.deadline;
  }

  static base::Result<std::vector<net::IpAddress>> result_of(const Lookup& lookup) {
    std::vector<net::IpAddress> addresses;
    for (const Half& half : lookup.halves) {
      if (!half.has_addresses()) continue;
      const auto& more = std::get<Addresses>(*half.outcome).addresses;
      addresses.insert(addresses.end(), more.begin(), more.end());
    }
    if (!addresses.empty()) return addresses;
    Error error{Errc::dns_not_found};
    for (const Half& half : lookup.halves) {
      if (lookup.is_nameless() || error.code != Errc::dns_not_found) break;
      if (!half.outcome) {
        error = Error{Errc::dns_timeout};
      } else if (const auto* failure = std::get_if<Error>(&*half.outcome)) {
        error = *failure;
      }
    }
    error.context = lookup.host;
    return error;
  }

  ResolverConfig config_;
  net::Stack& stack_;
  base::Rng& rng_;
  Cache cache_;
  LookupId next_id_ = 1;
  base::TimePoint now_;  // of the last call
  std::map<QuestionKey, Resolution> resolutions_;
  std::map<LookupId, Lookup> lookups_;
  std::deque<LookupDone> events_;
};

Resolver::Resolver(const ResolverConfig& config, net::Stack& stack, base::Rng& rng)
    : impl_(std::make_unique<Impl>(config, stack, rng)) {}
Resolver::~Resolver() = default;

LookupId Resolver::lookup(std::string_view host, base::TimePoint now) {
  return impl_->lookup(host, now);
}
void Resolver::cancel(LookupId id) { impl_->cancel(id); }
void Resolver::advance(base::TimePoint now) { impl_->advance(now); }
std::optional<LookupDone> Resolver::poll_event() { return impl_->poll_event(); }
base::Deadline Resolver::next_deadline() const { return impl_->next_deadline(); }
void Resolver::clear_cache() { impl_->clear_cache(); }
CacheStats Resolver::cache_stats() const { return impl_->cache_stats(); }

}  // namespace mix::dns
