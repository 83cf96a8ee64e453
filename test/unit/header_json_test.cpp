// SPDX-License-Identifier: PostgreSQL
#include "core/base/header_json.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

std::string Json(std::string_view headers) {
  std::string json;
  AppendHeadersAsJson(headers, &json);
  return json;
}

TEST(HeaderJson, IsAnObjectOfStrings) {
  EXPECT_EQ(Json(""), "{}");
  EXPECT_EQ(Json("A: b\r\n"), R"({"A":"b"})");
  EXPECT_EQ(Json("A: \r\nB: x: \"y\"\r\n"), R"({"A":"","B":"x: \"y\""})");
}

TEST(HeaderJson, HasAnArrayForSeveralValues) {
  EXPECT_EQ(Json("A: 1\r\nA: 2\r\n"), R"({"A":["1","2"]})");
  EXPECT_EQ(Json("X: 0\r\nA: 1\r\nA: 2\r\nA: 3\r\nB: 4\r\na: 5\r\n"),
            R"({"X":"0","A":["1","2","3"],"B":"4","a":"5"})");
}

}  // namespace
}  // namespace fraiseql
