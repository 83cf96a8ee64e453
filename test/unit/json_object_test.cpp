// SPDX-License-Identifier: PostgreSQL
#include "core/base/json_object.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

std::string Enriched(std::string_view payload) {
  std::string out;
  AppendEnriched(payload, "order.created", "T", &out);
  return out;
}

TEST(JsonObject, GetsTheTypeAndTimestampItLacks) {
  EXPECT_EQ(Enriched(R"({"a":1})"), R"({"type":"order.created","timestamp":"T","a":1})");
  EXPECT_EQ(Enriched(R"({})"), R"({"type":"order.created","timestamp":"T"})");
  EXPECT_EQ(Enriched(R"( { } )"), R"({"type":"order.created","timestamp":"T" } )");
  EXPECT_EQ(Enriched(R"({"type":"x"})"), R"({"timestamp":"T","type":"x"})");
  EXPECT_EQ(Enriched(R"({"a":[],"timestamp":1})"),
            R"({"type":"order.created","a":[],"timestamp":1})");
  EXPECT_EQ(Enriched(R"({"type":1,"timestamp":2})"), R"({"type":1,"timestamp":2})");
}

TEST(JsonObject, LooksForThemAtTheTopOnly) {
  EXPECT_EQ(Enriched(R"({"a":{"type":1,"timestamp":2}})"),
            R"({"type":"order.created","timestamp":"T","a":{"type":1,"timestamp":2}})");
  EXPECT_EQ(Enriched(R"({"a":"type","b":["timestamp"]})"),
            R"({"type":"order.created","timestamp":"T","a":"type","b":["timestamp"]})");
}

TEST(JsonObject, LeavesAloneWhatIsNone) {
  const std::string deep = std::string(500, '[') + std::string(500, ']');
  for (const std::string& text : {std::string("plain"),
                                  std::string(""),
                                  std::string("[1,2]"),
                                  std::string("null"),
                                  std::string("{"),
                                  std::string("}"),
                                  std::string(R"({"a":1)"),
                                  std::string(R"({"a":1}})"),
                                  std::string(R"({"a":1} {})"),
                                  std::string(R"({"a":})"),
                                  std::string(R"({"a" 1})"),
                                  std::string(R"({a:1})"),
                                  std::string(R"({"a":1,})"),
                                  std::string(R"({,"a":1})"),
                                  std::string(R"({"a":01})"),
                                  std::string(R"({"a":1.})"),
                                  std::string(R"({"a":-})"),
                                  std::string(R"({"a":1e})"),
                                  std::string(R"({"a":tru})"),
                                  std::string(R"({"a":"\x"})"),
                                  std::string(R"({"a":"\u12g4"})"),
                                  std::string(R"({"a":")"),
                                  std::string("{\"a\":\"\n\"}"),
                                  std::string("{\"a\":\"\\\0\"}", 10),
                                  std::string("{\0\"a\":1}", 8),
                                  std::string(R"({"a":[1,]})"),
                                  std::string(R"({"a":[1 2]})"),
                                  "{\"a\":" + deep + "}"}) {
    EXPECT_FALSE(ScanJsonObject(text).valid) << text;
    EXPECT_EQ(Enriched(text), text);
  }
}

TEST(JsonObject, TakesAllOfTheGrammar) {
  EXPECT_TRUE(
      ScanJsonObject(R"({"\"\\\/\b\f\n\r\t\u00e9":[true,false,null,-0.5e+10,0,1E-2,{"b":{}},[]]})")
          .valid);
  EXPECT_TRUE(ScanJsonObject(" \t\r\n{ \"a\" : \"é\" , \"b\" : [ ] } \n").valid);
}

}  // namespace
}  // namespace fraiseql
