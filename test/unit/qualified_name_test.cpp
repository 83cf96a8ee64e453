// SPDX-License-Identifier: PostgreSQL
#include "config/qualified_name.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

std::string Parsed(const std::string& text) {
  QualifiedName name;
  const Status status = ParseQualifiedName(text, &name);
  return status.ok() ? name.schema + " | " + name.table : status.message();
}

TEST(QualifiedName, IsReadAsSqlReadsIt) {
  EXPECT_EQ(Parsed("tb_order"), "public | tb_order");
  EXPECT_EQ(Parsed("Sales.TB_Order"), "sales | tb_order");
  EXPECT_EQ(Parsed("\"Sales\".\"a.\"\"b\""), "Sales | a.\"b");
  EXPECT_EQ(Parsed("sales.\"Order\""), "sales | Order");
  EXPECT_EQ(Parsed("tb_\xC3\xA9t\xC3\xA9$1"), "public | tb_\xC3\xA9t\xC3\xA9$1");
}

TEST(QualifiedName, ThatIsNoneIsRefused) {
  for (const std::string text : {"a b", "a.", ".a", "a.b.c", "1a", "\"a", "\"\"", "a..b", "a.\"",
                                 "a\"b\"", "a-b", " a", ""}) {
    EXPECT_EQ(Parsed(text), "table '" + text + "' is not the name of a table");
  }
  EXPECT_EQ(Parsed(std::string(63, 'a')), "public | " + std::string(63, 'a'));
  EXPECT_NE(Parsed(std::string(64, 'a')).find("is longer than 63 bytes"), std::string::npos);
  EXPECT_NE(Parsed(std::string(64, 'a') + ".b").find("is longer than 63 bytes"), std::string::npos);
}

TEST(QualifiedName, OfARuleIsThatOfItsEntityIfItNamesNone) {
  ObserverRule rule;
  rule.entity = "OrderItem";
  EXPECT_EQ(TableOf(rule).table, "tb_order_item");
  rule.table = "sales.x";
  EXPECT_EQ(TableOf(rule).schema, "sales");
  EXPECT_EQ(TableOf(rule).table, "x");
}

}  // namespace
}  // namespace fraiseql
