// A bounded stock of what a packet needs before its payload is known: headers, each on a route of
// its own with delays of its own, and the keys that encrypt a fragment for its recipient. Filled
// while nothing else is to be done (see PacketBuilder::build_ahead), so that a burst of requests
// does not wait for its multiplications. What is in it is used once; what is dropped is wiped.
// docs/adr/0015.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "mix/base/time.h"
#include "mix/mixnet/address.h"
#include "mix/mixnet/fragment_crypto.h"
#include "mix/sphinx/surb.h"

namespace mix::mixnet {

/// A header and the payload keys that go with it. As a SURB it is used up by wrapping a payload.
struct ReadyHeader {
  sphinx::Surb surb;
  base::Duration delay{};  // of the mixes on its route
};

class HeadersAhead {
 public:
  /// What is kept. Own: leads here, for reply SURBs and cover. Peer: leads to the recipient that
  /// most packets go to, which is the exit.
  enum class Part : std::uint8_t { kAck, kPeer, kPeerSeal, kOwn, kOwnSeal };

  /// Parts of each kind at most, of `kOwn` twice as many, for a packet takes several SURBs along.
  /// Zero, the default: nothing is kept. Another size than before drops what is there.
  void set_size(std::size_t size);
  /// Drops all, because it belongs to another topology.
  void clear();

  /// A packet goes to this recipient. Two in a row make it the peer.
  void note_use(const Recipient& to);
  [[nodiscard]] bool is_peer(const Recipient& to) const { return peer_ == to; }
  [[nodiscard]] const std::optional<Recipient>& peer() const { return peer_; }

  /// Empty when none is left. `part` is a kind of header.
  [[nodiscard]] std::optional<ReadyHeader> take_header(Part part);
  /// The same for the kinds of seals.
  [[nodiscard]] std::optional<FragmentSeal> take_seal(Part part);

  /// Filling begins when something has sunk below half of its size, and ends when all is full.
  [[nodiscard]] bool wants_more() const { return is_filling_; }
  /// What to build next; nothing when all is full.
  [[nodiscard]] std::optional<Part> next_part();
  void put(Part part, ReadyHeader header);
  void put(Part part, FragmentSeal seal);
  /// Something could not be built: not tried again before something is taken.
  void give_up() { is_filling_ = false; }

  /// Parts of all kinds.
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::array kParts{Part::kAck, Part::kPeer, Part::kPeerSeal, Part::kOwn,
                                     Part::kOwnSeal};

  [[nodiscard]] std::size_t size_of(Part part) const;
  [[nodiscard]] std::size_t most_of(Part part) const;
  void note_taken(Part part);

  std::size_t size_ = 0;
  bool is_filling_ = false;
  std::optional<Recipient> peer_, candidate_;
  std::array<std::deque<ReadyHeader>, kParts.size()> headers_;  // by part
  std::array<std::deque<FragmentSeal>, kParts.size()> seals_;
};

}  // namespace mix::mixnet
