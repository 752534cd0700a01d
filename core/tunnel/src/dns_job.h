// One question to the resolver: (find the server's address ->) ask -> tell.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "channel_job.h"

namespace mix::tunnel {

class DnsJob final : public ChannelJob {
 public:
  DnsJob(JobId id, DnsRequest request, const ChannelServices& services, base::TimePoint now);
  ~DnsJob() override;

  bool advance(base::TimePoint now) override;
  [[nodiscard]] base::Result<void> command(ChannelCommand command, base::TimePoint now) override;
  void lookup_finished(const dns::LookupDone& done, base::TimePoint now) override;
  void answer_finished(const dns::AnswerDone& done) override;
  [[nodiscard]] bool done() const override { return has_told_last(); }
  [[nodiscard]] base::Deadline next_deadline() const override { return std::nullopt; }

 private:
  void ask(base::TimePoint now);
  void ask_for_addresses(base::TimePoint now);
  [[nodiscard]] bool answer_locally();

  const DnsRequest request_;
  const base::TimePoint started_;
  std::vector<dns::Server> servers_;
  std::optional<dns::LookupId> bootstrap_;  // of the server's own name
  std::optional<dns::LookupId> lookup_;     // of the question
};

}  // namespace mix::tunnel
