#include "mix/mixnet/reply_keys.h"

#include <algorithm>

namespace mix::mixnet {

namespace {
constexpr std::size_t kMaxContacts = 1024;  // the least recently used one goes
constexpr std::size_t kTakenWindow = 4096;  // digests remembered to recognise duplicates
}  // namespace

SenderTag ReplyKeys::tag_for(const Recipient& recipient, base::Rng& rng) {
  auto found = contacts_.find(recipient);
  if (found == contacts_.end()) {
    if (contacts_.size() >= kMaxContacts) {
      contacts_.erase(std::ranges::min_element(
          contacts_, {}, [](const auto& contact) { return contact.second.last_used_at; }));
    }
    Contact contact;
    contact.tag = SenderTag::generate(rng);
    found = contacts_.emplace(recipient, contact).first;
  }
  found->second.last_used_at = ++contact_uses_;
  return found->second.tag;
}

std::optional<SenderTag> ReplyKeys::find_tag(const Recipient& recipient) const {
  const auto found = contacts_.find(recipient);
  if (found == contacts_.end()) return std::nullopt;
  return found->second.tag;
}

void ReplyKeys::forget(const Recipient& recipient) { contacts_.erase(recipient); }

void ReplyKeys::store(const FragmentKey& key, const Recipient& recipient, std::uint32_t rotation_id,
                      base::TimePoint now) {
  while (!keys_.empty() && keys_.size() >= max_keys_) erase(keys_.find(by_age_.begin()->second));
  const auto contact = contacts_.find(recipient);
  const std::uint64_t number = contact == contacts_.end() ? 0 : ++contact->second.issued;
  const ReplyKeyDigest digest = reply_key_digest(key);
  const Sequence sequence = next_sequence_++;
  keys_.insert_or_assign(digest, Key{.key = key.clone(),
                                     .recipient = recipient,
                                     .number = number,
                                     .rotation_id = rotation_id,
                                     .created = now,
                                     .sequence = sequence});
  by_age_.emplace(sequence, digest);
}

void ReplyKeys::erase(Keys::iterator key) {
  by_age_.erase(key->second.sequence);
  keys_.erase(key);
}

std::optional<Recipient> ReplyKeys::issued_to(const ReplyKeyDigest& digest) const {
  const auto found = keys_.find(digest);
  if (found == keys_.end()) return std::nullopt;
  return found->second.recipient;
}

std::optional<FragmentKey> ReplyKeys::take(const ReplyKeyDigest& digest) {
  const auto found = keys_.find(digest);
  if (found == keys_.end()) return std::nullopt;
  const auto contact = contacts_.find(found->second.recipient);
  if (contact != contacts_.end()) {
    contact->second.spent = std::max(contact->second.spent, found->second.number);
  }
  FragmentKey key = std::move(found->second.key);
  erase(found);
  if (taken_.insert(digest).second) taken_order_.push_back(digest);
  if (taken_order_.size() > kTakenWindow) {
    taken_.erase(taken_order_.front());
    taken_order_.pop_front();
  }
  return key;
}

bool ReplyKeys::was_taken(const ReplyKeyDigest& digest) const { return taken_.contains(digest); }

std::uint32_t ReplyKeys::held_by(const Recipient& recipient) const {
  const auto found = contacts_.find(recipient);
  if (found == contacts_.end()) return 0;
  return static_cast<std::uint32_t>(found->second.issued - found->second.spent);
}

void ReplyKeys::rotation_changed(std::uint32_t oldest_rotation_id) {
  for (auto& [recipient, contact] : contacts_) contact.spent = contact.issued;
  for (auto key = keys_.begin(); key != keys_.end();) {
    const auto next = std::next(key);
    if (key->second.rotation_id < oldest_rotation_id) erase(key);
    key = next;
  }
}

void ReplyKeys::expire(base::TimePoint now) {
  while (base::is_due(next_deadline(), now)) erase(keys_.find(by_age_.begin()->second));
}

base::Deadline ReplyKeys::next_deadline() const {
  if (by_age_.empty()) return std::nullopt;
  return keys_.at(by_age_.begin()->second).created + max_age_;
}

}  // namespace mix::mixnet
