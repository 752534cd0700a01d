// Our own reply SURBs, as far as the creator remembers them: the keys that open their replies, and
// what each recipient should still hold. spec: messages §2.3, §11.1.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/mixnet/address.h"
#include "mix/mixnet/fragment_crypto.h"

namespace mix::mixnet {

class ReplyKeys {
 public:
  /// Keys older than `max_age` go, and the oldest beyond `max_keys`.
  ReplyKeys(base::Duration max_age, std::size_t max_keys)
      : max_age_(max_age), max_keys_(max_keys) {}

  /// The pseudonym used towards `recipient`, made at the first call.
  [[nodiscard]] SenderTag tag_for(const Recipient& recipient, base::Rng& rng);
  /// Nothing when no repliable message ever went there.
  [[nodiscard]] std::optional<SenderTag> find_tag(const Recipient& recipient) const;
  /// Forgets the pseudonym. Its keys stay until they age.
  void forget(const Recipient& recipient);

  /// Stores the key of a SURB for `recipient`; call it before the SURB can leave.
  void store(const FragmentKey& key, const Recipient& recipient, std::uint32_t rotation_id,
             base::TimePoint now);
  /// For whom the SURB of this key was made; nothing when it is unknown or was taken.
  [[nodiscard]] std::optional<Recipient> issued_to(const ReplyKeyDigest& digest) const;
  /// The key, which is then gone: a SURB is used once.
  [[nodiscard]] std::optional<FragmentKey> take(const ReplyKeyDigest& digest);
  /// True for a digest that was taken not long ago: the body is a duplicate.
  [[nodiscard]] bool was_taken(const ReplyKeyDigest& digest) const;

  /// SURBs that `recipient` should hold. It uses the oldest first, so all that were made before
  /// the newest used one count as gone, and all of an earlier rotation.
  [[nodiscard]] std::uint32_t held_by(const Recipient& recipient) const;
  /// The topology moved to another rotation. Keys of rotations before `oldest_rotation_id` go:
  /// no node can read their headers any more.
  void rotation_changed(std::uint32_t oldest_rotation_id);

  void expire(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const;
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  using Sequence = std::uint64_t;  // over all SURBs, in order of creation
  struct Contact {
    SenderTag tag;
    std::uint64_t issued = 0;        // SURBs made for it
    std::uint64_t spent = 0;         // of these, the first ones that count as gone
    std::uint64_t last_used_at = 0;  // for evicting contacts
  };
  struct Key {
    FragmentKey key;
    Recipient recipient;
    std::uint64_t number;  // of the recipient's SURBs, from 1
    std::uint32_t rotation_id;
    base::TimePoint created;
    Sequence sequence;
  };
  using Keys = std::map<ReplyKeyDigest, Key>;

  void erase(Keys::iterator key);

  base::Duration max_age_;
  std::size_t max_keys_;
  std::map<Recipient, Contact> contacts_;
  Keys keys_;
  std::map<Sequence, ReplyKeyDigest> by_age_;
  Sequence next_sequence_ = 0;
  std::uint64_t contact_uses_ = 0;
  std::set<ReplyKeyDigest> taken_;
  std::deque<ReplyKeyDigest> taken_order_;
};

}  // namespace mix::mixnet
