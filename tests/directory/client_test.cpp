#include "mix/directory/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "fixtures.h"
#include "support/manual_clock.h"

namespace mix::directory {
namespace {

using base::Errc;
using std::chrono::milliseconds;
using std::chrono::seconds;
using What = FetchFailed::What;

constexpr std::string_view kBase = "https://one.example/api/";
constexpr std::string_view kOther = "https://two.example/api/";

class DirectoryClient : public testing::Test {
 protected:
  void SetUp() override { make({"https://one.example/api"}); }
  void make(std::vector<std::string> urls) {
    config_.base_urls = std::move(urls);
    client_ = std::make_unique<Client>(config_);
  }

  /// All requests since the last call, sorted by URL.
  std::vector<std::string> requests() {
    std::vector<std::string> urls;
    while (auto get = client_->poll_output()) {
      EXPECT_TRUE(open_.emplace(get->url, get->id).second) << "asked twice: " << get->url;
      urls.push_back(get->url);
    }
    std::ranges::sort(urls);
    return urls;
  }
  RequestId take_open(std::string_view path, std::string_view base) {
    const auto found = open_.find(std::string{base} + std::string{path});
    if (found == open_.end()) {
      ADD_FAILURE() << "not asked: " << path;
      return 0;
    }
    const RequestId id = found->second;
    open_.erase(found);
    return id;
  }
  void answer(std::string_view path, const std::string& body, int status = 200,
              std::string_view base = kBase) {
    client_->receive(take_open(path, base), status, base::as_bytes(body), clock_.now());
  }
  void refuse(std::string_view path, std::string_view base = kBase) {
    client_->failed(take_open(path, base), clock_.now());
  }
  void wait_until_due() {
    const auto deadline = client_->next_deadline();
    ASSERT_TRUE(deadline.has_value());
    ASSERT_GE(*deadline, clock_.now());
    clock_.advance(*deadline - clock_.now());
    client_->expire(clock_.now());
  }
  /// The host drops what is no longer awaited.
  void forget_requests() { open_.clear(); }

  template <class E>
  std::optional<E> event() {
    auto next = client_->poll_event();
    if (!next) return std::nullopt;
    if (auto* wanted = std::get_if<E>(&*next)) return std::move(*wanted);
    ADD_FAILURE() << "another event: " << next->index();
    return std::nullopt;
  }
  void expect_failure(What what, Errc code, std::uint32_t detail = 0) {
    const auto failure = event<FetchFailed>();
    ASSERT_TRUE(failure.has_value()) << base::error_name(code);
    EXPECT_EQ(failure->what, what);
    EXPECT_EQ(base::error_name(failure->error.code), base::error_name(code));
    EXPECT_EQ(failure->error.detail, detail);
    EXPECT_EQ(client_->next_deadline(), std::nullopt);
    EXPECT_TRUE(requests().empty());
  }
  bool no_event() { return !client_->poll_event().has_value(); }

  static std::string nodes(const std::vector<std::uint8_t>& numbers, int rotation = 361) {
    std::vector<std::string> out;
    out.reserve(numbers.size());
    for (const std::uint8_t number : numbers) out.push_back(NodeJson(number).text());
    return skimmed(out, rotation);
  }

  static constexpr std::string_view kRewarded = "v1/nym-nodes/rewarded-set?output=json";
  static constexpr std::string_view kRotation = "v1/epoch/key-rotation-info?output=json";
  static constexpr std::string_view kMixnodes =
      "v2/unstable/nym-nodes/skimmed/mixnodes/active?page=0&output=json";
  static constexpr std::string_view kEntries =
      "v2/unstable/nym-nodes/skimmed/entry-gateways?page=0&output=json";
  static constexpr std::string_view kEntriesPage1 =
      "v2/unstable/nym-nodes/skimmed/entry-gateways?page=1&output=json";
  static constexpr std::string_view kExits =
      "v2/unstable/nym-nodes/skimmed/exit-gateways?page=0&output=json";
  static constexpr std::string_view kDescribed = "v2/nym-nodes/described?page=0&output=json";
  static constexpr std::string_view kAll = "v2/unstable/nym-nodes/skimmed?page=0&output=json";

  void answer_topology(std::string_view base = kBase) {
    answer(kRewarded, std::string{kRewardedSetExample}, 200, base);
    answer(kMixnodes, nodes({1, 2, 3}), 200, base);
    answer(kEntries, nodes({4}), 200, base);
    answer(kExits, nodes({5}), 200, base);
  }

  ClientConfig config_;
  test::ManualClock clock_;
  std::unique_ptr<Client> client_;
  std::map<std::string, RequestId> open_;
};

// --- what is asked, and what comes of it ---

TEST_F(DirectoryClient, AsksForTheTopologyInParallel) {
  client_->fetch_topology(clock_.now());
  const std::string base{kBase};
  EXPECT_EQ(requests(),
            (std::vector<std::string>{base + std::string{kRewarded}, base + std::string{kEntries},
                                      base + std::string{kExits}, base + std::string{kMixnodes}}));
  EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{30});
  answer_topology();
  const auto ready = event<TopologyReady>();
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->topology->metadata(), (EpochMetadata{8680, 361}));
  EXPECT_EQ(ready->topology->layer(2)[0].id, 2U);
  EXPECT_NE(ready->topology->find_gateway(identity(4)), nullptr);
  EXPECT_NE(ready->topology->find_gateway(identity(5)), nullptr) << "a pure exit has a route";
  EXPECT_EQ(client_->next_deadline(), std::nullopt);
  EXPECT_TRUE(no_event());
}

TEST_F(DirectoryClient, TheOrderOfAnswersDoesNotMatter) {
  client_->fetch_topology(clock_.now());
  requests();
  answer(kExits, nodes({5}));
  answer(kEntries, nodes({4}));
  answer(kMixnodes, nodes({1, 2, 3}));
  EXPECT_TRUE(no_event());
  answer(kRewarded, std::string{kRewardedSetExample});
  EXPECT_TRUE(event<TopologyReady>().has_value());
}

TEST_F(DirectoryClient, AnEntryCountsMoreThanTheSameNodeAsExit) {
  client_->fetch_topology(clock_.now());
  requests();
  NodeJson as_exit(4), as_entry(4);
  as_exit.port = "1111";
  as_entry.port = "2222";
  answer(kEntries, skimmed({as_entry.text()}));
  answer(kExits, skimmed({as_exit.text(), NodeJson(5).text()}));
  answer(kMixnodes, nodes({1, 2, 3}));
  answer(kRewarded, std::string{kRewardedSetExample});
  const auto ready = event<TopologyReady>();
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->topology->find_gateway(identity(4))->mix_port, 2222);
  EXPECT_EQ(ready->topology->gateways().size(), 2U);
}

TEST_F(DirectoryClient, ADirectoryWithoutTheExitListIsStillUsable) {
  for (const bool late : {false, true}) {
    forget_requests();
    client_->fetch_topology(clock_.now());
    requests();
    if (!late) answer(kExits, "not found", 404);
    answer(kRewarded, std::string{kRewardedSetExample});
    answer(kMixnodes, nodes({1, 2, 3}));
    answer(kEntries, nodes({4}));
    if (late) {
      EXPECT_TRUE(no_event());
      wait_until_due();
    }
    const auto ready = event<TopologyReady>();
    ASSERT_TRUE(ready.has_value());
    EXPECT_EQ(ready->topology->find_gateway(identity(5)), nullptr);
  }
}

TEST_F(DirectoryClient, AppliesThePerformanceFloors) {
  config_.min_mixnode_performance = 80;
  config_.min_gateway_performance = 70;
  make({std::string{kBase}});
  client_->fetch_topology(clock_.now());
  requests();
  NodeJson weak(6), gateway(4);
  weak.performance = "\"0.79\"";
  gateway.performance = "\"0.7\"";
  answer(kRewarded,
         R"({"entry_gateways":[4],"exit_gateways":[],"layer1":[1,6],"layer2":[2],"layer3":[3]})");
  answer(kMixnodes,
         skimmed({NodeJson(1).text(), NodeJson(2).text(), NodeJson(3).text(), weak.text()}));
  answer(kEntries, skimmed({gateway.text()}));
  answer(kExits, nodes({}));
  const auto ready = event<TopologyReady>();
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->topology->layer(1).size(), 1U);
  EXPECT_NE(ready->topology->find_gateway(identity(4)), nullptr);
}

TEST_F(DirectoryClient, FetchesEntries) {
  client_->fetch_entries(clock_.now());
  EXPECT_EQ(requests().size(), 1U);
  NodeJson later(4);
  later.port = "2222";
  answer(kEntries, skimmed({NodeJson(4).text(), NodeJson(7).text(), "{}", later.text()}));
  const auto ready = event<EntriesReady>();
  ASSERT_TRUE(ready.has_value());
  ASSERT_EQ(ready->candidates.size(), 2U);
  EXPECT_EQ(ready->candidates[0].mix_port, 2222) << "the later of two entries counts";
}

TEST_F(DirectoryClient, JoinsDescribedAndSkimmedExits) {
  client_->fetch_exits(clock_.now());
  EXPECT_EQ(requests().size(), 2U);
  NodeJson half(5), no_role(6);
  half.performance = "\"0.5\"";
  no_role.roles = R"({"exit_ipr":false})";
  answer(
      kDescribed,
      described({described_node(5, "1.31.0", ipr_json(5)), described_node(6, "1.32.0", ipr_json(6)),
                 described_node(7, "1.33.0", ipr_json(7)), described_node(8, "1.34.0", "null")}));
  answer(kAll, skimmed({half.text(), no_role.text(), NodeJson(8).text()}));
  const auto ready = event<ExitsReady>();
  ASSERT_TRUE(ready.has_value());
  std::map<crypto::Ed25519PublicKey, ExitDescription> exits;
  for (const ExitDescription& exit : ready->candidates) exits[exit.identity] = exit;
  ASSERT_EQ(exits.size(), 3U);
  EXPECT_EQ(exits[identity(5)].performance, 50);
  EXPECT_EQ(exits[identity(5)].ipr_address, ipr_address(5));
  EXPECT_EQ(exits[identity(5)].ipr_gateway, identity(5));
  EXPECT_EQ(exits[identity(5)].build_version, "1.31.0");
  EXPECT_EQ(exits[identity(6)].performance, 0) << "no exit by its roles";
  EXPECT_EQ(exits[identity(7)].performance, 0) << "not in the skimmed list";
}

TEST_F(DirectoryClient, FetchesRotationInfo) {
  client_->fetch_rotation_info(clock_.now());
  EXPECT_EQ(requests(), std::vector<std::string>{std::string{kBase} + std::string{kRotation}});
  answer(kRotation, std::string{kRotationInfoExample});
  const auto ready = event<RotationInfoReady>();
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->info.rotation_id(), 4U);
}

TEST_F(DirectoryClient, ABaseUrlMayEndInASlash) {
  for (const char* url : {"http://127.0.0.1:8000/api", "http://127.0.0.1:8000/api/"}) {
    forget_requests();
    make({url});
    client_->fetch_rotation_info(clock_.now());
    EXPECT_EQ(requests(),
              std::vector<std::string>{"http://127.0.0.1:8000/api/" + std::string{kRotation}});
  }
}

TEST_F(DirectoryClient, ACallRunsOnceAtATimeAndDifferentCallsTogether) {
  client_->fetch_entries(clock_.now());
  client_->fetch_entries(clock_.now());
  client_->fetch_rotation_info(clock_.now());
  EXPECT_EQ(requests().size(), 2U);
  answer(kEntries, nodes({4}));
  EXPECT_TRUE(event<EntriesReady>().has_value());
  client_->fetch_entries(clock_.now());
  EXPECT_EQ(requests().size(), 1U);
  answer(kRotation, std::string{kRotationInfoExample});
  EXPECT_TRUE(event<RotationInfoReady>().has_value());
}

// --- paging ---

TEST_F(DirectoryClient, AsksForFurtherPages) {
  client_->fetch_entries(clock_.now());
  requests();
  answer(kEntries, skimmed({NodeJson(1).text(), "{}"}, 361, /*total=*/3));
  EXPECT_EQ(requests(), std::vector<std::string>{std::string{kBase} + std::string{kEntriesPage1}});
  EXPECT_TRUE(no_event());
  answer(kEntriesPage1, skimmed({NodeJson(2).text()}, 361, /*total=*/3));
  EXPECT_EQ(event<EntriesReady>()->candidates.size(), 2U);
}

TEST_F(DirectoryClient, AnEmptyFurtherPageIsAnErrorNotALoop) {
  client_->fetch_entries(clock_.now());
  requests();
  answer(kEntries, skimmed({NodeJson(1).text()}, 361, /*total=*/3));
  requests();
  answer(kEntriesPage1, skimmed({}, 361, /*total=*/3));
  EXPECT_TRUE(requests().empty());
  EXPECT_TRUE(no_event());
  wait_until_due();  // the retry starts with the first page
  EXPECT_EQ(requests(), std::vector<std::string>{std::string{kBase} + std::string{kEntries}});
}

TEST_F(DirectoryClient, PagesOfDifferentEpochsAreInconsistent) {
  client_->fetch_entries(clock_.now());
  for (int round = 0; round < 4; ++round) {
    requests();
    answer(kEntries, skimmed({NodeJson(1).text()}, 361, /*total=*/2));
    requests();
    answer(kEntriesPage1, skimmed({NodeJson(2).text()}, 362, /*total=*/2));
    if (round < 3) wait_until_due();
  }
  expect_failure(What::kEntries, Errc::directory_inconsistent);
}

TEST_F(DirectoryClient, TheNumberOfPagesIsBounded) {
  client_->fetch_entries(clock_.now());
  std::size_t pages = 0;
  while (client_->next_deadline() == clock_.now() + seconds{30} && pages < 1000) {
    const auto get = client_->poll_output();
    if (!get) break;
    ++pages;
    client_->receive(get->id, 200, base::as_bytes(skimmed({"{}"}, 361, /*total=*/20000)),
                     clock_.now());
  }
  EXPECT_EQ(pages, kMaxPages);
}

// --- failures ---

TEST_F(DirectoryClient, WithoutABaseUrlNothingIsReachable) {
  make({});
  client_->fetch_topology(clock_.now());
  expect_failure(What::kTopology, Errc::directory_unreachable);
}

TEST_F(DirectoryClient, RetriesAfterOneTwoAndFourSecondsThenGivesUp) {
  client_->fetch_rotation_info(clock_.now());
  for (const int wait : {1, 2, 4}) {
    requests();
    refuse(kRotation);
    EXPECT_TRUE(no_event());
    EXPECT_TRUE(requests().empty());
    EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{wait});
    client_->expire(clock_.now() + seconds{wait} - milliseconds{1});
    EXPECT_TRUE(requests().empty());
    wait_until_due();
  }
  requests();
  refuse(kRotation);
  const auto failure = event<FetchFailed>();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->what, What::kRotationInfo);
  EXPECT_EQ(failure->error.code, Errc::directory_unreachable);
  EXPECT_EQ(failure->error.context, std::string{kBase} + std::string{kRotation});
  EXPECT_EQ(client_->next_deadline(), std::nullopt);
}

TEST_F(DirectoryClient, EachKindOfBadAnswerHasItsCode) {
  struct Row {
    std::string body;
    int status;
    Errc code;
    std::uint32_t detail;
  };
  const std::vector<Row> rows = {
      {"internal error", 500, Errc::directory_bad_status, 500},
      {"not found", 404, Errc::directory_bad_status, 404},
      {std::string{kRotationInfoExample}, 304, Errc::directory_bad_status, 304},
      {std::string{kRotationInfoExample}, 0, Errc::directory_bad_status, 0},
      {"<html>captive portal</html>", 200, Errc::directory_malformed, 0},
      {"", 200, Errc::directory_malformed, 0},
  };
  for (const Row& row : rows) {
    client_->fetch_rotation_info(clock_.now());
    for (int round = 0; round < 4; ++round) {
      requests();
      answer(kRotation, row.body, row.status);
      if (round < 3) wait_until_due();
    }
    expect_failure(What::kRotationInfo, row.code, row.detail);
  }
}

TEST_F(DirectoryClient, ASilentDirectoryTimesOut) {
  client_->fetch_topology(clock_.now());
  requests();
  answer(kRewarded, std::string{kRewardedSetExample});
  clock_.advance(seconds{30});
  client_->expire(clock_.now());
  expect_failure(What::kTopology, Errc::directory_timeout);
}

TEST_F(DirectoryClient, ALateAnswerIsIgnored) {
  client_->fetch_rotation_info(clock_.now());
  requests();
  const RequestId id = take_open(kRotation, kBase);
  clock_.advance(seconds{30});
  client_->expire(clock_.now());
  expect_failure(What::kRotationInfo, Errc::directory_timeout);
  client_->receive(id, 200, base::as_bytes(kRotationInfoExample), clock_.now());
  client_->failed(id, clock_.now());
  client_->receive(0, 200, base::as_bytes(kRotationInfoExample), clock_.now());
  EXPECT_TRUE(no_event());
}

TEST_F(DirectoryClient, AnAnswerCountsOnce) {
  client_->fetch_topology(clock_.now());
  requests();
  const RequestId id = take_open(kMixnodes, kBase);
  const std::string body = nodes({1, 2, 3});
  client_->receive(id, 200, base::as_bytes(body), clock_.now());
  client_->receive(id, 500, base::as_bytes(body), clock_.now());
  client_->failed(id, clock_.now());
  answer(kRewarded, std::string{kRewardedSetExample});
  answer(kEntries, nodes({4}));
  answer(kExits, nodes({5}));
  EXPECT_TRUE(event<TopologyReady>().has_value());
}

TEST_F(DirectoryClient, OneBadListFailsTheTopologyAndAbandonsTheOthers) {
  client_->fetch_topology(clock_.now());
  // The host has started one request only when that one fails.
  const auto first = client_->poll_output();
  ASSERT_TRUE(first.has_value());
  client_->failed(first->id, clock_.now());
  EXPECT_FALSE(client_->poll_output().has_value()) << "the others need not start any more";
  EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{1});
}

TEST_F(DirectoryClient, ListsOfDifferentRotationsAreAskedForAgainSoon) {
  make({std::string{kBase}, std::string{kOther}});
  client_->fetch_topology(clock_.now());
  requests();
  answer(kRewarded, std::string{kRewardedSetExample});
  answer(kMixnodes, nodes({1, 2, 3}, 361));
  answer(kEntries, nodes({4}, 362));
  answer(kExits, nodes({5}, 362));
  EXPECT_TRUE(no_event());
  EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{1});
  wait_until_due();
  const auto urls = requests();
  ASSERT_EQ(urls.size(), 4U);
  for (const std::string& url : urls) EXPECT_TRUE(url.starts_with(kBase)) << url;
  answer_topology();
  EXPECT_TRUE(event<TopologyReady>().has_value());
}

TEST_F(DirectoryClient, ExitsOfAnotherRotationAreInconsistentToo) {
  client_->fetch_topology(clock_.now());
  for (int round = 0; round < 4; ++round) {
    requests();
    answer(kRewarded, std::string{kRewardedSetExample});
    answer(kMixnodes, nodes({1, 2, 3}));
    answer(kEntries, nodes({4}));
    answer(kExits, nodes({5}, 362));
    if (round < 3) wait_until_due();
  }
  expect_failure(What::kTopology, Errc::directory_inconsistent);
}

TEST_F(DirectoryClient, AnEmptyLayerIsNotRoutable) {
  client_->fetch_topology(clock_.now());
  for (int round = 0; round < 4; ++round) {
    requests();
    answer(kRewarded, std::string{kRewardedSetExample});
    answer(kMixnodes, nodes({1, 3}));
    answer(kEntries, nodes({4}));
    answer(kExits, nodes({5}));
    if (round < 3) wait_until_due();
  }
  expect_failure(What::kTopology, Errc::directory_not_routable, 2);
}

// --- several base URLs ---

TEST_F(DirectoryClient, TheNextBaseUrlIsAskedAtOnce) {
  make({std::string{kBase}, std::string{kOther}});
  client_->fetch_topology(clock_.now());
  EXPECT_EQ(requests().size(), 4U);
  refuse(kMixnodes);
  const auto urls = requests();
  ASSERT_EQ(urls.size(), 4U);
  for (const std::string& url : urls) EXPECT_TRUE(url.starts_with(kOther)) << url;
  answer_topology(kOther);
  EXPECT_TRUE(event<TopologyReady>().has_value());
  // The abandoned requests of the first one may still be answered.
  answer(kRewarded, std::string{kRewardedSetExample});
  answer(kEntries, "late", 500);
  refuse(kExits);
  EXPECT_TRUE(no_event());
}

TEST_F(DirectoryClient, TheUrlThatWorkedIsTheFirstOfTheNextCall) {
  make({std::string{kBase}, std::string{kOther}});
  client_->fetch_rotation_info(clock_.now());
  requests();
  refuse(kRotation);
  requests();
  answer(kRotation, std::string{kRotationInfoExample}, 200, kOther);
  EXPECT_TRUE(event<RotationInfoReady>().has_value());
  client_->fetch_entries(clock_.now());
  EXPECT_EQ(requests(), std::vector<std::string>{std::string{kOther} + std::string{kEntries}});
}

TEST_F(DirectoryClient, BackOffComesAfterAllUrlsWereAsked) {
  make({std::string{kBase}, std::string{kOther}});
  client_->fetch_rotation_info(clock_.now());
  for (const int wait : {1, 2, 4}) {
    requests();
    refuse(kRotation, kBase);
    requests();
    refuse(kRotation, kOther);
    EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{wait});
    wait_until_due();
  }
  requests();
  refuse(kRotation, kBase);
  requests();
  refuse(kRotation, kOther);
  expect_failure(What::kRotationInfo, Errc::directory_unreachable);
}

TEST_F(DirectoryClient, SilentUrlsShareTheTimeOfTheCall) {
  make({std::string{kBase}, std::string{kOther}, "https://three.example/api"});
  client_->fetch_rotation_info(clock_.now());
  EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{10});
  requests();
  wait_until_due();
  EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{10});
  EXPECT_EQ(requests(), std::vector<std::string>{std::string{kOther} + std::string{kRotation}});
  clock_.advance(seconds{2});
  refuse(kRotation, kOther);
  EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{18});
  requests();
  answer(kRotation, std::string{kRotationInfoExample}, 200, "https://three.example/api/");
  EXPECT_TRUE(event<RotationInfoReady>().has_value());
}

TEST_F(DirectoryClient, ARequestNeverGetsMoreThanItsOwnLimit) {
  config_.request_timeout = seconds{4};
  make({std::string{kBase}});
  client_->fetch_rotation_info(clock_.now());
  requests();
  EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{4});
  wait_until_due();
  EXPECT_EQ(client_->next_deadline(), clock_.now() + seconds{1}) << "back-off";
}

TEST_F(DirectoryClient, TheWholeCallEndsInTime) {
  config_.request_timeout = seconds{4};
  config_.first_fetch_timeout = seconds{12};
  make({std::string{kBase}});
  const auto start = clock_.now();
  client_->fetch_rotation_info(clock_.now());
  while (client_->next_deadline()) {
    forget_requests();
    requests();
    wait_until_due();
  }
  forget_requests();
  expect_failure(What::kRotationInfo, Errc::directory_timeout);
  EXPECT_LE(clock_.now() - start, seconds{12});
}

TEST_F(DirectoryClient, AHostThatSleptThroughTheCallGetsATimeout) {
  client_->fetch_rotation_info(clock_.now());
  requests();
  refuse(kRotation);
  clock_.advance(std::chrono::hours{8});
  client_->expire(clock_.now());
  expect_failure(What::kRotationInfo, Errc::directory_timeout);
}

}  // namespace
}  // namespace mix::directory
