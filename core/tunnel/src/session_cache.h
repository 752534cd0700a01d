// TLS sessions of one origin for one isolation key: a returning connection saves the server's
// certificate and a signature. Kept apart by key, so that nothing links what the user keeps apart.
#pragma once

#include <deque>
#include <memory>

#include "mix/tls/client.h"

namespace mix::tunnel {

class OriginSessions final : public tls::SessionCache {
 public:
  void put(std::unique_ptr<tls::Session> session) override {
    if (sessions_.size() == kMost) sessions_.pop_front();
    sessions_.push_back(std::move(session));
  }
  /// The newest; a ticket is used once, so that connections cannot be linked by it.
  std::unique_ptr<tls::Session> take() override {
    if (sessions_.empty()) return nullptr;
    auto session = std::move(sessions_.back());
    sessions_.pop_back();
    return session;
  }

 private:
  static constexpr std::size_t kMost = 4;
  std::deque<std::unique_ptr<tls::Session>> sessions_;  // oldest first
};

}  // namespace mix::tunnel
