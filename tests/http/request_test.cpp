#include <gtest/gtest.h>

#include "mix/http/exchange.h"

namespace mix::http {
namespace {

using base::Errc;

Request request_to(std::string_view url, std::string method = "GET", HeaderList headers = {},
                   std::string_view body = "") {
  auto parsed = Url::parse(url);
  EXPECT_TRUE(parsed.has_value());
  return {std::move(method), *parsed, std::move(headers), base::to_bytes(base::as_bytes(body))};
}

std::string head_of(const Request& request) { return base::to_string(encode_head(request)); }

TEST(Request, PutsHostAndConnectionFirst) {
  EXPECT_EQ(
      head_of(request_to("https://example.test/a?b#c", "GET", {{"X-One", "1"}})),
      "GET /a?b HTTP/1.1\r\nHost: example.test\r\nConnection: keep-alive\r\nX-One: 1\r\n\r\n");
}

TEST(Request, NamesAPortThatIsNotTheDefault) {
  EXPECT_NE(head_of(request_to("http://example.test:8080/")).find("Host: example.test:8080\r\n"),
            std::string::npos);
  EXPECT_NE(head_of(request_to("http://[::1]/")).find("Host: [::1]\r\n"), std::string::npos);
}

TEST(Request, LetsTheCallersHostWinOnce) {
  const std::string head = head_of(request_to("http://a/", "GET", {{"X", "y"}, {"hOsT", "b"}}));
  EXPECT_EQ(head, "GET / HTTP/1.1\r\nHost: b\r\nConnection: keep-alive\r\nX: y\r\n\r\n");
}

TEST(Request, KeepsOrderAndRepetitionOfHeaders) {
  const std::string head =
      head_of(request_to("http://a/", "GET", {{"B", "1"}, {"A", "2"}, {"b", "3"}, {"E", ""}}));
  EXPECT_NE(head.find("\r\nB: 1\r\nA: 2\r\nb: 3\r\nE: \r\n\r\n"), std::string::npos);
}

TEST(Request, StatesTheLengthOfABodyOnce) {
  const std::string with_own =
      head_of(request_to("http://a/", "POST", {{"content-length", "3"}}, "abc"));
  EXPECT_EQ(with_own,
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(head_of(request_to("http://a/", "POST", {}, "abc")), with_own);
}

TEST(Request, StatesALengthOfZeroWhereABodyIsExpected) {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    EXPECT_NE(head_of(request_to("http://a/", method)).find("Content-Length: 0\r\n"),
              std::string::npos)
        << method;
  }
  for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS", "QUERY"}) {
    EXPECT_EQ(head_of(request_to("http://a/", method)).find("Content-Length"), std::string::npos)
        << method;
  }
}

TEST(Validation, WritesStandardMethodsInUpperCase) {
  for (const auto& [given, sent] :
       {std::pair{"get", "GET"}, std::pair{"Post", "POST"}, std::pair{"pUt", "PUT"},
        std::pair{"delete", "DELETE"}, std::pair{"head", "HEAD"}, std::pair{"options", "OPTIONS"},
        std::pair{"patch", "patch"}, std::pair{"PROPFIND", "PROPFIND"},
        std::pair{"query", "query"}}) {
    Request request = request_to("http://a/", given);
    ASSERT_TRUE(validate(request).has_value()) << given;
    EXPECT_EQ(request.method, sent);
  }
}

TEST(Validation, RefusesMethodsThatPagesMayNotSend) {
  for (const char* method :
       {"CONNECT", "connect", "TRACE", "Track", "", "GE T", "GET\r\n", "G\303T", "GET/", "(x)"}) {
    Request request = request_to("http://a/", method);
    const auto result = validate(request);
    ASSERT_FALSE(result.has_value()) << method;
    EXPECT_EQ(result.error().code, Errc::usage_bad_method);
  }
}

TEST(Validation, RefusesABodyWhereNoneIsAllowed) {
  for (const char* method : {"GET", "HEAD", "get", "head"}) {
    Request request = request_to("http://a/", method, {}, "x");
    const auto result = validate(request);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, Errc::usage_bad_body);
  }
  Request removal = request_to("http://a/", "DELETE", {}, "x");
  EXPECT_TRUE(validate(removal).has_value());
}

TEST(Validation, RefusesHeadersThatCouldSplitTheRequest) {
  const HeaderList bad = {
      {"", "x"},
      {"A B", "x"},
      {"A:", "x"},
      {"A\r\nB", "x"},
      {"\xC3\xA4", "x"},
      {"A", "x\r\nB: y"},
      {"A", "x\nB: y"},
      {"A", "x\r"},
      {"A", std::string{"x\0y", 3}},
      {std::string{"A\0", 2}, "x"},
      {"A\t", "x"},
  };
  for (const auto& header : bad) {
    Request request = request_to("http://a/", "GET", {header});
    const auto result = validate(request);
    ASSERT_FALSE(result.has_value()) << header.first << "=" << header.second;
    EXPECT_EQ(result.error().code, Errc::usage_bad_header);
  }
}

TEST(Validation, RefusesHeadersThatBelongToTheEngine) {
  for (const char* name : {"Transfer-Encoding", "connection", "UPGRADE"}) {
    Request request = request_to("http://a/", "POST", {{name, "x"}}, "b");
    const auto result = validate(request);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, Errc::usage_bad_header);
    EXPECT_NE(result.error().context.find(name), std::string::npos);
  }
}

TEST(Validation, AllowsWhatBrowsersForbidAndServersTake) {
  for (const char* name :
       {"Host", "Cookie", "Origin", "Referer", "User-Agent", "Date", "Via", "TE", "Keep-Alive",
        "Accept-Encoding", "Sec-Fetch-Mode", "Proxy-Authorization"}) {
    Request request = request_to("http://a/", "GET", {{name, "x \t\xE4\x01"}});
    EXPECT_TRUE(validate(request).has_value()) << name;
  }
}

TEST(Validation, ComparesAGivenLengthWithTheBody) {
  for (const auto& [value, good] :
       {std::pair{"3", true}, std::pair{"03", true}, std::pair{"2", false}, std::pair{"4", false},
        std::pair{"", false}, std::pair{"3x", false}, std::pair{"+3", false},
        std::pair{"-3", false}, std::pair{"3, 3", false},
        std::pair{"99999999999999999999999", false}}) {
    Request request = request_to("http://a/", "POST", {{"Content-Length", value}}, "abc");
    EXPECT_EQ(validate(request).has_value(), good) << value;
  }
  Request twice =
      request_to("http://a/", "POST", {{"Content-Length", "3"}, {"content-length", "4"}}, "abc");
  EXPECT_FALSE(validate(twice).has_value());
}

TEST(DefaultHeaders, AreTheReferences) {
  HeaderList headers;
  add_default_headers(headers);
  const HeaderList expected = {
      {"User-Agent",
       "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
       "Safari/537.36"},
      {"Accept",
       "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
      {"Accept-Language", "en-US,en;q=0.9"},
      {"Accept-Encoding", "identity"}};
  EXPECT_EQ(headers, expected);
}

TEST(DefaultHeaders, GiveWayToTheCallersOneByOne) {
  HeaderList headers = {{"aCCEPT", "text/plain"}, {"user-agent", ""}};
  add_default_headers(headers);
  ASSERT_EQ(headers.size(), 4U);
  EXPECT_EQ(find_header(headers, "Accept"), "text/plain");
  EXPECT_EQ(find_header(headers, "User-Agent"), "");
  EXPECT_EQ(find_header(headers, "Accept-Encoding"), "identity");
}

TEST(FindHeader, GivesTheFirstValueWithoutCase) {
  const HeaderList headers = {{"A", "1"}, {"a", "2"}};
  EXPECT_EQ(find_header(headers, "a"), "1");
  EXPECT_EQ(find_header(headers, "b"), std::nullopt);
}

}  // namespace
}  // namespace mix::http
