// A chain of decoders between an exchange and its reader. Each holds at most one buffer of output
// that the next has not taken; input is asked of the exchange only when the chain is starved.
#include "mix/http/decoding.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "constants.h"
#include "inflaters.h"
#include "text.h"

namespace mix::http {
namespace {

using base::Bytes;
using base::ByteView;
using base::Errc;
using base::Error;
using detail::Inflater;

/// One decoder with the input that waits for it.
class Stage {
 public:
  explicit Stage(std::unique_ptr<Inflater> inflater) : inflater_(std::move(inflater)) {}

  void push(Bytes bytes) {
    if (offset_ == in_.size()) {
      in_ = std::move(bytes);
      offset_ = 0;
    } else {
      base::append(in_, bytes);
    }
  }
  /// Up to `max` decoded bytes; empty when there is not enough input. Errors: `http_bad_coding`.
  base::Result<Bytes> pull(std::size_t max) {
    Bytes out(std::min(max, detail::kDecodePiece));
    std::size_t filled = 0;
    while (filled < out.size()) {
      const ByteView in = ByteView{in_}.subspan(offset_);
      MIX_TRY(const auto step, inflater_->step(in, base::MutByteView{out}.subspan(filled)));
      offset_ += step.taken;
      filled += step.given;
      if (step.taken == 0 && step.given == 0) break;
    }
    out.resize(filled);
    return out;
  }
  [[nodiscard]] bool complete() const { return offset_ == in_.size() && inflater_->complete(); }

 private:
  std::unique_ptr<Inflater> inflater_;
  Bytes in_;
  std::size_t offset_ = 0;
};

std::unique_ptr<Inflater> inflater_for(std::string_view coding) {
  if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) {
    return detail::make_gzip();
  }
  if (equal_ignoring_case(coding, "deflate")) return detail::make_deflate();
  if (equal_ignoring_case(coding, "br")) return detail::make_brotli();
  return nullptr;
}

/// Codings in the order in which they were applied, over all Content-Encoding fields.
std::vector<std::string> codings_of(const ResponseHead& head) {
  std::vector<std::string> codings;
  for (const auto& [name, value] : head.headers) {
    if (!equal_ignoring_case(name, "content-encoding")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view coding = trim(rest.substr(0, comma));
      if (!coding.empty() && !equal_ignoring_case(coding, "identity")) codings.emplace_back(coding);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return codings;
}

/// The decoders of a body, the outermost coding first; empty when it is passed on as it came.
/// Errors: `http_coding_bomb`.
base::Result<std::vector<Stage>> stages_for(const ResponseHead& head) {
  const std::vector<std::string> codings = codings_of(head);
  if (codings.size() > detail::kMaxCodings) {
    return Error{Errc::http_coding_bomb, static_cast<std::uint32_t>(codings.size()), "codings"};
  }
  std::vector<Stage> stages;
  for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding) {
    auto inflater = inflater_for(*coding);
    if (!inflater) return std::vector<Stage>{};
    stages.emplace_back(std::move(inflater));
  }
  return stages;
}

class Decoded final : public Exchange {
 public:
  explicit Decoded(std::unique_ptr<Exchange> inner) : inner_(std::move(inner)) {}

  base::Result<void> advance(std::size_t max_body) override {
    if (failure_) return *failure_;
    auto moved = move(max_body);
    if (!moved) failure_ = moved.error();
    return moved;
  }
  std::optional<ExchangeEvent> poll_event() override {
    if (events_.empty()) return std::nullopt;
    ExchangeEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  std::size_t body_room() const override { return inner_->body_room(); }
  base::Result<void> send_body(ByteView piece) override { return inner_->send_body(piece); }
  base::Result<void> end_body() override { return inner_->end_body(); }
  std::uint64_t bytes_sent() const override { return inner_->bytes_sent(); }
  std::uint64_t body_sent() const override { return inner_->body_sent(); }
  RequestProgress request_progress() const override { return inner_->request_progress(); }
  bool response_started() const override { return inner_->response_started(); }

 private:
  base::Result<void> move(std::size_t max_body) {
    while (!ended_) {
      if (!stages_.empty()) {
        // What is decoded already comes first, and nothing is asked for that has no room.
        if (max_body == 0) return {};
        MIX_TRY(Bytes out, pull(stages_.size() - 1, max_body));
        if (!out.empty()) {
          max_body -= out.size();
          MIX_CHECK(count(out.size()));
          events_.push_back(BodyChunk{std::move(out)});
          continue;
        }
        if (inner_failure_) return *inner_failure_;
        if (inner_end_) return finish();
      }
      auto advanced = inner_->advance(stages_.empty() ? max_body : detail::kDecodeInput);
      MIX_TRY(const bool news, take_events());
      if (!advanced) {
        if (stages_.empty()) return advanced;
        inner_failure_ = advanced.error();
      } else if (!news || stages_.empty()) {
        return {};
      }
    }
    return {};
  }

  /// Up to `max` bytes out of stage `i`, fed by the stages before it.
  base::Result<Bytes> pull(std::size_t i, std::size_t max) {
    while (true) {
      MIX_TRY(Bytes out, stages_[i].pull(max));
      if (!out.empty() || i == 0) return out;
      MIX_TRY(Bytes in, pull(i - 1, detail::kDecodePiece));
      if (in.empty()) return in;
      stages_[i].push(std::move(in));
    }
  }

  base::Result<void> count(std::size_t decoded) {
    decoded_ += decoded;
    if (decoded_ <= detail::kBombFloor || decoded_ / detail::kBombRatio <= received_) return {};
    return Errc::http_coding_bomb;
  }

  /// True when there were any.
  base::Result<bool> take_events() {
    bool news = false;
    while (auto event = inner_->poll_event()) {
      news = true;
      if (const auto* head = std::get_if<ResponseHead>(&*event)) {
        auto stages = stages_for(*head);
        events_.push_back(std::move(*event));
        if (!stages) return stages.error();
        stages_ = *std::move(stages);
      } else if (stages_.empty()) {
        ended_ = std::holds_alternative<ResponseEnd>(*event);
        events_.push_back(std::move(*event));
      } else if (auto* chunk = std::get_if<BodyChunk>(&*event)) {
        received_ += chunk->bytes.size();
        stages_.front().push(std::move(chunk->bytes));
      } else {
        inner_end_ = std::get<ResponseEnd>(*event);
      }
    }
    return news;
  }

  base::Result<void> finish() {
    for (const Stage& stage : stages_) {
      if (!stage.complete()) return Error{Errc::http_bad_coding, 0, "the body ends too early"};
    }
    ended_ = true;
    events_.push_back(*inner_end_);
    return {};
  }

  std::unique_ptr<Exchange> inner_;
  std::vector<Stage> stages_;                 // the outermost coding first
  std::uint64_t received_ = 0, decoded_ = 0;  // bytes
  std::optional<ResponseEnd> inner_end_;
  std::optional<Error> inner_failure_;
  std::optional<Error> failure_;
  bool ended_ = false;
  std::deque<ExchangeEvent> events_;
};

}  // namespace

std::unique_ptr<Exchange> decode(std::unique_ptr<Exchange> inner) {
  return std::make_unique<Decoded>(std::move(inner));
}

}  // namespace mix::http
