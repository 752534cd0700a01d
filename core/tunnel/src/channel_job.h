// What all channels are to the engine.
#pragma once

#include <deque>
#include <utility>

#include "dialer.h"
#include "mix/tunnel/channel.h"

namespace mix::tunnel {

/// What channels use of the engine. References outlive every channel.
struct ChannelServices {
  DialServices net;
  std::deque<Action>& actions;
};

class ChannelJob {
 public:
  ChannelJob(JobId id, const ChannelServices& services) : id_(id), services_(services) {}
  ChannelJob(const ChannelJob&) = delete;
  ChannelJob& operator=(const ChannelJob&) = delete;
  virtual ~ChannelJob() = default;

  /// Moves as far as possible; true when something moved.
  virtual bool advance(base::TimePoint now) = 0;
  /// Errors: `usage_stale_handle` (not for this kind of channel), and those of the command.
  [[nodiscard]] virtual base::Result<void> command(ChannelCommand command, base::TimePoint now) = 0;
  virtual void lookup_finished(const dns::LookupDone& done, base::TimePoint now) = 0;
  virtual void answer_finished(const dns::AnswerDone& /*done*/) {}
  /// Tells the last news and is done.
  virtual void fail(const base::Error& error) { tell(ChannelFailed{error}); }
  /// Nothing is left to do, not even to end a connection in order.
  [[nodiscard]] virtual bool done() const = 0;
  [[nodiscard]] virtual base::Deadline next_deadline() const = 0;

  /// For the statistics.
  [[nodiscard]] virtual bool is_open_websocket() const { return false; }
  [[nodiscard]] bool has_told_last() const { return has_told_last_; }

 protected:
  /// Nothing is told after the last news.
  void tell(ChannelNews news) {
    if (has_told_last_) return;
    has_told_last_ = is_last(news);
    services_.actions.push_back(ChannelEvent{id_, std::move(news)});
  }

  const JobId id_;
  const ChannelServices services_;

 private:
  bool has_told_last_ = false;
};

}  // namespace mix::tunnel
