// What a caller gives the engine to send to another client of the mixnet, without any exit.
// spec: api part 2 §8.
#pragma once

#include <cstdint>
#include <string>

#include "mix/base/bytes.h"
#include "mix/base/time.h"

namespace mix::tunnel {

/// How `MessageRequest::to` names who gets the message.
enum class MessageTo : std::uint8_t {
  kRecipient,  // Nym address
  kSenderTag,  // base58 pseudonym of somebody who wrote to us with reply SURBs
};

/// Messages of the other lane, and IP traffic, do not hold up those of one lane.
enum class MessageLane : std::uint8_t { kGeneral, kFast };

/// When a message counts as sent.
enum class Confirm : std::uint8_t {
  kAcknowledged,  // all its packets are acknowledged
  kQueued,        // the mixnet has taken it; it may still get lost
};

struct MessageRequest {
  std::string to;
  MessageTo addressing = MessageTo::kRecipient;
  base::Bytes data;
  /// For answers; more than zero shows the recipient a sender tag. Not with kSenderTag.
  std::uint32_t reply_surbs = 0;
  MessageLane lane = MessageLane::kGeneral;
  Confirm confirm = Confirm::kAcknowledged;
  base::Duration timeout = std::chrono::minutes{2};  // then it is no longer retransmitted
};

}  // namespace mix::tunnel
