#include "mix/http/redirect.h"

#include <gtest/gtest.h>

namespace mix::http {
namespace {

using base::Errc;

Request request_to(std::string_view url, std::string method = "GET", HeaderList headers = {},
                   std::string_view body = "") {
  auto parsed = Url::parse(url);
  EXPECT_TRUE(parsed.has_value());
  return {std::move(method), *parsed, std::move(headers), base::to_bytes(base::as_bytes(body))};
}

ResponseHead answer(std::uint16_t status, std::string location) {
  return {status, "", {{"Location", std::move(location)}}};
}

base::Result<RedirectDecision> decide(const Request& request, const ResponseHead& head,
                                      RedirectPolicy policy = {}) {
  const std::vector<std::string> visited = {visit_name(request)};
  return decide_redirect(request, head, policy, visited);
}

Request followed(const base::Result<RedirectDecision>& decision) {
  EXPECT_TRUE(decision.has_value());
  if (!decision) return {};
  const auto* follow = std::get_if<FollowRedirect>(&*decision);
  EXPECT_NE(follow, nullptr);
  return follow != nullptr ? follow->request : Request{};
}

bool delivered(const base::Result<RedirectDecision>& decision) {
  return decision.has_value() && std::holds_alternative<Deliver>(*decision);
}

std::string refusal(const base::Result<RedirectDecision>& decision) {
  if (decision.has_value()) return "not refused";
  EXPECT_EQ(decision.error().code, Errc::http_redirect_refused);
  return decision.error().context;
}

TEST(Redirect, HappensForFiveStatusCodesWithLocation) {
  const Request request = request_to("http://a/x");
  for (std::uint16_t status = 200; status < 600; ++status) {
    const bool redirect =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    const auto decision = decide(request, answer(status, "/y"));
    ASSERT_TRUE(decision.has_value());
    EXPECT_EQ(std::holds_alternative<FollowRedirect>(*decision), redirect) << status;
    EXPECT_TRUE(delivered(decide(request, ResponseHead{status, "", {}})));
  }
}

struct MethodRule {
  std::uint16_t status;
  const char* method;
  const char* next;
  bool keeps_body;
};

class RedirectMethod : public testing::TestWithParam<MethodRule> {};

TEST_P(RedirectMethod, FollowsTheFetchStandard) {
  const MethodRule& rule = GetParam();
  const bool has_body =
      std::string_view{rule.method} != "GET" && std::string_view{rule.method} != "HEAD";
  const Request request = request_to("http://a/x", rule.method,
                                     {{"Content-Type", "text/plain"},
                                      {"Content-Encoding", "x"},
                                      {"Content-Language", "x"},
                                      {"Content-Location", "x"},
                                      {"content-length", "4"},
                                      {"X-Other", "kept"}},
                                     has_body ? "body" : "");
  const Request next = followed(decide(request, answer(rule.status, "/y")));
  EXPECT_EQ(next.method, rule.next);
  EXPECT_EQ(base::to_string(next.body), rule.keeps_body && has_body ? "body" : "");
  EXPECT_EQ(next.headers.size(), rule.keeps_body ? 6U : 1U);
  EXPECT_EQ(find_header(next.headers, "x-other"), "kept");
  EXPECT_EQ(next.url.to_string(), "http://a/y");
}

INSTANTIATE_TEST_SUITE_P(
    Http, RedirectMethod,
    testing::Values(MethodRule{301, "GET", "GET", true}, MethodRule{301, "HEAD", "HEAD", true},
                    MethodRule{301, "POST", "GET", false}, MethodRule{301, "PUT", "PUT", true},
                    MethodRule{301, "DELETE", "DELETE", true}, MethodRule{302, "GET", "GET", true},
                    MethodRule{302, "HEAD", "HEAD", true}, MethodRule{302, "POST", "GET", false},
                    MethodRule{302, "PATCH", "PATCH", true}, MethodRule{303, "GET", "GET", true},
                    MethodRule{303, "HEAD", "HEAD", true}, MethodRule{303, "POST", "GET", false},
                    MethodRule{303, "PUT", "GET", false}, MethodRule{303, "DELETE", "GET", false},
                    MethodRule{307, "GET", "GET", true}, MethodRule{307, "POST", "POST", true},
                    MethodRule{307, "PUT", "PUT", true}, MethodRule{308, "HEAD", "HEAD", true},
                    MethodRule{308, "POST", "POST", true}, MethodRule{308, "PUT", "PUT", true}));

TEST(Redirect, TakesCredentialsOnlyWithinTheOrigin) {
  const HeaderList headers = {
      {"Authorization", "s"}, {"Cookie", "s"}, {"Proxy-Authorization", "s"},
      {"Host", "a"},          {"Accept", "x"}, {"X-Token", "kept as in fetch"}};
  const Request request = request_to("https://a/x", "GET", headers);
  EXPECT_EQ(followed(decide(request, answer(302, "/y"))).headers, headers);
  EXPECT_EQ(followed(decide(request, answer(302, "https://A:443/y"))).headers, headers);
  for (const char* elsewhere : {"https://b/", "https://a:444/", "//sub.a/"}) {
    const HeaderList left = followed(decide(request, answer(302, elsewhere))).headers;
    EXPECT_EQ(left, (HeaderList{{"Accept", "x"}, {"X-Token", "kept as in fetch"}})) << elsewhere;
  }
  // To a safer scheme is another origin too.
  const Request plain = request_to("http://a/x", "GET", headers);
  EXPECT_EQ(followed(decide(plain, answer(302, "https://a/y"))).headers.size(), 2U);
}

TEST(Redirect, TellsAnotherOriginNoMoreThanTheReferersOrigin) {
  const HeaderList headers = {{"referer", "https://from:8443/page?q"}};
  const Request request = request_to("https://a/x", "GET", headers);
  const auto referer = [&](const char* location) {
    return find_header(followed(decide(request, answer(302, location))).headers, "Referer");
  };
  EXPECT_EQ(referer("/y"), "https://from:8443/page?q");
  EXPECT_EQ(referer("https://b/y"), "https://from:8443/");
  const Request odd = request_to("https://a/x", "GET", {{"Referer", "no url"}});
  EXPECT_EQ(find_header(followed(decide(odd, answer(302, "https://b/"))).headers, "Referer"),
            std::nullopt);
}

TEST(Redirect, InheritsTheFragmentUnlessItBringsOne) {
  const Request request = request_to("http://a/x#old");
  EXPECT_EQ(followed(decide(request, answer(302, "/y"))).url.fragment, "#old");
  EXPECT_EQ(followed(decide(request, answer(302, "/y#new"))).url.fragment, "#new");
  EXPECT_EQ(followed(decide(request, answer(302, "/y#"))).url.fragment, "#");
}

TEST(Redirect, NeverGoesFromHttpsToHttp) {
  EXPECT_EQ(refusal(decide(request_to("https://a/"), answer(302, "http://a/"))),
            "redirect from https to http rejected (would leak credentials)");
}

TEST(Redirect, RefusesOtherSchemes) {
  for (const char* scheme : {"ftp", "file", "javascript", "data", "ws", "wss"}) {
    EXPECT_EQ(refusal(decide(request_to("http://a/"), answer(301, std::string{scheme} + "://b/"))),
              std::string{"redirect to unsupported scheme '"} + scheme + "' rejected");
  }
}

TEST(Redirect, RefusesALocationThatIsNone) {
  for (const char* location : {"http://", "//", "http://u:p@a/", "http://a:99999/", "/a\x01/b"}) {
    EXPECT_EQ(refusal(decide(request_to("http://a/"), answer(301, location))),
              "Location is not a valid URL");
  }
}

/// Answers as told, and notes what it was asked.
class FakeUrls final : public UrlResolver {
 public:
  std::optional<std::string> answer;
  mutable std::string base, reference;
  [[nodiscard]] std::optional<std::string> resolve(std::string_view from,
                                                   std::string_view to) const override {
    base = from;
    reference = to;
    return answer;
  }
};

TEST(Redirect, LeadsWhereThePlatformsParserSays) {
  FakeUrls urls;
  const RedirectPolicy policy{.urls = &urls};
  const Request request = request_to("http://a/x?y#old");
  urls.answer = "http://xn--bcher-kva.example/p";
  const Request next = followed(decide(request,
                                       answer(302,
                                              "http://b\xc3\xbc"
                                              "cher.example/p"),
                                       policy));
  EXPECT_EQ(next.url.to_string(), "http://xn--bcher-kva.example/p");
  EXPECT_EQ(next.url.fragment, "#old");
  EXPECT_EQ(urls.base, "http://a/x?y");
  EXPECT_EQ(urls.reference,
            "http://b\xc3\xbc"
            "cher.example/p");
}

TEST(Redirect, ChecksWhatThePlatformsParserSays) {
  FakeUrls urls;
  const RedirectPolicy policy{.urls = &urls};
  const Request request = request_to("https://a/x");
  EXPECT_EQ(refusal(decide(request, answer(302, "//"), policy)), "Location is not a valid URL");
  urls.answer = "https://user:secret@a/";
  EXPECT_EQ(refusal(decide(request, answer(302, "/"), policy)), "Location is not a valid URL");
  urls.answer = "mailto:somebody";
  EXPECT_EQ(refusal(decide(request, answer(302, "/"), policy)),
            "redirect to unsupported scheme 'mailto' rejected");
  urls.answer = "http://a/";
  EXPECT_EQ(refusal(decide(request, answer(302, "/"), policy)),
            "redirect from https to http rejected (would leak credentials)");
}

TEST(Redirect, RefusesTwoDifferentLocations) {
  ResponseHead head = answer(302, "/y");
  head.headers.emplace_back("location", "/y");
  EXPECT_EQ(followed(decide(request_to("http://a/x"), head)).url.path, "/y");
  head.headers.emplace_back("location", "/z");
  EXPECT_EQ(refusal(decide(request_to("http://a/x"), head)), "several Location headers");
}

TEST(Redirect, IsDeliveredInManualMode) {
  EXPECT_TRUE(delivered(
      decide(request_to("https://a/"), answer(302, "http://b/"), {.mode = RedirectMode::kManual})));
}

TEST(Redirect, IsAnErrorInErrorMode) {
  const RedirectPolicy policy{.mode = RedirectMode::kError};
  EXPECT_NE(refusal(decide(request_to("http://a/"), answer(302, "/b"), policy)), "");
  EXPECT_TRUE(delivered(decide(request_to("http://a/"), answer(404, "/b"), policy)));
}

TEST(Redirect, StopsAtTheLimit) {
  for (const std::size_t limit : {0U, 1U, 5U}) {
    Request request = request_to("http://a/0");
    std::vector<std::string> visited = {visit_name(request)};
    for (std::size_t i = 1; i <= limit; ++i) {
      const auto decision = decide_redirect(request, answer(302, "/" + std::to_string(i)),
                                            {.max_redirects = limit}, visited);
      request = followed(decision);
      visited.push_back(visit_name(request));
    }
    const auto last =
        decide_redirect(request, answer(302, "/end"), {.max_redirects = limit}, visited);
    ASSERT_FALSE(last.has_value());
    EXPECT_EQ(last.error().code, Errc::http_too_many_redirects);
    EXPECT_EQ(last.error().context, "(>" + std::to_string(limit) + ")");
  }
}

TEST(Redirect, ToTheSamePlaceIsFollowedUntilTheLimit) {
  const Request first = request_to("http://a/1");
  // A server that sets a cookie and sends the browser back.
  EXPECT_EQ(followed(decide(first, answer(302, "/1"))).url, first.url);
  const std::vector<std::string> visited(6, visit_name(first));
  const auto last = decide_redirect(first, answer(302, "/1"), {}, visited);
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, Errc::http_redirect_loop);
  EXPECT_EQ(last.error().context, "http://a/1");
}

TEST(Redirect, AStreamedBodyIsSentAgainOnlyIfItCanBe) {
  Request request = request_to("http://a/x", "POST");
  request.streamed = StreamedBody{};
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{301, 302, 307, 308}) {
    EXPECT_NE(refusal(decide(request, answer(status, "/y"))), "") << status;
  }
  EXPECT_FALSE(followed(decide(request, answer(303, "/y"))).has_body());
  const RedirectPolicy replay{.replay = Replay::kPossible};
  EXPECT_TRUE(followed(decide(request, answer(307, "/y"), replay)).has_body());
  EXPECT_FALSE(followed(decide(request, answer(302, "/y"), replay)).has_body());
}

TEST(Redirect, ToItselfAfterAPostIsNoLoop) {
  const Request post = request_to("http://a/form", "POST", {}, "x");
  EXPECT_EQ(followed(decide(post, answer(303, "/form"))).method, "GET");
}

}  // namespace
}  // namespace mix::http
