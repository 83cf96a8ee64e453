// SPDX-License-Identifier: PostgreSQL
#include "core/router.h"

#include <algorithm>

namespace fraiseql {

Router::Router(std::vector<Observer> observers) : observers_(std::move(observers)) {
  std::sort(observers_.begin(), observers_.end(),
            [](const Observer& a, const Observer& b) { return a.name < b.name; });
}

static const TableName* Find(const std::vector<TableName>& names, uint32_t oid) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [=](const TableName& name) { return name.oid == oid; });
  return found != names.end() ? &*found : nullptr;
}

bool Router::Observes(const std::vector<TableName>& names) const {
  return std::any_of(observers_.begin(), observers_.end(), [&](const Observer& observer) {
    return Find(names, observer.relation) != nullptr;
  });
}

std::vector<Route> Router::Resolve(const Relation& relation,
                                   const std::vector<TableName>& names) const {
  std::vector<Route> routes;
  for (const Observer& observer : observers_) {
    const TableName* observed = Find(names, observer.relation);
    if (observed == nullptr) continue;
    Route route;
    route.observer = &observer;
    route.entity = observer.entity.empty() ? EntityOfTable(observed->table) : observer.entity;
    for (const Column& column : relation.columns) {
      const auto& wanted = observer.columns;
      route.include.push_back(wanted.empty() ||
                              std::find(wanted.begin(), wanted.end(), column.name) != wanted.end());
    }
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace fraiseql
