// The far end of one TCP connection over which a fixed stream of bytes comes: every segment is made
// before the time is taken, so that a run measures the client alone. Nothing is lost or reordered.
#pragma once

#include <cstdint>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/net/address.h"

namespace mix::bench {

class ReplayServer {
 public:
  /// A packet of the client. SYN and data are noted; acknowledgements open the window.
  void receive(base::ByteView packet);
  /// Bytes of the client's stream so far.
  [[nodiscard]] std::size_t received() const { return received_; }

  /// Appends to the server's stream and makes the segments.
  void say(base::ByteView bytes);
  /// The next packet that the client's window allows; empty when there is none now.
  [[nodiscard]] base::ByteView poll();

 private:
  struct Packet {
    std::size_t at, size;  // within packets_
    std::uint32_t end;     // sequence number behind it
  };

  void answer_syn();
  void add(std::uint8_t flags, base::ByteView options, base::ByteView payload);

  net::Endpoint client_, own_;
  std::uint32_t client_next_ = 0;  // sequence number expected of the client
  std::uint32_t next_ = 1;         // of this side
  std::uint32_t window_end_ = 0;   // first sequence number that the client does not take
  std::uint32_t echo_ = 0;         // the client's last time stamp
  std::size_t received_ = 0;

  base::Bytes bytes_;
  std::vector<Packet> packets_;
  std::size_t sent_ = 0;
};

}  // namespace mix::bench
