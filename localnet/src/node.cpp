// The node's loop between what arrives and what leaves.
#include "mix/localnet/node.h"

#include <utility>

namespace mix::localnet {
namespace {

base::Duration delay_of(const NodeAction& action) {
  const auto* forward = std::get_if<ForwardAction>(&action);
  return forward == nullptr ? base::Duration::zero() : forward->delay;
}

std::size_t size_of(const NodeAction& action) {
  if (const auto* forward = std::get_if<ForwardAction>(&action)) return forward->packet.size();
  const auto* deliver = std::get_if<DeliverAction>(&action);
  return deliver == nullptr ? 0 : deliver->body.size();
}

void corrupt(NodeAction& action, base::Rng& rng) {
  if (auto* forward = std::get_if<ForwardAction>(&action)) corrupt_one_byte(forward->packet, rng);
  if (auto* deliver = std::get_if<DeliverAction>(&action)) corrupt_one_byte(deliver->body, rng);
}

}  // namespace

Node::Node(const NodeConfig& config, const crypto::Ed25519KeyPair& identity, const Epoch& epoch,
           const AddressBook& book, base::Rng& rng)
    : config_(config),
      book_(book),
      rng_(rng),
      core_({config.mode, config.max_delay}, NodeKeys(epoch, rng)) {
  if (config.mode == NodeMode::kGateway) gateway_.emplace(config.gateway, identity, rng);
}

void Node::receive(const sphinx::Frame& frame, base::TimePoint now, base::WallTime wall_now) {
  ++stats_.received;
  if (!alive_) return count_drop(DropReason::kDead);
  schedule(core_.process(frame), now, wall_now);
  drain_gateway(now, wall_now);
}

void Node::send(const mixnet::MixPacket& packet, base::TimePoint now, base::WallTime wall_now) {
  ++stats_.from_exit;
  if (!alive_) return count_drop(DropReason::kDead);
  schedule(ForwardAction{packet.first_hop, packet.rotation, base::Duration::zero(), packet.packet},
           now, wall_now);
  drain_gateway(now, wall_now);
}

void Node::schedule(NodeAction action, base::TimePoint now, base::WallTime wall_now) {
  if (const auto* drop = std::get_if<DropAction>(&action)) return count_drop(drop->reason);
  const FaultPlan plan = plan_faults(faults_, rng_);
  if (plan.copies == 0) return count_drop(DropReason::kFault);
  if (plan.corrupt) {
    ++stats_.corrupted;
    corrupt(action, rng_);
  }
  stats_.duplicated += plan.copies - 1;
  const base::Duration delay = delay_of(action) + plan.extra_delay;
  if (delay <= base::Duration::zero()) {
    for (std::uint32_t copy = 0; copy < plan.copies; ++copy) carry_out(action, wall_now);
    return;
  }
  for (std::uint32_t copy = 1; copy < plan.copies; ++copy) hold(action, now + delay);
  hold(std::move(action), now + delay);
}

void Node::hold(NodeAction action, base::TimePoint due) {
  const std::size_t size = size_of(action);
  if (held_bytes_ + size > config_.max_held_bytes) return count_drop(DropReason::kOverflow);
  held_bytes_ += size;
  held_.emplace(HeldKey{due, next_order_++}, std::move(action));
}

void Node::carry_out(const NodeAction& action, base::WallTime wall_now) {
  if (const auto* packet = std::get_if<ForwardAction>(&action)) return forward(*packet);
  const auto& deliver = std::get<DeliverAction>(action);
  ++stats_.delivered;
  if (exit_client_ && deliver.destination == *exit_client_) {
    outputs_.emplace_back(DeliverToExit{deliver.body});
  } else {
    gateway_->deliver(deliver.destination, deliver.body, wall_now);
  }
  if (deliver.ack) {
    ++stats_.acks_released;
    forward(*deliver.ack);
  }
}

void Node::forward(const ForwardAction& action) {
  if (!book_.contains(action.next)) return count_drop(DropReason::kUnknownAddress);
  auto frame = sphinx::encode_frame(config_.frame_version, action.rotation, action.packet);
  if (!frame.has_value()) return count_drop(DropReason::kBadPacket);
  ++stats_.forwarded;
  outputs_.emplace_back(SendFrame{action.next, *std::move(frame)});
}

std::optional<LinkId> Node::open_link(base::TimePoint now) {
  if (!alive_ || !gateway_) return std::nullopt;
  return gateway_->open(now);
}

void Node::receive(LinkId link, const gateway::LinkFrame& frame, base::TimePoint now,
                   base::WallTime wall_now) {
  if (!gateway_) return;
  gateway_->receive(link, frame, now, wall_now);
  drain_gateway(now, wall_now);
}

void Node::pinged(LinkId link, base::TimePoint now, base::WallTime wall_now) {
  if (!gateway_) return;
  gateway_->pinged(link);
  drain_gateway(now, wall_now);
}

void Node::ponged(LinkId link, base::ByteView payload, base::TimePoint now,
                  base::WallTime wall_now) {
  if (!gateway_) return;
  gateway_->ponged(link, payload);
  drain_gateway(now, wall_now);
}

void Node::closed(LinkId link, base::TimePoint now, base::WallTime wall_now) {
  if (!gateway_) return;
  gateway_->closed(link, now, wall_now);
  drain_gateway(now, wall_now);
}

void Node::drain_gateway(base::TimePoint now, base::WallTime wall_now) {
  if (!gateway_) return;
  while (auto output = gateway_->poll_output()) {
    if (auto* packet = std::get_if<ForwardPacket>(&*output)) {
      // Without delay. spec: gateway §10.3
      auto& mix = packet->packet;
      schedule(
          ForwardAction{mix.first_hop, mix.rotation, base::Duration::zero(), std::move(mix.packet)},
          now, wall_now);
    } else if (auto* frame = std::get_if<SendToClient>(&*output)) {
      outputs_.emplace_back(std::move(*frame));
    } else if (auto* ping = std::get_if<PingClient>(&*output)) {
      outputs_.emplace_back(*ping);
    } else {
      outputs_.emplace_back(std::get<CloseLink>(*output));
    }
  }
}

std::optional<NodeOutput> Node::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  std::optional<NodeOutput> output(std::move(outputs_.front()));
  outputs_.pop_front();
  return output;
}

base::Deadline Node::next_deadline() const {
  base::Deadline deadline;
  if (!held_.empty()) deadline = held_.begin()->first.first;
  if (gateway_) deadline = base::earlier(deadline, gateway_->next_deadline());
  return deadline;
}

void Node::expire(base::TimePoint now, base::WallTime wall_now) {
  while (!held_.empty() && held_.begin()->first.first <= now) {
    const auto due = held_.extract(held_.begin());
    held_bytes_ -= size_of(due.mapped());
    carry_out(due.mapped(), wall_now);
  }
  if (gateway_) gateway_->expire(now, wall_now);
  drain_gateway(now, wall_now);
}

void Node::cut_links() {
  if (!gateway_) return;
  gateway_->cut_links();
  while (auto output = gateway_->poll_output()) {
    if (const auto* close = std::get_if<CloseLink>(&*output)) outputs_.emplace_back(*close);
  }
}

void Node::kill() {
  cut_links();
  alive_ = false;
  held_.clear();
  held_bytes_ = 0;
}

NodeStats Node::stats() const {
  NodeStats stats = stats_;
  stats.held = held_.size();
  stats.replay_tags = core_.replay_tags();
  return stats;
}

}  // namespace mix::localnet
