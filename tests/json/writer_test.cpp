#include "mix/json/writer.h"

#include <gtest/gtest.h>

#include "mix/json/reader.h"

namespace mix::json {
namespace {

TEST(ObjectWriter, WritesMembersInOrder) {
  EXPECT_EQ(ObjectWriter{}.take(), "{}");
  EXPECT_EQ(ObjectWriter{}
                .string("type", "x")
                .number("n", -5)
                .number("big", UINT64_MAX)
                .number("byte", std::uint8_t{65})
                .boolean("yes", true)
                .boolean("no", false)
                .bytes("data", base::Bytes{0, 7, 255})
                .bytes("none", {})
                .raw("inner", R"({"a":1})")
                .take(),
            R"({"type":"x","n":-5,"big":18446744073709551615,"byte":65,"yes":true,"no":false,)"
            R"("data":[0,7,255],"none":[],"inner":{"a":1}})");
}

TEST(ObjectWriter, EscapesWhatJsonCannotHold) {
  const std::string text =
      "quote \" slash \\ line \n nul " + std::string(1, '\0') + " \x1f e\xc3\xa9";
  const std::string json = ObjectWriter{}.string(text, text).take();
  EXPECT_NE(json.find("quote \\\" slash \\\\ line \\u000a nul \\u0000 \\u001f e\xc3\xa9"),
            std::string::npos);
  const auto value = parse(json, {.max_size = 1024});
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(mix::json::text(find(*value, text)), text);
}

}  // namespace
}  // namespace mix::json
