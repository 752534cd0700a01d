// A connection pool or a dialer over a network that the test plays, on virtual time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "connection_pool.h"
#include "support/dns_message.h"
#include "support/fake_stack.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::tunnel {

struct PoolWorld {
  explicit PoolWorld(std::shared_ptr<tls::TrustStore> trust = tls::TrustStore::mozilla())
      : services{options, clock, rng, stack, resolver, std::move(trust)} {}

  using Ticket = ConnectionPool::Ticket;

  static ConnectionRequest request_for(const std::string& url, std::string isolation = {}) {
    const auto parsed = http::Url::parse(url);
    EXPECT_TRUE(parsed.has_value()) << url;
    return {std::move(isolation), parsed ? *parsed : http::Url{}};
  }
  Ticket ask(ConnectionRequest request) { return pool.request(std::move(request), clock.now()); }
  Ticket ask(const std::string& url, std::string isolation = {}) {
    return ask(request_for(url, std::move(isolation)));
  }
  /// Everything moves until it is quiet.
  void turn() {
    bool moved = true;
    while (moved) {
      moved = false;
      resolver.advance(clock.now());
      while (const auto done = resolver.poll_event()) {
        pool.lookup_finished(*done, clock.now());
        moved = true;
      }
      moved |= pool.advance(clock.now());
    }
  }
  void pass(base::Duration time) {
    clock.advance(time);
    turn();
  }
  /// What a ticket was granted; null when it still waits or was refused.
  std::unique_ptr<Granted> granted(Ticket ticket) {
    auto answer = pool.poll(ticket);
    if (!answer || !std::holds_alternative<Granted>(*answer)) return nullptr;
    return std::make_unique<Granted>(std::get<Granted>(std::move(*answer)));
  }
  std::unique_ptr<Granted> connect(ConnectionRequest request) {
    const Ticket ticket = ask(std::move(request));
    turn();
    auto out = granted(ticket);
    EXPECT_NE(out, nullptr);
    return out;
  }
  std::unique_ptr<Granted> connect(const std::string& url, std::string isolation = {}) {
    return connect(request_for(url, std::move(isolation)));
  }
  void give_back(std::unique_ptr<Granted> granted, base::Duration idle = base::Duration::max()) {
    granted->lease->give_back(idle, clock.now());
    turn();
  }
  /// Answers every question about names that waits: A with these addresses, AAAA with none.
  void answer_names(const std::vector<std::string>& addresses) {
    while (!stack.sent.empty()) {
      const test::FakeStack::Sent query = std::move(stack.sent.front());
      stack.sent.pop_front();
      test::DnsAnswer answer(query.payload);
      if (test::read_dns_query(query.payload).type == test::kTypeA) {
        for (const std::string& address : addresses) answer.address(address);
      } else {
        answer.authority("example", 300, 300);  // a denial to be remembered
      }
      EXPECT_TRUE(stack.answer(query, answer.bytes()));
    }
  }

  test::ManualClock clock;
  test::SeededRng rng{5};
  test::FakeStack stack;
  Options options;
  dns::Resolver resolver{{}, stack, rng};
  DialServices services;
  ConnectionPool pool{services};
};

}  // namespace mix::tunnel
