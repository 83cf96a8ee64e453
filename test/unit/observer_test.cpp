// SPDX-License-Identifier: PostgreSQL
#include "core/route/observer.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

TEST(Observer, NamesTheEntityAfterTheTable) {
  const struct {
    std::string_view table, entity;
  } kCases[] = {
      {"tb_order", "Order"},
      {"tb_order_item", "OrderItem"},
      {"order_item", "OrderItem"},
      {"Order", "Order"},
      {"OrderItem", "OrderItem"},
      {"ORDER", "ORDER"},
      {"order", "Order"},
      {"o", "O"},
      {"tb_o", "O"},
      {"tborder", "Tborder"},
      {"my_tb_order", "MyTbOrder"},
      {"TB_order", "TBOrder"},
      {"_order__item_", "OrderItem"},
      {"tb__order", "Order"},
      {"tb_tb_order", "TbOrder"},
      {"tb_2fa_code", "2faCode"},
      {"order-item", "Order-item"},
      {"order item", "Order item"},
      {"a.b", "A.b"},
      {"été_2026", "été2026"},
      // Nothing would be left of these.
      {"tb_", "Tb"},
      {"_", "_"},
      {"tb__", "_"},
  };
  for (const auto& c : kCases) EXPECT_EQ(EntityOfTable(c.table), c.entity) << c.table;
}

TEST(Observer, ParsesOperationsInAnyCase) {
  for (const Operation known :
       {Operation::kInsert, Operation::kUpdate, Operation::kDelete, Operation::kTruncate}) {
    Operation parsed{};
    EXPECT_TRUE(ParseOperation(OperationName(known), &parsed));
    EXPECT_EQ(parsed, known);
  }
  Operation operation = Operation::kInsert;
  EXPECT_TRUE(ParseOperation("update", &operation));
  EXPECT_EQ(operation, Operation::kUpdate);
  // What only a backfill does cannot be asked for.
  EXPECT_FALSE(ParseOperation("SNAPSHOT", &operation));
  EXPECT_EQ(kAllOperations & SetOf(Operation::kSnapshot), 0);
  EXPECT_TRUE(ParseOperation("Delete", &operation));
  EXPECT_EQ(operation, Operation::kDelete);
  for (const std::string_view bad : {"", "INSER", "INSERTS", "UPSERT", " UPDATE"}) {
    EXPECT_FALSE(ParseOperation(bad, &operation)) << bad;
  }
  EXPECT_EQ(operation, Operation::kDelete);
}

}  // namespace
}  // namespace fraiseql
