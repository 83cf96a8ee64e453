// SPDX-License-Identifier: PostgreSQL
#include "nats/base/server_json.h"

#include <gtest/gtest.h>

#include <string>

#include "nats/jetstream/delivery_origin.h"
#include "nats/base/names.h"

namespace fraiseql::nats {
namespace {

std::string Nested(size_t depth, const std::string& open, const std::string& close) {
  std::string text = R"({"a":)";
  for (size_t i = 1; i < depth; ++i) text += open;
  text += "1";
  for (size_t i = 1; i < depth; ++i) text += close;
  return text + "}";
}

TEST(ServerJson, HasALimitedDepth) {
  const std::string object = R"({"a":)";
  EXPECT_TRUE(ParseObject(Nested(kMaxJsonDepth, "[", "]")).is_object());
  EXPECT_TRUE(ParseObject(Nested(kMaxJsonDepth, object, "}")).is_object());
  EXPECT_TRUE(ParseObject(Nested(kMaxJsonDepth + 1, "[", "]")).is_null());
  EXPECT_TRUE(ParseObject(Nested(kMaxJsonDepth + 1, object, "}")).is_null());
  // To copy or to free these by recursion would take more stack than there is.
  EXPECT_TRUE(ParseObject(Nested(400000, "[", "]")).is_null());
  EXPECT_TRUE(ParseObject(Nested(160000, object, "}")).is_null());
  EXPECT_TRUE(ParseObject(R"({"a":")" + std::string(1000, '[') + "\"}").is_object());
  EXPECT_TRUE(ParseObject(R"({"a":"\")" + std::string(1000, '[') + "\"}").is_object());
}

TEST(ServerJson, HasALimitedNumberOfValues) {
  const auto list = [](size_t values) {
    std::string text = R"({"a":[1)";
    for (size_t i = 1; i < values; ++i) text += ",1";
    return text + "]}";
  };
  EXPECT_TRUE(ParseObject(list(kMaxJsonValues / 2)).is_object());
  EXPECT_TRUE(ParseObject(list(kMaxJsonValues + 1)).is_null());
  EXPECT_TRUE(ParseObject(R"({"a":")" + std::string(kMaxJsonValues + 1, ',') + "\"}").is_object());
}

TEST(ServerJson, IsAnObjectOrNothing) {
  for (const char* text : {"", "{", "[]", "7", "null", "\xFF", R"({"a":1}})", R"({"a":"\xFF"})"}) {
    EXPECT_TRUE(ParseObject(text).is_null()) << text;
  }
  const Json none;
  EXPECT_EQ(TextAt(none, "a"), "");
  EXPECT_EQ(IntegerAt(none, "a"), 0);
  EXPECT_EQ(CountAt(none, "a"), 0u);
  EXPECT_FALSE(FlagAt(none, "a"));
  EXPECT_TRUE(ObjectAt(none, "a").is_object());
}

TEST(ServerJson, HasNumbersInRange) {
  const Json object = ParseObject(
      R"({"max":9223372036854775807,"more":9223372036854775808,"most":18446744073709551615,)"
      R"("min":-9223372036854775808,"large":2147483648,"float":1.5})");
  EXPECT_EQ(CountAt(object, "max"), uint64_t{INT64_MAX});
  EXPECT_EQ(IntegerAt(object, "max"), INT64_MAX);
  EXPECT_EQ(IntegerAt(object, "min"), INT64_MIN);
  EXPECT_EQ(SmallIntegerAt(object, "large"), 0);
  for (const char* key : {"more", "most", "float", "none"}) {
    EXPECT_EQ(CountAt(object, key), 0u) << key;
    EXPECT_EQ(IntegerAt(object, key), 0) << key;
  }
  EXPECT_EQ(CountAt(object, "min"), 0u);
}

TEST(ServerJson, HasNamesThatCanBeShown) {
  const Json object = ParseObject(R"({"plain":"caf\u00e9 x","ansi":"\u001b[2J","nul":"a\u0000b"})");
  EXPECT_EQ(TextAt(object, "plain"), "caf\xC3\xA9 x");
  EXPECT_EQ(TextAt(object, "ansi"), "\\x1B[2J");
  EXPECT_EQ(TextAt(object, "nul"), "a\\x00b");
  EXPECT_EQ(DataAt(object, "ansi"), "\x1B[2J");
  const Json large = {{"a", std::string(kMaxName + 1, 'x')}};
  EXPECT_LT(TextAt(large, "a").size(), 1000u);
}

TEST(Names, AreThoseOfStreamsAndSubjects) {
  EXPECT_TRUE(CheckName("stream", "fraiseql_events").ok());
  for (const char* name : {"", "a b", "a.b", "a\r\n", "a*", ">", "a/b", "\x1B", "ord\xC3\xA9r"}) {
    EXPECT_FALSE(CheckName("stream", name).ok()) << name;
  }
  EXPECT_TRUE(IsWireSubject("$JS.API.STREAM.INFO.x"));
  for (const char* subject : {"", "a b", "a\r\nPUB b 0", "a\tb"}) {
    EXPECT_FALSE(IsWireSubject(subject)) << subject;
  }
}

TEST(DeliveryOrigin, IsReadFromBothForms) {
  DeliveryOrigin origin;
  ASSERT_TRUE(ParseDeliveryOrigin("$JS.ACK.S.C.1.17.3.1700000000000000000.5", &origin));
  EXPECT_EQ(origin.consumer, "C");
  EXPECT_EQ(origin.sequence, 17u);
  EXPECT_EQ(origin.time_ns, 1700000000000000000);
  EXPECT_EQ(origin.pending, 5u);
  ASSERT_TRUE(ParseDeliveryOrigin("$JS.ACK.hub.ACC.S.C.1.18.3.1700000000000000000.6.x", &origin));
  EXPECT_EQ(origin.consumer, "C");
  EXPECT_EQ(origin.sequence, 18u);
  EXPECT_EQ(origin.pending, 6u);
  for (const char* reply :
       {"", "a", "$JS.ACK", "$JS.ACK.S.C.1.17.3.1700000000000000000", "$JS.ACK.S.C.1.x.3.4.5",
        "$JS.ACK.S.C.1.-1.3.4.5", "$JS.ACK.S.C.1.18446744073709551615.3.4.5",
        "$JS.ACK.S.C.1.1.3.99999999999999999999.5", "$JS.API.S.C.1.17.3.4.5", "........."}) {
    EXPECT_FALSE(ParseDeliveryOrigin(reply, &origin)) << reply;
  }
}

}  // namespace
}  // namespace fraiseql::nats
