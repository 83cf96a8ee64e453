// SPDX-License-Identifier: PostgreSQL
#include "core/route/router.h"

#include <algorithm>

#include "core/base/json_text.h"
#include "core/change/message.h"

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
    if (observed == nullptr || observer.source == Source::kNotify) continue;
    Route route;
    route.observer = &observer;
    route.entity = observer.entity.empty() ? EntityOfTable(observed->table) : observer.entity;
    AppendJsonString(route.entity, &route.entity_json);
    AppendJsonString(SnakeCase(route.entity) + "_id", &route.id_key);
    route.id_key.push_back(':');
    route.headers.append("Fraiseql-Table: ");
    AppendHeaderValue(relation.schema, &route.headers);
    route.headers.push_back('.');
    AppendHeaderValue(relation.table, &route.headers);
    route.headers.append("\r\n");
    for (const Column& column : relation.columns) {
      const auto& wanted = observer.columns;
      route.include.push_back(wanted.empty() ||
                              std::find(wanted.begin(), wanted.end(), column.name) != wanted.end());
    }
    routes.push_back(std::move(route));
  }
  return routes;
}

std::vector<const Observer*> Router::ResolveChannel(std::string_view channel) const {
  std::vector<const Observer*> found;
  for (const Observer& observer : observers_) {
    const bool of_topic = observer.relation != 0 && observer.source != Source::kRow &&
                          !observer.topic.empty() && observer.topic == channel;
    const bool of_channel = !observer.channel.empty() && observer.channel == channel;
    if (!of_channel && !of_topic) continue;
    const bool said = std::any_of(found.begin(), found.end(), [&](const Observer* other) {
      return other->topic == observer.topic && other->subject.text() == observer.subject.text();
    });
    if (!said) found.push_back(&observer);
  }
  return found;
}

}  // namespace fraiseql
