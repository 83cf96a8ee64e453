// SPDX-License-Identifier: PostgreSQL
#include "core/route/router.h"

#include <gtest/gtest.h>

#include "rows.h"

namespace fraiseql {
namespace {

constexpr uint32_t kOrderTable = 100;
constexpr uint32_t kPartitionedTable = 200;
constexpr uint32_t kOtherTable = 300;

const TableName kOrder{kOrderTable, "tb_order"};
const TableName kPartitioned{kPartitionedTable, "tb_all_orders"};
const TableName kOther{kOtherTable, "tb_other"};

Observer ObserverOf(std::string name, uint32_t relation) {
  Observer observer;
  observer.name = std::move(name);
  observer.relation = relation;
  return observer;
}

Relation Orders() { return MakeRelation("public", "tb_order", {"id", "status", "total"}); }

std::vector<std::string> Names(const std::vector<Route>& routes) {
  std::vector<std::string> names;
  for (const Route& route : routes) names.push_back(route.observer->name);
  return names;
}

TEST(Router, FindsTheObserversOfTheRelationInOrderOfTheirNames) {
  const Router router({ObserverOf("c", kOrderTable), ObserverOf("b", kOtherTable),
                       ObserverOf("a", kOrderTable), ObserverOf("B", kOrderTable)});
  const std::vector<std::string> expected = {"B", "a", "c"};
  EXPECT_EQ(Names(router.Resolve(Orders(), {kOrder})), expected);
}

TEST(Router, FindsThoseOfThePartitionedTablesAbove) {
  const Router router({ObserverOf("own", kOrderTable), ObserverOf("root", kPartitionedTable)});
  const std::vector<std::string> expected = {"own", "root"};
  EXPECT_EQ(Names(router.Resolve(Orders(), {kOrder, kPartitioned})), expected);
}

TEST(Router, FindsNothingForOthers) {
  const Router router({ObserverOf("a", kOrderTable)});
  EXPECT_TRUE(router.Resolve(Orders(), {kOther}).empty());
  EXPECT_TRUE(router.Resolve(Orders(), {}).empty());
  EXPECT_TRUE(Router({}).Resolve(Orders(), {kOrder}).empty());
}

TEST(Router, KnowsWhetherAnyOfTheRelationsIsObserved) {
  const Router router({ObserverOf("a", kOrderTable)});
  EXPECT_TRUE(router.Observes({kOrder}));
  EXPECT_TRUE(router.Observes({kOther, kOrder}));
  EXPECT_FALSE(router.Observes({kOther}));
  EXPECT_FALSE(router.Observes({}));
  EXPECT_FALSE(Router({}).Observes({kOrder}));
}

TEST(Router, TakesTheEntityFromTheTableUnlessTheObserverHasOne) {
  Observer named = ObserverOf("b", kOrderTable);
  named.entity = "Purchase";
  const Router router({ObserverOf("a", kOrderTable), named});
  const std::vector<Route> routes = router.Resolve(Orders(), {kOrder});
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].entity, "Order");
  EXPECT_EQ(routes[1].entity, "Purchase");
}

TEST(Router, TakesTheEntityOfAPartitionFromTheTableObserved) {
  const Router router({ObserverOf("root", kPartitionedTable)});
  const std::vector<Route> routes = router.Resolve(Orders(), {kOrder, kPartitioned});
  ASSERT_EQ(routes.size(), 1u);
  EXPECT_EQ(routes[0].entity, "AllOrders");
}

TEST(Router, IncludesEveryColumnUnlessTheObserverListsSome) {
  Observer chosen = ObserverOf("b", kOrderTable);
  chosen.columns = {"total", "id", "dropped_since"};
  const Router router({ObserverOf("a", kOrderTable), chosen});
  const std::vector<Route> routes = router.Resolve(Orders(), {kOrder});
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].include, std::vector<bool>({true, true, true}));
  EXPECT_EQ(routes[1].include, std::vector<bool>({true, false, true}));
}

}  // namespace
}  // namespace fraiseql
