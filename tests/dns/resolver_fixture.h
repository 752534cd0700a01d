// A resolver with a network that the test plays by hand.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "mix/dns/resolver.h"
#include "support/dns_message.h"
#include "support/fake_stack.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::dns {

using namespace std::chrono_literals;
using base::Bytes;
using base::Errc;
using test::DnsAnswer;
using test::FakeStack;
using test::kTypeA;
using test::kTypeAaaa;

inline const net::Endpoint kPrimary{net::Ipv4{{8, 8, 8, 8}}, 53};
inline const net::Endpoint kFallback{net::Ipv4{{1, 1, 1, 1}}, 53};

class ResolverTest : public testing::Test {
 protected:
  [[nodiscard]] base::TimePoint now() const { return clock.now(); }
  void pass(base::Duration time) {
    clock.advance(time);
    resolver.advance(now());
  }
  /// The oldest datagram nobody looked at, with its question read.
  FakeStack::Sent next_sent() {
    EXPECT_FALSE(stack.sent.empty());
    FakeStack::Sent out = std::move(stack.sent.front());
    stack.sent.pop_front();
    return out;
  }
  /// All that was sent since the last call, by type asked.
  std::map<std::uint16_t, FakeStack::Sent> sent_by_type() {
    std::map<std::uint16_t, FakeStack::Sent> out;
    while (!stack.sent.empty()) {
      auto sent = next_sent();
      out.emplace(test::read_dns_query(sent.payload).type, std::move(sent));
    }
    return out;
  }
  void answer(const FakeStack::Sent& query, const DnsAnswer& with) {
    EXPECT_TRUE(stack.answer(query, with.bytes()));
    resolver.advance(now());
  }
  /// "1.2.3.4 ::1", or the error's name and context; empty when nothing is done.
  std::string result() {
    const auto done = resolver.poll_event();
    if (!done) return "";
    if (!done->addresses) {
      const auto& error = done->addresses.error();
      return std::string(base::error_name(error.code)) + ": " + error.context;
    }
    std::string out;
    for (const auto& address : *done->addresses) {
      out += (out.empty() ? "" : " ") + net::to_string(address);
    }
    return out;
  }
  /// Looks a name up and answers both questions with these.
  std::string resolve(
      std::string_view host, const std::function<void(DnsAnswer&)>& fill_a,
      const std::function<void(DnsAnswer&)>& fill_aaaa = [](DnsAnswer&) {}) {
    (void)resolver.lookup(host, now());
    for (auto& [type, query] : sent_by_type()) {
      DnsAnswer out(query.payload);
      type == kTypeA ? fill_a(out) : fill_aaaa(out);
      answer(query, out);
    }
    return result();
  }

  test::ManualClock clock;
  test::SeededRng rng{11};
  FakeStack stack;
  ResolverConfig config;
  Resolver resolver{config, stack, rng};
};

}  // namespace mix::dns
