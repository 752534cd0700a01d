// The exit's end of a connection against a client model, on virtual time: random delays of three
// mixes each way, losses, duplicates.
#include "tcp_endpoint.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using base::Bytes;
using base::ByteView;
using base::TimePoint;
using namespace std::chrono_literals;

const IpEndpoint kClient = IpEndpoint::parse("10.0.0.9:50000").value();
const IpEndpoint kServer = IpEndpoint::parse("203.0.113.1:443").value();
constexpr std::uint32_t kClientIsn = 0xffffff00, kServerIsn = 0xfffff000;  // both wrap soon

Bytes content(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + (i >> 9));
  return out;
}

/// The client's side: acknowledges at once, with ranges; sends a window at a time and repeats what
/// is not acknowledged after half a second.
class ClientModel {
 public:
  std::uint16_t window = 65535;  // as written; shifted by 5
  bool timestamps = true, sack = true, scaling = true;

  TcpSegment syn(TimePoint now) const {
    TcpSegment out = blank(now);
    out.flags = {};
    out.flags.syn = true;
    out.sequence = kClientIsn;
    out.max_segment = 1380;
    if (scaling) out.window_shift = 5;
    out.sack_permitted = sack;
    out.window = 65535;
    return out;
  }

  void send(Bytes bytes) { outgoing_ = std::move(bytes); }
  void close() { closing_ = true; }

  void receive(const TcpSegment& segment, TimePoint now) {
    if (segment.flags.rst) {
      was_reset = true;
      return;
    }
    if (segment.timestamps) last_stamp_ = segment.timestamps->value;
    if (segment.flags.syn) {
      established = true;
      shift_ = segment.window_shift.value_or(0);
      answers_.push_back(blank(now));
      return;
    }
    const std::uint32_t position = segment.sequence - kServerIsn - 1;
    if (!segment.payload.empty()) {
      ++data_segments;
      largest = std::max(largest, segment.payload.size());
      if (window > 0) ahead_[position] = base::to_bytes(segment.payload);
    }
    if (segment.flags.fin)
      finish_at_ = position + static_cast<std::uint32_t>(segment.payload.size());
    for (auto at = ahead_.begin(); at != ahead_.end() && at->first <= received.size();) {
      const std::size_t known = received.size() - at->first;
      if (known < at->second.size()) base::append(received, ByteView{at->second}.subspan(known));
      at = ahead_.erase(at);
    }
    const std::uint32_t acked = segment.acknowledged - kClientIsn - 1;
    if (acked <= outgoing_.size() + 1 && acked > acknowledged_) acknowledged_ = acked;
    if (!segment.payload.empty() || segment.flags.fin) {
      TcpSegment ack = blank(now);
      if (sack && window > 0 && !ahead_.empty()) {
        const auto& [begin, bytes] =
            *ahead_.find(ahead_.contains(position) ? position : ahead_.begin()->first);
        ack.sack.push_back({kServerIsn + 1 + begin,
                            kServerIsn + 1 + begin + static_cast<std::uint32_t>(bytes.size())});
      }
      answers_.push_back(std::move(ack));
    }
  }

  /// What it sends now: acknowledgements, then data. Payloads point into `outgoing`.
  std::vector<TcpSegment> poll(TimePoint now) {
    auto out = std::exchange(answers_, {});
    if (!established) return out;
    if (acknowledged_ > progress_) {
      progress_ = acknowledged_;
      repeat_at_ = now + 500ms;
      sent_ = std::max(sent_, acknowledged_);
    }
    if (sent_ > acknowledged_ && now >= repeat_at_) {
      sent_ = acknowledged_;
      repeat_at_ = now + 500ms;
    }
    if (sent_ == acknowledged_) repeat_at_ = now + 500ms;
    while (sent_ < outgoing_.size() && sent_ - acknowledged_ < 64U * 1368U) {
      TcpSegment data = blank(now);
      data.sequence = kClientIsn + 1 + sent_;
      const std::size_t size = std::min<std::size_t>(1368, outgoing_.size() - sent_);
      data.payload = ByteView{outgoing_}.subspan(sent_, size);
      sent_ += static_cast<std::uint32_t>(size);
      out.push_back(data);
    }
    if (closing_ && sent_ == outgoing_.size()) {
      TcpSegment fin = blank(now);
      fin.flags.fin = true;
      fin.sequence = kClientIsn + 1 + sent_;
      ++sent_;
      out.push_back(fin);
    }
    return out;
  }

  [[nodiscard]] base::Deadline next_deadline() const {
    if (established && sent_ > acknowledged_) return repeat_at_;
    return std::nullopt;
  }
  [[nodiscard]] bool saw_end() const { return finish_at_ && received.size() == *finish_at_; }
  [[nodiscard]] bool all_acknowledged() const {
    return acknowledged_ == outgoing_.size() + (closing_ ? 1 : 0);
  }

  Bytes received;
  bool established = false, was_reset = false;
  std::size_t data_segments = 0, largest = 0;

 private:
  TcpSegment blank(TimePoint now) const {
    TcpSegment out;
    out.from = kClient;
    out.to = kServer;
    out.flags.ack = true;
    const bool ended = saw_end();
    out.acknowledged =
        kServerIsn + 1 + static_cast<std::uint32_t>(received.size()) + (ended ? 1 : 0);
    out.sequence = kClientIsn + 1 + std::max(sent_, acknowledged_);
    out.window = window;
    if (timestamps) {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
      out.timestamps = TcpTimestamps{static_cast<std::uint32_t>(ms.count()), last_stamp_};
    }
    return out;
  }

  std::map<std::uint32_t, Bytes> ahead_;
  std::vector<TcpSegment> answers_;
  Bytes outgoing_;
  std::uint32_t sent_ = 0, acknowledged_ = 0, progress_ = 0;
  TimePoint repeat_at_{};
  std::optional<std::size_t> finish_at_;
  std::uint32_t last_stamp_ = 0;
  std::uint8_t shift_ = 0;
  bool closing_ = false;
};

class TcpEndpointTest : public testing::Test {
 protected:
  mix::test::ManualClock clock;
  mix::test::SeededRng rng{11};
  ClientModel client;
  std::optional<TcpEndpoint> endpoint;
  double loss = 0, duplicates = 0;
  base::Duration mix_delay = 15ms;
  Bytes at_target;    // what the target got
  Bytes from_target;  // what it will send
  std::size_t target_sent = 0;
  bool target_closes = false;
  std::size_t target_takes = 1 << 20;  // per step
  std::multimap<TimePoint, Bytes> up, down;

  void transmit(std::multimap<TimePoint, Bytes>& way, const Bytes& packet) {
    const int copies = rng.unit() < duplicates ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (rng.unit() < loss) continue;
      TimePoint at = clock.now();
      for (int hop = 0; hop < 3; ++hop) at += rng.exponential(mix_delay);
      way.emplace(at, packet);
    }
  }

  static TcpSegment parse(const Bytes& packet) {
    const auto parsed = parse_ip_packet(packet);
    const auto segment = parse_tcp_segment(packet, *parsed);
    EXPECT_TRUE(segment.has_value());
    return *segment;
  }

  void open(const TcpEndpointConfig& config = {}) {
    endpoint.emplace(config, client.syn(clock.now()), kServerIsn, 12345U);
    EXPECT_TRUE(endpoint->is_dialing());
    EXPECT_FALSE(endpoint->poll_output(clock.now()));
    endpoint->accept(clock.now());
  }

  void step() {
    const TimePoint now = clock.now();
    while (!down.empty() && down.begin()->first <= now) {
      const Bytes packet = std::move(down.extract(down.begin()).mapped());
      client.receive(parse(packet), now);
    }
    while (!up.empty() && up.begin()->first <= now) {
      const Bytes packet = std::move(up.extract(up.begin()).mapped());
      endpoint->receive(parse(packet), now);
    }
    if (is_due(endpoint->next_deadline(), now)) endpoint->expire(now);
    const std::size_t taken = std::min(endpoint->readable().size(), target_takes);
    base::append(at_target, endpoint->readable().first(taken));
    endpoint->consume(taken);
    const std::size_t given = std::min(endpoint->writable(), from_target.size() - target_sent);
    endpoint->write(ByteView{from_target}.subspan(target_sent, given));
    target_sent += given;
    if (target_closes && target_sent == from_target.size()) endpoint->finish();
    for (const TcpSegment& segment : client.poll(now)) transmit(up, encode(segment));
    while (auto packet = endpoint->poll_output(now)) transmit(down, *packet);
  }

  /// Runs until `done`, or gives up after a while of virtual time.
  template <class F>
  bool run_until(F&& done, base::Duration limit) {
    const TimePoint end = clock.now() + limit;
    while (clock.now() < end) {
      step();
      if (done()) return true;
      base::Deadline next = base::earlier(endpoint->next_deadline(), client.next_deadline());
      if (!up.empty()) next = base::earlier(next, up.begin()->first);
      if (!down.empty()) next = base::earlier(next, down.begin()->first);
      if (!next) return done();
      clock.advance(std::max<base::Duration>(*next - clock.now(), 0ns));
    }
    return false;
  }

  double download(std::size_t size, base::Duration limit = 10min) {
    from_target = content(size);
    target_closes = true;
    open();
    const TimePoint begin = clock.now();
    EXPECT_TRUE(run_until([&] { return client.saw_end(); }, limit));
    EXPECT_EQ(client.received, from_target);
    return std::chrono::duration<double>(clock.now() - begin).count();
  }

  double resent_share() const {
    const auto stats = endpoint->stats();
    return static_cast<double>(stats.resent) / static_cast<double>(stats.sent);
  }
};

TEST_F(TcpEndpointTest, DeliversADownloadThroughReorderingMixes) {
  const double seconds = download(std::size_t{4} * 1024 * 1024);
  EXPECT_LT(resent_share(), 0.02) << "reordering is no loss";
  EXPECT_LT(seconds, 4.0);
  EXPECT_LE(client.largest, 1368U) << "MSS less timestamps";
}

TEST_F(TcpEndpointTest, SurvivesLossAndDuplicates) {
  loss = 0.05;
  duplicates = 0.05;
  const double seconds = download(std::size_t{1024} * 1024);
  EXPECT_LT(seconds, 8.0);
  EXPECT_LT(resent_share(), 0.12);
}

TEST_F(TcpEndpointTest, CompletesWhenAFifthIsLost) {
  loss = 0.2;
  download(std::size_t{256} * 1024);
}

TEST_F(TcpEndpointTest, WorksWithoutAnyOption) {
  client.timestamps = client.sack = client.scaling = false;
  loss = 0.02;
  download(std::size_t{256} * 1024);
}

TEST_F(TcpEndpointTest, TakesAnUploadInAnyOrder) {
  loss = 0.02;
  duplicates = 0.05;
  const Bytes sent = content(600'000);
  client.send(sent);
  client.close();
  open();
  EXPECT_TRUE(run_until([&] { return endpoint->at_end(); }, 10min));
  EXPECT_EQ(at_target, sent);
}

TEST_F(TcpEndpointTest, CarriesBothDirectionsAndEndsBoth) {
  from_target = content(300'000);
  target_closes = true;
  const Bytes sent = content(200'000);
  client.send(sent);
  client.close();
  open();
  EXPECT_TRUE(run_until([&] { return endpoint->is_done(); }, 10min));
  EXPECT_EQ(client.received, from_target);
  EXPECT_EQ(at_target, sent);
  EXPECT_TRUE(client.saw_end());
  EXPECT_TRUE(client.all_acknowledged());
  EXPECT_FALSE(endpoint->was_aborted());
}

TEST_F(TcpEndpointTest, KeepsWithinTheClientsWindow) {
  client.window = 512;  // shifted: 16 KiB
  from_target = content(200'000);
  target_closes = true;
  open();
  std::size_t most = 0;
  EXPECT_TRUE(run_until(
      [&] {
        std::size_t on_the_way = 0;
        for (const auto& [at, packet] : down) on_the_way += parse(packet).payload.size();
        most = std::max(most, on_the_way);
        return client.saw_end();
      },
      10min));
  // The SYN's window was not scaled, so the first flight may be larger.
  EXPECT_LE(most, 65535U);
  EXPECT_EQ(client.received, from_target);
}

TEST_F(TcpEndpointTest, ProbesAClosedWindowAndGoesOnWhenItOpens) {
  from_target = content(300'000);
  client.scaling = false;
  client.window = 0;
  open();
  run_until([&] { return false; }, 20s);
  EXPECT_TRUE(client.received.empty());
  EXPECT_FALSE(endpoint->was_aborted());
  client.window = 65535;
  EXPECT_TRUE(run_until([&] { return client.received.size() == from_target.size(); }, 2min));
  EXPECT_EQ(client.received, from_target);
}

TEST_F(TcpEndpointTest, ClosesItsOwnWindowToASlowTarget) {
  TcpEndpointConfig config;
  config.receive_buffer = 32 * 1024;
  target_takes = 0;
  const Bytes sent = content(200'000);
  client.send(sent);
  open(config);
  run_until([&] { return false; }, 3s);
  EXPECT_LE(endpoint->readable().size(), 65536U) << "the SYN promised so much";
  target_takes = 1 << 20;
  EXPECT_TRUE(run_until([&] { return at_target.size() == sent.size(); }, 10min));
  EXPECT_EQ(at_target, sent);
}

TEST_F(TcpEndpointTest, RefusesWithAReset) {
  endpoint.emplace(TcpEndpointConfig{}, client.syn(clock.now()), kServerIsn, 0U);
  endpoint->reset();
  EXPECT_FALSE(endpoint->is_done());
  const auto packet = endpoint->poll_output(clock.now());
  ASSERT_TRUE(packet);
  const TcpSegment segment = parse(*packet);
  EXPECT_TRUE(segment.flags.rst);
  EXPECT_TRUE(segment.flags.ack);
  EXPECT_EQ(segment.acknowledged, kClientIsn + 1);
  EXPECT_TRUE(endpoint->is_done());
}

TEST_F(TcpEndpointTest, EndsAtTheClientsResetOfTheNextByteOnly) {
  open();
  ASSERT_TRUE(run_until([&] { return client.established && up.empty() && down.empty(); }, 1min));
  TcpSegment reset;
  reset.from = kClient;
  reset.to = kServer;
  reset.flags.rst = true;
  reset.sequence = kClientIsn + 1 + 5000;
  endpoint->receive(reset, clock.now());
  EXPECT_FALSE(endpoint->is_done());
  reset.sequence = kClientIsn + 1;
  endpoint->receive(reset, clock.now());
  EXPECT_TRUE(endpoint->is_done());
  EXPECT_TRUE(endpoint->was_aborted());
}

TEST_F(TcpEndpointTest, GivesUpASilentClient) {
  from_target = content(10'000);
  open();
  ASSERT_TRUE(run_until([&] { return client.established; }, 1min));
  loss = 1;
  EXPECT_TRUE(run_until([&] { return endpoint->is_done(); }, 1h));
  EXPECT_TRUE(endpoint->was_aborted());
}

TEST_F(TcpEndpointTest, AnswersKeepalives) {
  open();
  ASSERT_TRUE(run_until([&] { return client.established && up.empty() && down.empty(); }, 1min));
  TcpSegment probe;
  probe.from = kClient;
  probe.to = kServer;
  probe.flags.ack = true;
  probe.sequence = kClientIsn;
  probe.acknowledged = kServerIsn + 1;
  probe.window = 1000;
  endpoint->receive(probe, clock.now());
  const auto answer = endpoint->poll_output(clock.now());
  ASSERT_TRUE(answer);
  EXPECT_EQ(parse(*answer).acknowledged, kClientIsn + 1);
}

TEST_F(TcpEndpointTest, SurvivesSegmentsOfAnyContent) {
  from_target = content(100'000);
  open();
  ASSERT_TRUE(run_until([&] { return client.established; }, 1min));
  for (int i = 0; i < 20'000; ++i) {
    TcpSegment wild;
    wild.from = kClient;
    wild.to = kServer;
    const Bytes payload(rng.uniform(100), 0x77);
    const auto near = [&](std::uint32_t origin) {
      return rng.uniform(2) == 0 ? rng.u32()
                                 : origin + static_cast<std::uint32_t>(rng.uniform(3000));
    };
    // All but the client's own bytes and its reset, which would be believed.
    wild.sequence = kClientIsn + 200'000'000 + rng.u32() % 1'000'000'000;
    wild.acknowledged = near(kServerIsn);
    wild.flags.ack = rng.uniform(4) != 0;
    wild.flags.syn = rng.uniform(8) == 0;
    wild.flags.fin = rng.uniform(4) == 0;
    wild.window = static_cast<std::uint16_t>(rng.u32());
    for (std::uint64_t block = rng.uniform(4); block > 0; --block) {
      wild.sack.push_back({near(kServerIsn), near(kServerIsn)});
    }
    wild.payload = payload;
    endpoint->receive(wild, clock.now());
    while (endpoint->poll_output(clock.now())) {
    }
    clock.advance(1ms);
    if (is_due(endpoint->next_deadline(), clock.now())) endpoint->expire(clock.now());
    ASSERT_TRUE(endpoint->readable().empty());
  }
}

TEST(TcpSegment, IsWrittenAndReadAlike) {
  TcpSegment segment;
  segment.from = kClient;
  segment.to = kServer;
  segment.sequence = 7;
  segment.acknowledged = 9;
  segment.flags = {true, false, false, true, true};
  segment.window = 1234;
  segment.timestamps = TcpTimestamps{1, 2};
  segment.sack = {{10, 20}, {30, 40}};
  const Bytes payload{1, 2, 3};
  segment.payload = payload;
  const Bytes packet = encode(segment);
  const auto parsed = parse_ip_packet(packet);
  ASSERT_TRUE(parsed.has_value());
  const auto read = parse_tcp_segment(packet, *parsed);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->from, kClient);
  EXPECT_EQ(read->to, kServer);
  EXPECT_EQ(read->flags, segment.flags);
  EXPECT_EQ(read->window, 1234);
  EXPECT_EQ(read->timestamps, segment.timestamps);
  EXPECT_EQ(read->sack, segment.sack);
  EXPECT_EQ(base::to_bytes(read->payload), payload);
}

TEST(TcpSegment, IsRefusedWhenAnyByteIsFlipped) {
  TcpSegment segment;
  segment.from = kClient;
  segment.to = kServer;
  segment.flags.syn = true;
  segment.max_segment = 1380;
  segment.window_shift = 5;
  segment.sack_permitted = true;
  segment.timestamps = TcpTimestamps{1, 2};
  const Bytes packet = encode(segment);
  for (std::size_t at = kIpv4HeaderSize; at < packet.size(); ++at) {
    Bytes changed = packet;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 0x55);
    const auto parsed = parse_ip_packet(changed);
    if (parsed) EXPECT_FALSE(parse_tcp_segment(changed, *parsed).has_value()) << at;
  }
}

}  // namespace
}  // namespace mix::localnet
