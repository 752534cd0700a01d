#include "mix/mixnet/client.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "mix/crypto/secret.h"
#include "mix/mixnet/ack.h"
#include "mix/mixnet/constants.h"
#include "mix/mixnet/fragment_crypto.h"
#include "mix/mixnet/lanes.h"
#include "mix/mixnet/packet_builder.h"
#include "mix/mixnet/padding.h"
#include "mix/mixnet/reassembly.h"
#include "mix/mixnet/replier.h"
#include "mix/mixnet/reply_keys.h"
#include "mix/mixnet/streams.h"
#include "mix/mixnet/typed_message.h"

namespace mix::mixnet {

namespace {

using base::Errc;

constexpr MessageId kHousekeeping = 0;
constexpr Lane kRetransmissionLane{LaneKind::kRetransmission, 0};
constexpr Lane kRequestLane{LaneKind::kReplySurbRequest, 0};
constexpr Lane kSupplyLane{LaneKind::kAdditionalReplySurbs, 0};

/// SURBs are supplied in messages of this many packets: well filled (24 SURBs of version 2), and
/// usable by the peer as soon as these few have arrived. The most is kMaxSurbsPerMessage.
constexpr std::size_t kSupplyPackets = 7;
/// The next supply message is made when the lane has no more than this, so that its SURBs are of
/// the newest topology and the lane stays short.
constexpr std::size_t kSupplyLaneLow = 2;

/// How soon to look again whether a full link has room; its host may not tell.
constexpr base::Duration kLinkRetry = std::chrono::milliseconds{5};

}  // namespace

class Client::Impl {
 public:
  Impl(const TrafficConfig& traffic, const ReplierConfig& replier, const ClientKeys& keys,
       const crypto::Ed25519PublicKey& gateway, base::Rng& rng, base::Log& log)
      : config_(traffic),
        max_allowed_request_(replier.max_allowed_request),
        keys_(keys),
        rng_(rng),
        log_(log),
        builder_(traffic, keys, gateway, rng),
        tracker_(traffic.ack_wait_multiplier, traffic.ack_wait_addition),
        main_stream_(rng),
        loop_stream_(rng),
        reassembler_(traffic.max_reassembly_bytes),
        reply_keys_(traffic.max_reply_key_age, traffic.max_reply_keys),
        replier_(replier) {}

  [[nodiscard]] Recipient address() const { return builder_.address(); }

  // --- lifecycle

  void set_topology(std::shared_ptr<const directory::Topology> topology, base::TimePoint now) {
    seen_ = now;
    const bool was_ready = builder_.ready();
    const std::optional<directory::EpochMetadata> metadata =
        topology ? std::optional(topology->metadata()) : std::nullopt;
    builder_.set_topology(std::move(topology));
    if (metadata) {
      if (rotation_id_ && *rotation_id_ != metadata->rotation_id) {
        const std::uint32_t id = metadata->rotation_id;
        reply_keys_.rotation_changed(id == 0 ? 0 : id - 1);
      }
      rotation_id_ = metadata->rotation_id;
      replier_.set_topology(*metadata, now);
    }
    if (sending() && !was_ready) start_streams(now);
  }

  void set_headers_ahead(std::size_t size) { builder_.set_headers_ahead(size); }

  void set_replier(const ReplierConfig& replier) {
    max_allowed_request_ = replier.max_allowed_request;
    replier_.set_config(replier);
  }

  void set_rotation_info(const directory::KeyRotationInfo& info, base::TimePoint now,
                         base::WallTime wall_now) {
    seen_ = now;
    replier_.set_rotation_info(info, now, wall_now);
  }

  void start(base::TimePoint now) {
    seen_ = now;
    running_ = true;
    blocked_until_.reset();
    // What the gateway kept for us has been handed over by now, acknowledgements included: what is
    // still unacknowledged went down with the last link.
    tracker_.hurry(now);
    if (sending()) start_streams(now);
  }

  void stop(base::TimePoint now) {
    seen_ = now;
    running_ = false;
    main_stream_.stop();
    loop_stream_.stop();
  }

  // --- input from above

  base::Result<MessageId> send(const Recipient& to, base::ByteView data, const SendOptions& options,
                               base::TimePoint now) {
    seen_ = now;
    const bool repliable = options.anonymous || options.reply_surbs > 0;
    const std::size_t overhead =
        repliable ? repliable_overhead(builder_.list_version(), options.reply_surbs,
                                       builder_.reply_surb_size())
                  : kMessageTypeSize;
    MIX_CHECK(check_room(overhead + data.size()));
    TypedMessage message = PlainMessage{};
    if (repliable) {
      MIX_TRY(message, make_repliable(to, RepliableMessage::Content::kData, options.reply_surbs,
                                      base::to_bytes(data), now));
    } else {
      message = PlainMessage{base::to_bytes(data)};
    }
    const MessageId id = ++last_message_;
    TrackedFragment like;
    like.to = to;
    like.message = id;
    like.lane = options.lane;
    like.max_retransmissions = options.max_retransmissions;
    MIX_TRY(const auto fragments, register_message(message, like));
    for (const FragmentId& fragment : fragments) lanes_.push(options.lane, fragment, now);
    return id;
  }

  base::Result<MessageId> reply(const SenderTag& to, base::ByteView data,
                                const SendOptions& options, base::TimePoint now) {
    seen_ = now;
    if (!replier_.knows(to)) return Errc::mixnet_unknown_sender;
    if (data.empty()) return Errc::mixnet_bad_message;
    MIX_CHECK(check_room(kMessageTypeSize + kContentTagSize + data.size()));
    const MessageId id = ++last_message_;
    TrackedFragment like;
    like.to = to;
    like.message = id;
    like.lane = options.lane;
    like.max_retransmissions = options.max_retransmissions;
    MIX_TRY(const auto fragments, register_message(ReplyData{base::to_bytes(data)}, like));
    replier_.send(to, fragments, now);
    drain_replier(now);
    return id;
  }

  base::Result<void> supply_surbs(const Recipient& to, std::uint32_t amount, base::TimePoint now) {
    seen_ = now;
    std::uint32_t& owed = owe(to);
    if (owed >= max_allowed_request_) return Errc::usage_queue_full;
    owed += std::min(amount, max_allowed_request_ - owed);
    return {};
  }

  void offer_surbs(const Recipient& to, std::uint32_t amount) { offered_ = {to, amount}; }

  void close_lane(const Lane& lane) {
    const auto unsent = tracker_.select([&lane](const TrackedFragment& fragment) {
      return fragment.lane == lane && fragment.packets_sent == 0;
    });
    (void)lanes_.remove(lane);
    for (const FragmentId& id : unsent) drop_silently(id);
  }

  void cancel(MessageId message) {
    const auto unwanted = tracker_.select(
        [message](const TrackedFragment& fragment) { return fragment.message == message; });
    for (const FragmentId& id : unwanted) drop_silently(id);
    progress_.erase(message);
  }

  void forget(const Recipient& recipient) {
    const auto unwanted = tracker_.select([&recipient](const TrackedFragment& fragment) {
      const auto* to = std::get_if<Recipient>(&fragment.to);
      return to != nullptr && *to == recipient;
    });
    for (const FragmentId& id : unwanted) drop_silently(id);
    std::erase_if(owed_, [&recipient](const Owed& owed) { return owed.to == recipient; });
    if (offered_.to == recipient) offered_.amount = 0;
    reply_keys_.forget(recipient);
  }

  // --- input from below

  void receive(base::ByteView delivered, base::TimePoint now) {
    seen_ = now;
    if (delivered.size() == kAckContentSize) {
      receive_ack(delivered, now);
    } else if (delivered.size() <= kMaxShortDelivery) {
      undecodable("mixnet.short_delivery");
    } else {
      receive_body(delivered, now);
    }
  }

  // --- output

  std::optional<MixPacket> poll_output(base::TimePoint now, std::size_t link_backlog) {
    seen_ = now;
    if (!sending()) return std::nullopt;
    compose_supply(now);
    if (!config_.disable_main_poisson) rate_.observe(link_backlog, now);
    const bool full = link_backlog >= kLinkQueueLimit;
    blocked_until_.reset();
    if (full) blocked_until_ = now + kLinkRetry;
    if (config_.disable_main_poisson) {
      if (!full) {
        if (auto packet = next_real(now)) return packet;
      }
    } else if (!full && main_stream_.fire(main_mean(), now)) {
      // Exactly one packet per firing, real or cover.
      if (auto packet = next_real(now)) return packet;
      if (auto packet = next_offered(now)) return packet;
      if (auto packet = next_cover(stats_.sent_cover)) return packet;
    }
    if (!config_.disable_loop_cover) {
      while (loop_stream_.fire(config_.loop_cover_average_delay, now)) {
        // A full link drops loop cover. spec: messages §10.2.
        if (full) continue;
        if (auto packet = next_cover(stats_.sent_loop)) return packet;
      }
    }
    return std::nullopt;
  }

  std::optional<ClientEvent> poll_event() {
    if (events_.empty()) return std::nullopt;
    ClientEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  [[nodiscard]] base::Deadline next_deadline() const {
    base::Deadline first;
    if (sending()) {
      base::Deadline main = main_stream_.next_deadline();
      if (config_.disable_main_poisson) {
        main.reset();
        if (lanes_.size() > 0 || !owed_.empty()) main = seen_;
      }
      // A full link is looked at again later, not at once.
      if (main && blocked_until_) main = std::max(*main, *blocked_until_);
      first = base::earlier(first, main);
      first = base::earlier(first, loop_stream_.next_deadline());
      first = base::earlier(first, lanes_.next_deadline());
      if (builder_.wants_headers()) first = base::earlier(first, headers_at_);
    }
    first = base::earlier(first, tracker_.next_deadline());
    first = base::earlier(first, replier_.next_deadline());
    return base::earlier(first, reply_keys_.next_deadline());
  }

  void expire(base::TimePoint now) {
    seen_ = now;
    while (const auto id = tracker_.pop_due(now)) retransmit(*id, now);
    if (sending()) {
      for (const FragmentId& id : lanes_.expire(now)) lose(id, Errc::mixnet_undelivered);
      if (now >= headers_at_ && builder_.wants_headers()) {
        builder_.build_ahead(kHeadersPerStep);
        headers_at_ = now + kPauseBetweenHeaders;
      }
    }
    reply_keys_.expire(now);
    replier_.expire(now);
    drain_replier(now);
  }

  // --- figures

  [[nodiscard]] std::size_t queued(const Lane& lane) const { return lanes_.size(lane); }

  [[nodiscard]] std::uint32_t surbs_at(const Recipient& to) const {
    const auto owed = std::ranges::find(owed_, to, &Owed::to);
    return reply_keys_.held_by(to) + (owed == owed_.end() ? 0 : owed->amount);
  }

  [[nodiscard]] ClientStats stats() const {
    ClientStats stats = stats_;
    stats.queued = queued_total();
    stats.unacknowledged = tracker_.size();
    stats.reply_keys = reply_keys_.size();
    stats.headers_ahead = builder_.headers_ahead();
    stats.buffered_fragments = reassembler_.buffered_fragments();
    stats.send_multiplier = rate_.multiplier();
    stats.round_trips = round_trips_.summary();
    return stats;
  }

 private:
  /// SURBs promised to a recipient and not made yet.
  struct Owed {
    Recipient to;
    std::uint32_t amount = 0;
  };
  /// What is left of a message of the application.
  struct Progress {
    std::size_t unacknowledged = 0;
    bool lost = false;
  };

  // --- schedule

  /// Packets may leave: the link is up and there is a usable topology.
  [[nodiscard]] bool sending() const { return running_ && builder_.ready(); }

  void start_streams(base::TimePoint now) {
    // The pause was not the lanes' fault.
    lanes_.touch(now);
    if (!config_.disable_main_poisson) main_stream_.start(main_mean(), now);
    if (!config_.disable_loop_cover) {
      loop_stream_.start(config_.loop_cover_average_delay, now);
    }
  }

  [[nodiscard]] base::Duration main_mean() const {
    return config_.message_sending_average_delay * rate_.multiplier();
  }

  /// A message comes or goes: others will follow, and headers are built later.
  void note_busy(base::TimePoint now) { headers_at_ = now + kQuietBeforeHeaders; }

  [[nodiscard]] std::size_t queued_total() const { return lanes_.size() + replier_.waiting(); }

  /// The next fragment of the lanes as a packet. Nothing when the lanes are empty.
  std::optional<MixPacket> next_real(base::TimePoint now) {
    while (const auto id = lanes_.pop(rng_)) {
      TrackedFragment* fragment = tracker_.find(*id);
      // Acknowledged or dropped while it was queued again.
      if (fragment == nullptr) continue;
      auto packet = build(*id, *fragment);
      if (!packet) {
        log_.event("mixnet.packet_not_built", static_cast<std::int64_t>(packet.error().code));
        if (fragment->packets_sent > 0) {
          tracker_.restart(*id, now);
        } else {
          lose(*id, packet.error().code);
        }
        continue;
      }
      note_busy(now);
      ++(fragment->packets_sent == 0 ? stats_.sent_real : stats_.retransmitted);
      ++stats_.sent_acks;
      tracker_.sent(*id, packet->expected_delay, now);
      return std::move(packet->packet);
    }
    return std::nullopt;
  }

  base::Result<PreparedPacket> build(const FragmentId& id, TrackedFragment& fragment) {
    if (const auto* recipient = std::get_if<Recipient>(&fragment.to)) {
      return builder_.build(fragment.bytes, id, *recipient, fragment.size);
    }
    if (!fragment.surb) return Errc::mixnet_no_surbs;
    auto packet = builder_.build_reply(fragment.bytes, id, *fragment.surb, fragment.size);
    fragment.surb.reset();
    return packet;
  }

  std::optional<MixPacket> next_cover(std::uint64_t& counter) {
    sphinx::PacketSize size = config_.primary_packet_size;
    if (config_.secondary_packet_size && rng_.unit() >= config_.cover_primary_size_ratio) {
      size = *config_.secondary_packet_size;
    }
    auto packet = builder_.build_cover(size);
    if (!packet) {
      log_.event("mixnet.cover_not_built", static_cast<std::int64_t>(packet.error().code));
      return std::nullopt;
    }
    ++counter;
    ++stats_.sent_acks;
    return std::move(packet->packet);
  }

  // --- messages out

  [[nodiscard]] base::Result<void> check_room(std::size_t message_size) const {
    const std::size_t fragments = plan_for(message_size).second.fragments;
    if (fragments > config_.max_queued_packets) return Errc::mixnet_message_too_long;
    if (queued_total() + fragments > config_.max_queued_packets ||
        tracker_.size() + fragments > config_.max_unacknowledged) {
      return Errc::usage_queue_full;
    }
    return {};
  }

  /// The secondary size is used only when it takes fewer packets. spec: messages §10.6.
  [[nodiscard]] std::pair<sphinx::PacketSize, SplitPlan> plan_for(std::size_t message_size) const {
    const auto plan = [message_size](sphinx::PacketSize size) {
      return plan_split(message_size + kPaddingMarkSize, fragment_bytes(size));
    };
    const SplitPlan primary = plan(config_.primary_packet_size);
    if (config_.secondary_packet_size) {
      const SplitPlan secondary = plan(*config_.secondary_packet_size);
      if (secondary.fragments < primary.fragments) {
        return {*config_.secondary_packet_size, secondary};
      }
    }
    return {config_.primary_packet_size, primary};
  }

  base::Result<TypedMessage> make_repliable(const Recipient& to, RepliableMessage::Content content,
                                            std::uint32_t num_surbs, base::Bytes data,
                                            base::TimePoint now) {
    if (num_surbs > 0 && !builder_.ready()) return Errc::mixnet_no_topology;
    RepliableMessage message;
    message.content = content;
    message.list = builder_.list_version();
    message.data = std::move(data);
    message.surbs.reserve(num_surbs);
    for (std::uint32_t i = 0; i < num_surbs; ++i) {
      MIX_TRY(ReplySurb surb, builder_.build_reply_surb());
      message.surbs.push_back(std::move(surb));
    }
    message.sender = reply_keys_.tag_for(to, rng_);
    // Before the SURBs can leave.
    for (const ReplySurb& surb : message.surbs) {
      reply_keys_.store(surb.key, to, builder_.rotation_id(), now);
    }
    stats_.surbs_sent += num_surbs;
    return TypedMessage{std::move(message)};
  }

  /// Cuts a message and registers its fragments, each a copy of `like`.
  base::Result<std::vector<FragmentId>> register_message(const TypedMessage& message,
                                                         const TrackedFragment& like) {
    MIX_TRY(base::Bytes bytes, encode(message));
    const sphinx::PacketSize size = plan_for(bytes.size()).first;
    bytes = pad(std::move(bytes), fragment_bytes(size));
    auto fragments = split(bytes, fragment_bytes(size), rng_);
    crypto::wipe(bytes);
    std::vector<FragmentId> ids;
    ids.reserve(fragments.size());
    for (Fragment& fragment : fragments) {
      ids.push_back(fragment.id);
      TrackedFragment tracked;
      tracked.bytes = std::move(fragment.bytes);
      tracked.to = like.to;
      tracked.message = like.message;
      tracked.lane = like.lane;
      tracked.size = size;
      tracked.max_retransmissions = like.max_retransmissions;
      tracked.reserve = like.reserve;
      tracker_.add(fragment.id, std::move(tracked));
    }
    if (like.message != kHousekeeping) progress_[like.message].unacknowledged = ids.size();
    return ids;
  }

  // --- SURBs for others

  std::uint32_t& owe(const Recipient& to) {
    const auto found = std::ranges::find(owed_, to, &Owed::to);
    if (found != owed_.end()) return found->amount;
    owed_.push_back({to, 0});
    return owed_.back().amount;
  }

  /// Makes the next supply message when the last one has nearly left.
  void compose_supply(base::TimePoint now) {
    while (!owed_.empty() && lanes_.size(kSupplyLane) <= kSupplyLaneLow) {
      Owed& owed = owed_.front();
      const std::uint32_t amount = std::min(owed.amount, surbs_in(kSupplyPackets));
      if (amount > 0 && !queue_supply(owed.to, amount, now)) return;
      // Recipients take turns.
      Owed rest{owed.to, owed.amount - amount};
      owed_.pop_front();
      if (rest.amount > 0) owed_.push_back(rest);
    }
  }

  /// A packet of SURBs that somebody may get instead of cover.
  std::optional<MixPacket> next_offered(base::TimePoint now) {
    const std::uint32_t amount = std::min(offered_.amount, surbs_in(1));
    if (amount == 0 || !check_room(plan_room(1)) || !queue_supply(offered_.to, amount, now)) {
      return std::nullopt;
    }
    offered_.amount -= amount;
    return next_real(now);
  }

  /// Queues a message of SURBs alone. False when it cannot be made now.
  bool queue_supply(const Recipient& to, std::uint32_t amount, base::TimePoint now) {
    const auto message =
        make_repliable(to, RepliableMessage::Content::kAdditionalSurbs, amount, {}, now);
    if (!message) return false;
    TrackedFragment like;
    like.to = to;
    like.message = kHousekeeping;
    like.lane = kSupplyLane;
    const auto ids = register_message(*message, like);
    if (!ids) return false;
    for (const FragmentId& id : *ids) lanes_.push(kSupplyLane, id, now);
    return true;
  }

  /// How many SURBs a message of so many packets takes.
  [[nodiscard]] std::uint32_t surbs_in(std::size_t packets) const {
    const std::size_t surb = builder_.reply_surb_size();
    const std::size_t head = repliable_overhead(builder_.list_version(), 0, surb);
    return std::min(static_cast<std::uint32_t>((plan_room(packets) - head) / surb),
                    kMaxSurbsPerMessage);
  }

  /// Bytes of a message that fills this many packets of the primary size.
  [[nodiscard]] std::size_t plan_room(std::size_t packets) const {
    const std::size_t payload = fragment_bytes(config_.primary_packet_size) - kShortHeaderSize;
    return packets * payload - kPaddingMarkSize;
  }

  void answer(const SurbRequest& request) {
    // Only those whom we wrote to may ask. spec: messages §11.2.
    if (!reply_keys_.find_tag(request.replier)) {
      log_.event("mixnet.surb_request_ignored", 0);
      return;
    }
    const std::uint32_t amount = std::min(request.amount, max_allowed_request_);
    std::uint32_t& owed = owe(request.replier);
    owed += std::min(amount, max_allowed_request_ - owed);
    stats_.surbs_requested += amount;
    events_.emplace_back(SurbsRequested{request.replier, amount});
  }

  // --- replies

  void drain_replier(base::TimePoint now) {
    while (auto output = replier_.poll_output()) {
      if (auto* assigned = std::get_if<SurbAssigned>(&*output)) {
        TrackedFragment* fragment = tracker_.find(assigned->fragment);
        if (fragment == nullptr) continue;
        fragment->surb = std::move(assigned->surb);
        lanes_.push(assigned->why == SurbAssigned::Why::kNew ? fragment->lane : kRetransmissionLane,
                    assigned->fragment, now);
      } else if (auto* needed = std::get_if<SurbsNeeded>(&*output)) {
        request_surbs(std::move(*needed), now);
      } else if (const auto* given_up = std::get_if<ReplyGivenUp>(&*output)) {
        lose(given_up->fragment, Errc::mixnet_no_surbs);
      }
    }
  }

  void request_surbs(SurbsNeeded needed, base::TimePoint now) {
    TrackedFragment like;
    like.to = needed.from;
    like.message = kHousekeeping;
    like.lane = kRequestLane;
    like.max_retransmissions = kSurbRequestRetransmissions;
    like.reserve = TrackedFragment::Reserve::kUse;
    const auto ids = register_message(SurbRequest{address(), needed.amount}, like);
    // A request fits one fragment of every size.
    if (!ids || ids->size() != 1) base::panic("mixnet: SURB request takes more than one packet");
    tracker_.find(ids->front())->surb = std::move(needed.surb);
    lanes_.push(kRequestLane, ids->front(), now);
  }

  // --- acknowledgements

  void receive_ack(base::ByteView content, base::TimePoint now) {
    ++stats_.received_acks;
    const auto id = open_ack(keys_.ack_key, content);
    if (!id) {
      undecodable("mixnet.bad_ack");
      return;
    }
    if (id->is_cover()) return;
    const auto fragment = tracker_.remove(*id);
    if (!fragment) return;  // acknowledged twice, or not ours
    // After a retransmission nobody knows which packet was acknowledged.
    if (fragment->packets_sent == 1) round_trips_.add(now - fragment->last_sent);
    forget_waiting(*id, *fragment);
    const auto progress = progress_.find(fragment->message);
    if (progress == progress_.end()) return;
    if (--progress->second.unacknowledged > 0) return;
    if (!progress->second.lost) events_.emplace_back(MessageDelivered{fragment->message});
    progress_.erase(progress);
  }

  /// An ack did not come in time.
  void retransmit(const FragmentId& id, base::TimePoint now) {
    const TrackedFragment& fragment = *tracker_.find(id);
    const auto reached = [&fragment](const std::optional<std::uint32_t>& limit) {
      return limit && fragment.packets_sent > *limit;
    };
    if (reached(fragment.max_retransmissions) || reached(config_.max_retransmissions)) {
      lose(id, Errc::mixnet_undelivered);
      return;
    }
    if (const auto* tag = std::get_if<SenderTag>(&fragment.to)) {
      replier_.retransmit(*tag, id, fragment.reserve, now);
      drain_replier(now);
    } else {
      lanes_.push(kRetransmissionLane, id, now);
    }
  }

  void lose(const FragmentId& id, Errc why) {
    const auto fragment = tracker_.remove(id);
    if (!fragment) return;
    forget_waiting(id, *fragment);
    ++stats_.lost;
    const auto progress = progress_.find(fragment->message);
    if (progress == progress_.end()) return;
    if (!progress->second.lost) {
      progress->second.lost = true;
      events_.emplace_back(MessageLost{fragment->message, base::Error{why}});
    }
    if (--progress->second.unacknowledged == 0) progress_.erase(progress);
  }

  void drop_silently(const FragmentId& id) {
    const auto fragment = tracker_.remove(id);
    if (!fragment) return;
    forget_waiting(id, *fragment);
    progress_.erase(fragment->message);
  }

  void forget_waiting(const FragmentId& id, const TrackedFragment& fragment) {
    if (const auto* tag = std::get_if<SenderTag>(&fragment.to)) replier_.forget(*tag, id);
  }

  // --- messages in

  void undecodable(const char* event) {
    ++stats_.undecodable;
    log_.event(event, 0);
  }

  // spec: messages §7
  void receive_body(base::ByteView body, base::TimePoint now) {
    ++stats_.packets_received;
    base::Reader in(body);
    const auto key_part = in.fixed<kKeyPartSize>();
    if (!key_part) return;
    if (reply_keys_.was_taken(*key_part)) {
      ++stats_.duplicates;
      return;
    }
    base::Bytes fragment;
    const std::optional<Recipient> replier = reply_keys_.issued_to(*key_part);
    if (const auto key = reply_keys_.take(*key_part)) {
      ++stats_.surbs_used_by_peers;
      fragment = base::to_bytes(in.rest());
      apply_fragment_key(*key, fragment);
    } else {
      auto opened = open_fragment(body, keys_.encryption.secret);
      if (!opened) return;
      fragment = *std::move(opened);
    }
    const base::ByteView marker = base::as_bytes(kCoverMarker);
    if (fragment.size() >= marker.size() &&
        base::equal(base::ByteView(fragment).first(marker.size()), marker)) {
      ++stats_.received_cover;
      return;
    }
    receive_fragment(fragment, replier, now);
    crypto::wipe(fragment);
  }

  void receive_fragment(base::ByteView bytes, const std::optional<Recipient>& replier,
                        base::TimePoint now) {
    const auto fragment = FragmentView::decode(bytes);
    if (!fragment) {
      undecodable("mixnet.bad_fragment");
      return;
    }
    note_busy(now);
    Reassembler::Answer answer = reassembler_.receive(*fragment, now);
    switch (answer.outcome) {
      case Reassembler::Outcome::kStored:
        return;
      case Reassembler::Outcome::kDuplicate:
        ++stats_.duplicates;
        return;
      case Reassembler::Outcome::kContradiction:
        undecodable("mixnet.contradicting_fragment");
        return;
      case Reassembler::Outcome::kComplete:
        break;
    }
    receive_message(answer.message, replier, now);
    crypto::wipe(answer.message);
  }

  void receive_message(base::ByteView padded, const std::optional<Recipient>& replier,
                       base::TimePoint now) {
    const auto bytes = unpad(padded);
    if (!bytes) {
      undecodable("mixnet.bad_padding");
      return;
    }
    auto message = decode_message(*bytes);
    if (!message) {
      undecodable("mixnet.bad_message");
      return;
    }
    if (auto* plain = std::get_if<PlainMessage>(&*message)) {
      deliver({std::move(plain->data), std::nullopt, false, replier});
    } else if (auto* repliable = std::get_if<RepliableMessage>(&*message)) {
      if (repliable->list == SurbListVersion::kV1 &&
          config_.read_surb_lists == ReadSurbLists::kVersion2) {
        undecodable("mixnet.legacy_surb_list");
        return;
      }
      const auto source = repliable->content == RepliableMessage::Content::kAdditionalSurbs
                              ? SurbStore::Source::kAdditional
                              : SurbStore::Source::kWithData;
      // An empty list is no receipt: it neither makes its sender answerable nor puts off a repeated
      // request. spec: messages §11.3
      if (!repliable->surbs.empty()) {
        replier_.receive(repliable->sender, std::move(repliable->surbs), source, now);
      }
      if (repliable->content == RepliableMessage::Content::kData) {
        deliver({std::move(repliable->data), repliable->sender, false, replier});
      }
      drain_replier(now);
    } else if (auto* reply = std::get_if<ReplyData>(&*message)) {
      deliver({std::move(reply->data), std::nullopt, true, replier});
    } else if (const auto* request = std::get_if<SurbRequest>(&*message)) {
      answer(*request);
    }
  }

  void deliver(MessageReceived message) {
    ++stats_.received;
    events_.emplace_back(std::move(message));
  }

  TrafficConfig config_;
  std::uint32_t max_allowed_request_;
  const ClientKeys& keys_;
  base::Rng& rng_;
  base::Log& log_;

  PacketBuilder builder_;
  AckTracker tracker_;
  Lanes lanes_;
  PoissonTimer main_stream_;
  PoissonTimer loop_stream_;
  SendRate rate_;
  Reassembler reassembler_;
  ReplyKeys reply_keys_;
  Replier replier_;
  RoundTripSamples round_trips_;

  bool running_ = false;
  base::TimePoint seen_{};
  base::Deadline blocked_until_;
  base::TimePoint headers_at_{};
  std::optional<std::uint32_t> rotation_id_;
  MessageId last_message_ = kHousekeeping;
  std::map<MessageId, Progress> progress_;
  std::deque<Owed> owed_;
  Owed offered_;
  std::deque<ClientEvent> events_;
  ClientStats stats_;
};

Client::Client(const TrafficConfig& traffic, const ReplierConfig& replier, const ClientKeys& keys,
               const crypto::Ed25519PublicKey& gateway, base::Rng& rng, base::Log& log)
    : impl_(std::make_unique<Impl>(traffic, replier, keys, gateway, rng, log)) {}

Client::~Client() = default;

Recipient Client::address() const { return impl_->address(); }

void Client::set_topology(std::shared_ptr<const directory::Topology> topology,
                          base::TimePoint now) {
  impl_->set_topology(std::move(topology), now);
}

void Client::set_headers_ahead(std::size_t size) { impl_->set_headers_ahead(size); }

void Client::set_replier(const ReplierConfig& replier) { impl_->set_replier(replier); }

void Client::set_rotation_info(const directory::KeyRotationInfo& info, base::TimePoint now,
                               base::WallTime wall_now) {
  impl_->set_rotation_info(info, now, wall_now);
}

void Client::start(base::TimePoint now) { impl_->start(now); }

void Client::stop(base::TimePoint now) { impl_->stop(now); }

base::Result<MessageId> Client::send(const Recipient& to, base::ByteView data,
                                     const SendOptions& options, base::TimePoint now) {
  return impl_->send(to, data, options, now);
}

base::Result<MessageId> Client::reply(const SenderTag& to, base::ByteView data,
                                      const SendOptions& options, base::TimePoint now) {
  return impl_->reply(to, data, options, now);
}

base::Result<void> Client::supply_surbs(const Recipient& to, std::uint32_t amount,
                                        base::TimePoint now) {
  return impl_->supply_surbs(to, amount, now);
}

void Client::offer_surbs(const Recipient& to, std::uint32_t amount) {
  impl_->offer_surbs(to, amount);
}

void Client::close_lane(const Lane& lane) { impl_->close_lane(lane); }

void Client::cancel(MessageId message) { impl_->cancel(message); }

void Client::forget(const Recipient& recipient) { impl_->forget(recipient); }

void Client::receive(base::ByteView delivered, base::TimePoint now) {
  impl_->receive(delivered, now);
}

std::optional<MixPacket> Client::poll_output(base::TimePoint now, std::size_t link_backlog) {
  return impl_->poll_output(now, link_backlog);
}

std::optional<ClientEvent> Client::poll_event() { return impl_->poll_event(); }

base::Deadline Client::next_deadline() const { return impl_->next_deadline(); }

void Client::expire(base::TimePoint now) { impl_->expire(now); }

std::size_t Client::queued(const Lane& lane) const { return impl_->queued(lane); }

std::uint32_t Client::surbs_at(const Recipient& to) const { return impl_->surbs_at(to); }

ClientStats Client::stats() const { return impl_->stats(); }

}  // namespace mix::mixnet
