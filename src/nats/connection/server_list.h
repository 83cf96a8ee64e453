// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

// The servers of the setting `url`, tried one after the other, in rounds: each has its turn before
// one has its second.  The load is spread over them; but those that could not serve us when they
// were last tried come last.
class ServerList {
 public:
  explicit ServerList(const BrokerSettings& settings);

  // The settings for the next server; begins a new round if the last one is over.
  BrokerSettings Next();
  bool round_over() const { return next_ == order_.size(); }

  // What became of the one that Next() has returned: it cannot be reached, or does not let us in;
  void Failed(Status status);
  // it can, but what we need of it is not there (JetStream, the stream, a permission);
  void Unfit(const Status& status);
  // or it serves us.  The next one is the first of a new round.
  void Serves();

  bool single() const { return servers_.size() == 1; }
  // What stands in the way at each server, as far as it was tried; in the order of the setting.
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
  std::vector<size_t> order_;    // of the present round
  size_t next_ = 0;              // in it
  size_t current_ = 0;           // that Next() has returned
};

}  // namespace fraiseql::nats
