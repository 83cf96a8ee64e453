// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/route/observer.h"

namespace fraiseql {

// A name by which observers may refer to a table: its own, or that of a partitioned table above it.
struct TableName {
  uint32_t oid = 0;
  std::string table;
};

// One observer, prepared for one relation.
struct Route {
  const Observer* observer = nullptr;  // owned by the Router
  std::string entity;
  std::string entity_json;    // as a JSON string
  std::string id_key;         // "order_id": with quotes and colon, for the format topic
  std::string headers;        // the header lines that all messages of the route share
  std::vector<bool> include;  // per column of the relation: is it published?
};

// The observers of a database at one moment of its log: immutable, replaced as a whole when one of
// them changes.
class Router {
 public:
  // Sorts the observers by name; the routes of a change are in this order.
  explicit Router(std::vector<Observer> observers);

  // Whether any observer is for a table of one of these names.
  bool Observes(const std::vector<TableName>& names) const;

  // The routes of a relation with these names.  Its entity is that of the table observed, so that
  // the partitions of one table are one entity.
  std::vector<Route> Resolve(const Relation& relation, const std::vector<TableName>& names) const;

  // The observers of a notification: those of its channel, and those of the topic of this name that
  // want notifications.  Of several that would publish the same message only one.
  std::vector<const Observer*> ResolveChannel(std::string_view channel) const;

 private:
  std::vector<Observer> observers_;
};

}  // namespace fraiseql
