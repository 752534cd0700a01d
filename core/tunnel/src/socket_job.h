// Raw sockets: a TCP stream, with or without TLS, and a UDP socket. spec: api part 2 §6
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "channel_job.h"

namespace mix::tunnel {

/// dial -> open (<-> secure) -> closing -> closed
class TcpJob final : public ChannelJob {
 public:
  TcpJob(JobId id, TcpRequest request, const ChannelServices& services, base::TimePoint now);

  bool advance(base::TimePoint now) override;
  [[nodiscard]] base::Result<void> command(ChannelCommand command, base::TimePoint now) override;
  void lookup_finished(const dns::LookupDone& done, base::TimePoint now) override;
  void fail(const base::Error& error) override;
  [[nodiscard]] bool done() const override { return std::holds_alternative<Done>(state_); }
  [[nodiscard]] base::Deadline next_deadline() const override;

 private:
  struct Open {
    std::unique_ptr<net::Stream> stream;
  };
  struct Securing {
    std::unique_ptr<tls::ClientStream> stream;
  };
  /// What was written still goes out; nothing more is told but the end.
  struct Closing {
    std::unique_ptr<net::Stream> stream;
    base::TimePoint give_up_at;
  };
  struct Done {};

  bool advance_dial(base::TimePoint now);
  bool advance_securing(base::TimePoint now);
  bool advance_open(base::TimePoint now);
  bool advance_closing(base::TimePoint now);
  bool write_pending(net::Stream& stream);
  bool read_some(net::Stream& stream);
  void opened(std::string alpn);
  [[nodiscard]] base::Result<void> start_tls(const TlsRequest& tls, base::TimePoint now);
  [[nodiscard]] net::Stream* stream() const;

  const TcpRequest request_;
  net::Endpoint peer_;
  base::Bytes pending_;  // given to us, not yet taken by the stream
  std::size_t pending_sent_ = 0;
  std::size_t unconsumed_ = 0;
  bool is_writing_ended_ = false;
  bool has_shut_down_ = false;
  bool has_told_end_ = false;
  bool is_close_wanted_ = false;
  std::variant<std::unique_ptr<Dialer>, Open, Securing, Closing, Done> state_;
};

class UdpJob final : public ChannelJob {
 public:
  UdpJob(JobId id, const ChannelServices& services);
  ~UdpJob() override;

  bool advance(base::TimePoint now) override;
  [[nodiscard]] base::Result<void> command(ChannelCommand command, base::TimePoint now) override;
  void lookup_finished(const dns::LookupDone& done, base::TimePoint now) override;
  void fail(const base::Error& error) override;
  [[nodiscard]] bool done() const override { return socket_ == nullptr; }
  [[nodiscard]] base::Deadline next_deadline() const override { return std::nullopt; }

 private:
  /// A datagram whose receiver's name is being looked up.
  struct Waiting {
    base::Bytes bytes;
    std::uint16_t port;
  };

  std::unique_ptr<net::UdpSocket> socket_;
  std::map<dns::LookupId, Waiting> waiting_;
  std::size_t unconsumed_ = 0, num_unread_ = 0;  // bytes and datagrams given to the page
};

}  // namespace mix::tunnel
