// All open channels of an engine.
#pragma once

#include <map>
#include <memory>

#include "channel_job.h"

namespace mix::tunnel {

class ChannelTable {
 public:
  /// Errors: those of the request (`usage_bad_url`, `ws_bad_option`, `usage_bad_header`).
  [[nodiscard]] base::Result<void> open(JobId id, ChannelRequest request,
                                        const ChannelServices& services, base::TimePoint now);
  /// Errors: `usage_stale_handle`, and those of the command.
  [[nodiscard]] base::Result<void> command(JobId id, ChannelCommand command, base::TimePoint now);
  /// Drops a channel without news. Stale ids are ignored.
  void cancel(JobId id) { channels_.erase(id); }
  void fail_all(const base::Error& error);

  bool advance(base::TimePoint now);
  void lookup_finished(const dns::LookupDone& done, base::TimePoint now);
  void answer_finished(const dns::AnswerDone& done);
  [[nodiscard]] base::Deadline next_deadline() const;
  [[nodiscard]] std::size_t size() const { return channels_.size(); }
  [[nodiscard]] std::size_t open_websockets() const;

 private:
  std::map<JobId, std::unique_ptr<ChannelJob>> channels_;
};

}  // namespace mix::tunnel
