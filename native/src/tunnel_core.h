// The engine and its host: one thread that runs turns, carries out the engine's actions and waits
// in poll(); callers of any thread talk to the engine under one lock.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "mix/crypto/system_rng.h"
#include "mix/host/system_clock.h"
#include "mix/native/tunnel.h"
#include "outer.h"

namespace mix::native {

/// A socket as its owner sees it. Guarded by the core's lock.
struct Channel {
  tunnel::JobId job = 0;
  bool opened = false;
  bool ended = false;    // no more bytes will come
  bool closing = false;  // by us
  bool over = false;     // nothing more will come at all
  std::optional<base::Error> error;
  std::string address, alpn;
  std::uint16_t port = 0;
  base::Bytes received;
  std::size_t taken = 0;  // of `received`
  std::size_t unsent = 0;
  std::deque<Datagram> datagrams;
};

class TunnelCore {
 public:
  /// Nothing when another tunnel lives in this process.
  [[nodiscard]] static base::Result<std::shared_ptr<TunnelCore>> start(TunnelConfig config);
  ~TunnelCore();
  TunnelCore(const TunnelCore&) = delete;
  TunnelCore& operator=(const TunnelCore&) = delete;

  [[nodiscard]] base::Result<void> wait_until_ready(Timeout timeout);
  void stop();

  [[nodiscard]] base::Result<std::shared_ptr<Channel>> open(tunnel::ChannelRequest request);
  /// Errors: `usage_stale_handle`, `tunnel_shut_down`, the channel's.
  [[nodiscard]] base::Result<void> command(const Channel& channel, tunnel::ChannelCommand command);
  /// Ends it without further ado.
  void drop(Channel& channel);
  /// Calls `look` under the lock, again and again, until it answers. Errors: `net_connect_timeout`.
  template <class T>
  [[nodiscard]] base::Result<T> wait(Timeout timeout,
                                     const std::function<std::optional<base::Result<T>>()>& look) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    std::unique_lock lock(mutex_);
    while (true) {
      if (auto found = look()) return *std::move(found);
      if (changed_.wait_until(lock, end) == std::cv_status::timeout) {
        if (auto found = look()) return *std::move(found);
        return base::Errc::net_connect_timeout;
      }
    }
  }
  /// Calls `look` under the lock.
  template <class Look>
  auto with_lock(const Look& look) const {
    const std::scoped_lock lock(mutex_);
    return look();
  }
  /// Under the lock. Null once stopped.
  [[nodiscard]] tunnel::Engine* engine() { return engine_.get(); }
  /// The same without taking the lock: for callers inside wait() or with_lock().
  [[nodiscard]] base::Result<void> command_locked(const Channel& channel,
                                                  tunnel::ChannelCommand command);
  /// Why nothing can be done with a channel any more.
  [[nodiscard]] static base::Error reason(const Channel& channel);

 private:
  TunnelCore(TunnelConfig config, std::shared_ptr<tls::TrustStore> trust);

  void run();
  /// Under the lock: until nothing moves. Returns when to go on.
  base::Deadline turn();
  bool advance_outer(base::TimePoint now);
  void carry_out(tunnel::Action action);
  void carry_out_news(const tunnel::ChannelEvent& event);
  void open_link(const tunnel::OpenLink& action);
  void end_channels();
  void wait_for_io(base::Deadline deadline);

  host::SystemClock clock_;
  crypto::SystemRng rng_;
  OuterWorld world_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<tunnel::Engine> engine_;
  std::map<tunnel::LinkId, std::unique_ptr<OuterLink>> links_;
  std::map<tunnel::RequestId, std::unique_ptr<DirectoryCall>> calls_;
  std::map<tunnel::JobId, std::shared_ptr<Channel>> channels_;
  std::optional<base::Error> failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mix::native
