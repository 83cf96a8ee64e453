// SPDX-License-Identifier: PostgreSQL
#include "config/environment.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

std::optional<std::string> Variable(const std::string& name) {
  if (name == "HOST") return "nats-1";
  if (name == "_P2") return "4222";
  if (name == "NESTED") return "${HOST}";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

TEST(ExpandVariables, ReplacesReferences) {
  const struct {
    std::string_view text, expanded;
  } kCases[] = {
      {"", ""},
      {"plain", "plain"},
      {"${HOST}", "nats-1"},
      {"nats://${HOST}:${_P2},x", "nats://nats-1:4222,x"},
      {"${HOST}${HOST}", "nats-1nats-1"},
      {"a${EMPTY}b", "ab"},
      {"${NESTED}", "${HOST}"},
      {"${HOST:-other}", "nats-1"},
      {"${NONE:-nats://localhost:4222}", "nats://localhost:4222"},
      {"${NONE:-}", ""},
      {"${EMPTY:-used}", "used"},
      {"${NONE:-a:-b}", "a:-b"},
      // No references.
      {"$HOST $ {HOST} {table}", "$HOST $ {HOST} {table}"},
      {"$${HOST}", "$nats-1"},
      {"price in $", "price in $"},
  };
  for (const auto& c : kCases) {
    std::string expanded;
    EXPECT_TRUE(ExpandVariables(c.text, Variable, &expanded).ok()) << c.text;
    EXPECT_EQ(expanded, c.expanded) << c.text;
  }
}

TEST(ExpandVariables, RefusesWhatItCannotReplace) {
  const struct {
    std::string_view text, message;
  } kCases[] = {
      {"a${NONE}", "environment variable NONE is not set"},
      {"${HOST", "\"${\" without \"}\""},
      {"${}", "\"${}\" is not a reference to a variable"},
      {"${1A}", "\"${1A}\" is not a reference to a variable"},
      {"${A-b}", "\"${A-b}\" is not a reference to a variable"},
      {"${A:?b}", "\"${A:?b}\" is not a reference to a variable"},
      {"${ HOST }", "\"${ HOST }\" is not a reference to a variable"},
      {"${NONE:-${HOST}}", "\"${NONE:-${HOST}\" is not a reference to a variable"},
  };
  for (const auto& c : kCases) {
    std::string expanded = "kept";
    const Status status = ExpandVariables(c.text, Variable, &expanded);
    EXPECT_EQ(status.code(), StatusCode::kInvalid) << c.text;
    EXPECT_EQ(status.message(), c.message);
    EXPECT_NE(status.hint(), "");
    EXPECT_EQ(expanded, "kept");
  }
}

}  // namespace
}  // namespace fraiseql
