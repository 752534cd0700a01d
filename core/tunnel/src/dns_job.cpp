#include "dns_job.h"

#include <utility>

#include "dns_server.h"

namespace mix::tunnel {
namespace {

using base::Errc;
using base::Error;
using base::TimePoint;

constexpr int kFamily4 = 4, kFamily6 = 6;

int family_of(const net::IpAddress& address) {
  return std::holds_alternative<net::Ipv4>(address) ? kFamily4 : kFamily6;
}

/// RFC 6761 §6.3: these names mean the own machine and are never asked for.
bool is_localhost(const std::string& name) {
  const auto parsed = dns::Name::parse(name);
  return parsed && parsed->label_from_right(0) == "localhost";
}

std::vector<net::IpAddress> loopback(dns::Families families) {
  std::vector<net::IpAddress> out;
  if (families != dns::Families::kIpv6) out.emplace_back(net::Ipv4{{127, 0, 0, 1}});
  if (families != dns::Families::kIpv4) {
    net::Ipv6 v6;
    v6.octets.back() = 1;
    out.emplace_back(v6);
  }
  return out;
}

}  // namespace

DnsJob::DnsJob(JobId id, DnsRequest request, const ChannelServices& services, TimePoint now)
    : ChannelJob(id, services), request_(std::move(request)), started_(now) {
  if (answer_locally()) return;
  if (request_.server.empty()) {
    // Over UDP none are named, so that the answers are shared with everything else.
    if (request_.transport != dns::Transport::kUdp) {
      servers_ = own_servers(services_.net.options, request_.transport);
    }
    ask(now);
    return;
  }
  auto named = read_server(request_.server, request_.transport);
  if (!named) {
    fail(named.error());
    return;
  }
  servers_ = {std::move(named->server)};
  if (named->needs_lookup) {
    bootstrap_ = services_.net.resolver.lookup(servers_.front().host, now);
  } else {
    ask(now);
  }
}

DnsJob::~DnsJob() {
  if (bootstrap_) services_.net.resolver.cancel(*bootstrap_);
  if (lookup_) services_.net.resolver.cancel(*lookup_);
}

bool DnsJob::answer_locally() {
  if (request_.what != DnsWhat::kAddresses) return false;
  if (const auto literal = net::parse_ip(request_.name)) {
    // spec: api part 1 §3: as they are.
    tell(DnsAddresses{{{request_.name, family_of(*literal), {}}}});
    return true;
  }
  if (!is_localhost(request_.name)) return false;
  DnsAddresses out;
  for (const net::IpAddress& address : loopback(request_.families)) {
    out.addresses.push_back({net::to_string(address), family_of(address), {}});
  }
  tell(std::move(out));
  return true;
}

void DnsJob::ask(TimePoint now) {
  dns::AskOptions options;
  options.servers = servers_;
  options.cache = request_.cache;
  // The server's own name took some of the time.
  options.timeout = request_.timeout.value_or(services_.net.options.dns_timeout) - (now - started_);
  switch (request_.what) {
    case DnsWhat::kAddresses:
      lookup_ = services_.net.resolver.lookup(request_.name, request_.families, options, now);
      return;
    case DnsWhat::kRecords: {
      const auto type = dns::find_record_type(request_.type);
      if (!type) {
        fail(Error{Errc::dns_bad_type, 0, request_.type});
        return;
      }
      lookup_ = services_.net.resolver.ask(request_.name, *type, options, now);
      return;
    }
    case DnsWhat::kReverse: {
      const auto address = net::parse_ip(request_.name);
      if (!address) {
        fail(Error{Errc::net_bad_address, 0, request_.name});
        return;
      }
      lookup_ = services_.net.resolver.ask(dns::Name::reverse_of(*address), dns::RecordType::kPtr,
                                           options, now);
      return;
    }
  }
}

bool DnsJob::advance(TimePoint /*now*/) { return false; }  // news comes from the resolver

base::Result<void> DnsJob::command(ChannelCommand /*command*/, TimePoint /*now*/) {
  return Errc::usage_stale_handle;
}

void DnsJob::lookup_finished(const dns::LookupDone& done, TimePoint now) {
  if (bootstrap_ == done.id) {
    bootstrap_.reset();
    if (!done.addresses) {
      fail(done.addresses.error());
      return;
    }
    servers_.front().endpoint.address = done.addresses->front();
    ask(now);
    return;
  }
  if (lookup_ != done.id) return;
  lookup_.reset();
  if (!done.addresses) {
    fail(done.addresses.error());
    return;
  }
  DnsAddresses out;
  for (std::size_t i = 0; i < done.addresses->size(); ++i) {
    const net::IpAddress& address = (*done.addresses)[i];
    const base::Duration ttl = i < done.ttls.size() ? done.ttls[i] : base::Duration{};
    out.addresses.push_back({net::to_string(address), family_of(address), ttl});
  }
  tell(std::move(out));
}

void DnsJob::answer_finished(const dns::AnswerDone& done) {
  if (lookup_ != done.id) return;
  lookup_.reset();
  if (done.answer) {
    tell(DnsRecords{*done.answer});
  } else {
    fail(done.answer.error());
  }
}

}  // namespace mix::tunnel
