#include "mix/http/url.h"

#include <gtest/gtest.h>

#include <string>

namespace mix::http {
namespace {

using base::Errc;

Url parsed(std::string_view text) {
  auto url = Url::parse(text);
  EXPECT_TRUE(url.has_value()) << text;
  return url ? *url : Url{};
}

TEST(Url, HasItsPartsSplit) {
  const Url url = parsed("https://Example.TEST:8443/a/b?c=d&e#frag?x");
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "example.test");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.path, "/a/b?c=d&e");
  EXPECT_EQ(url.fragment, "#frag?x");
  EXPECT_TRUE(url.secure());
  EXPECT_FALSE(url.default_port());
  EXPECT_EQ(url.authority(), "example.test:8443");
  EXPECT_EQ(url.origin(), "https://example.test:8443");
  EXPECT_EQ(url.to_string(), "https://example.test:8443/a/b?c=d&e");
}

TEST(Url, KnowsTheDefaultPorts) {
  for (const auto& [text, port, secure] :
       {std::tuple{"http://a", 80, false}, std::tuple{"https://a", 443, true},
        std::tuple{"ws://a", 80, false}, std::tuple{"wss://a", 443, true}}) {
    const Url url = parsed(text);
    EXPECT_EQ(url.port, port);
    EXPECT_EQ(url.secure(), secure);
    EXPECT_TRUE(url.default_port());
    EXPECT_EQ(url.path, "/");
    EXPECT_EQ(url.origin(), text);
  }
  EXPECT_EQ(parsed("http://a:80/").authority(), "a");
  EXPECT_EQ(parsed("http://a:/").port, 80);
  EXPECT_EQ(parsed("http://a:443/").authority(), "a:443");
  EXPECT_EQ(parsed("HTTPS://a").scheme, "https");
}

TEST(Url, PutsIpv6InBracketsOnlyInText) {
  const Url url = parsed("http://[2001:DB8:0:0::1]:8080/x");
  EXPECT_EQ(url.host, "2001:db8::1");
  EXPECT_EQ(url.authority(), "[2001:db8::1]:8080");
  EXPECT_EQ(url.origin(), "http://[2001:db8::1]:8080");
  EXPECT_EQ(parsed("http://[::1]").authority(), "[::1]");
}

TEST(Url, KeepsTheQueryAsItIs) {
  EXPECT_EQ(parsed("http://a?b").path, "/?b");
  EXPECT_EQ(parsed("http://a/?").path, "/?");
  EXPECT_EQ(parsed("http://a/?x=/../y").path, "/?x=/../y");
  EXPECT_EQ(parsed("http://a/%41?%zz").path, "/%41?%zz");
  EXPECT_EQ(parsed("http://a/{b}|c").path, "/{b}|c");
  EXPECT_EQ(parsed("http://a#").fragment, "#");
}

TEST(Url, RemovesDotSegments) {
  EXPECT_EQ(parsed("http://a/b/../c/./d").path, "/c/d");
  EXPECT_EQ(parsed("http://a/../../b").path, "/b");
  EXPECT_EQ(parsed("http://a/b/..").path, "/");
  EXPECT_EQ(parsed("http://a/b/.").path, "/b/");
  EXPECT_EQ(parsed("http://a/b/%2e%2E/c").path, "/c");
  EXPECT_EQ(parsed("http://a/b/...").path, "/b/...");
  EXPECT_EQ(parsed("http://a//b//").path, "//b//");
}

TEST(Url, RefusesWhatIsNoAbsoluteUrl) {
  for (const char* text : {"",
                           "/",
                           "a",
                           "//a/b",
                           "http",
                           "http:",
                           "http:/a",
                           "http://",
                           "http:///a",
                           "http://:80",
                           "http://[::1",
                           "http://[1.2.3.4]/",
                           "http://[::1]x/",
                           "http://[::g]/",
                           "http://a:65536/",
                           "http://a:-1/",
                           "http://a:1x/",
                           "http://a:0/",
                           "http://user@a/",
                           "http://user:pass@a/",
                           "http://a b/",
                           "http://a/b c",
                           "http://a/\xC3\xA4",
                           "http://\xC3\xA4/",
                           "http://a/\r\n",
                           "http://a\\b/",
                           "http://a%2eb/",
                           "http://a,b/",
                           "1http://a/",
                           " http://a/"}) {
    const auto url = Url::parse(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().code, Errc::usage_bad_url) << text;
  }
}

TEST(Url, RefusesOtherSchemesByName) {
  for (const char* text : {"ftp://a/", "file:///etc/passwd", "data:,x", "javascript:alert(1)",
                           "blob:http://a/1", "about:blank", "httpx://a"}) {
    const auto url = Url::parse(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().code, Errc::usage_bad_scheme) << text;
    EXPECT_TRUE(std::string_view{text}.starts_with(url.error().context + ":"));
  }
}

struct Reference {
  const char* text;
  const char* result;
};

// RFC 3986 §5.4, with http and without the parts that http has not.
class Resolution : public testing::TestWithParam<Reference> {};

TEST_P(Resolution, FollowsRfc3986) {
  const Url base = parsed("http://a/b/c/d;p?q");
  const auto url = base.resolve(GetParam().text);
  ASSERT_TRUE(url.has_value()) << GetParam().text;
  EXPECT_EQ(url->to_string() + url->fragment, GetParam().result) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Normal, Resolution,
    testing::Values(Reference{"g", "http://a/b/c/g"}, Reference{"./g", "http://a/b/c/g"},
                    Reference{"g/", "http://a/b/c/g/"}, Reference{"/g", "http://a/g"},
                    Reference{"//g", "http://g/"}, Reference{"?y", "http://a/b/c/d;p?y"},
                    Reference{"g?y", "http://a/b/c/g?y"}, Reference{"#s", "http://a/b/c/d;p?q#s"},
                    Reference{"g#s", "http://a/b/c/g#s"}, Reference{"g?y#s", "http://a/b/c/g?y#s"},
                    Reference{";x", "http://a/b/c/;x"}, Reference{"g;x", "http://a/b/c/g;x"},
                    Reference{"g;x?y#s", "http://a/b/c/g;x?y#s"},
                    Reference{"", "http://a/b/c/d;p?q"}, Reference{".", "http://a/b/c/"},
                    Reference{"./", "http://a/b/c/"}, Reference{"..", "http://a/b/"},
                    Reference{"../", "http://a/b/"}, Reference{"../g", "http://a/b/g"},
                    Reference{"../..", "http://a/"}, Reference{"../../", "http://a/"},
                    Reference{"../../g", "http://a/g"}));

INSTANTIATE_TEST_SUITE_P(
    Abnormal, Resolution,
    testing::Values(Reference{"../../../g", "http://a/g"}, Reference{"../../../../g", "http://a/g"},
                    Reference{"/./g", "http://a/g"}, Reference{"/../g", "http://a/g"},
                    Reference{"g.", "http://a/b/c/g."}, Reference{".g", "http://a/b/c/.g"},
                    Reference{"g..", "http://a/b/c/g.."}, Reference{"..g", "http://a/b/c/..g"},
                    Reference{"./../g", "http://a/b/g"}, Reference{"./g/.", "http://a/b/c/g/"},
                    Reference{"g/./h", "http://a/b/c/g/h"}, Reference{"g/../h", "http://a/b/c/h"},
                    Reference{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
                    Reference{"g;x=1/../y", "http://a/b/c/y"},
                    Reference{"g?y/./x", "http://a/b/c/g?y/./x"},
                    Reference{"g?y/../x", "http://a/b/c/g?y/../x"},
                    Reference{"g#s/../x", "http://a/b/c/g#s/../x"}));

INSTANTIATE_TEST_SUITE_P(
    AsServersSendThem, Resolution,
    testing::Values(Reference{"https://B.test:8443/x", "https://b.test:8443/x"},
                    Reference{"HTTPS://b/x/../y", "https://b/y"},
                    Reference{"//[::1]:9/x", "http://[::1]:9/x"},
                    Reference{"  /trimmed \t", "http://a/trimmed"},
                    Reference{"/a b", "http://a/a%20b"}, Reference{"/\xC3\xBC", "http://a/%C3%BC"},
                    Reference{"/q?\"<x>", "http://a/q?%22%3Cx%3E"},
                    Reference{"/50%", "http://a/50%"}));

TEST(Url, RefusesReferencesThatLeadNowhere) {
  const Url base = parsed("http://a/b");
  for (const char* text : {"http://", "//", "///x", "http:x", "https://u:p@b/", "/a\nb", "/a\x01/b",
                           "http://b:99999/", "//\xC3\xA4/"}) {
    const auto url = base.resolve(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().code, Errc::usage_bad_url) << text;
  }
  const auto other = base.resolve("mailto:a@b");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Errc::usage_bad_scheme);
}

TEST(Url, ReadsItsOwnText) {
  for (const char* text : {"http://a/", "https://a.b.c:444/d/e?f#g", "wss://[::1]:1/?q"}) {
    const Url url = parsed(text);
    EXPECT_EQ(parsed(url.to_string() + url.fragment), url);
  }
}

TEST(Url, NeverCrashesOnAlteredText) {
  const std::string whole = "https://user@[2001:db8::1]:8443/a/../b?c#d";
  for (std::size_t size = 0; size <= whole.size(); ++size) (void)Url::parse(whole.substr(0, size));
  const Url base = parsed("http://a/b");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string text = whole;
      text[at] = static_cast<char>(value);
      if (const auto url = Url::parse(text)) {
        EXPECT_TRUE(url->path.starts_with('/'));
        EXPECT_EQ(url->to_string().find_first_of(" \r\n\t"), std::string::npos);
      }
      if (const auto url = base.resolve(text)) {
        EXPECT_EQ(url->to_string().find_first_of(" \r\n\t"), std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace mix::http
