// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

// The servers of the setting `url`, tried one after the other in rounds: each is tried once before
// any is tried again.  The order is random, to spread the load, but servers that failed when they
// were last tried come last.
class ServerList {
 public:
  explicit ServerList(const BrokerSettings& settings);

  // The settings for the next server; starts a new round when the last one is over.
  BrokerSettings Next();
  bool round_over() const { return next_ == order_.size(); }

  // The result for the server that Next() returned: it cannot be reached, or refuses the
  // connection;
  void Failed(Status status);
  // it accepts the connection, but lacks JetStream, the stream or a permission;
  void Unfit(const Status& status);
  // or it works.  The next server is then the first of a new round.
  void Serves();

  bool single() const { return servers_.size() == 1; }
  // The failure of each server that was tried, in the order of the setting.
  Status Trouble() const;

 private:
  struct Server {
    std::string url;
    Status status;
    bool unfit = false;
  };

  void BeginRound();
  Server& current() { return servers_[current_]; }

  BrokerSettings settings_;
  std::vector<Server> servers_;  // never empty
  std::vector<size_t> order_;    // of the current round
  size_t next_ = 0;              // index in `order_`
  size_t current_ = 0;           // the server that Next() returned
};

}  // namespace fraiseql::nats
