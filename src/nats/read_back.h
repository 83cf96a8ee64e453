// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/status.h"
#include "core/stored_positions.h"
#include "nats/connection.h"

namespace fraiseql::nats {

// Finds out which of our messages a stream holds behind a place: reads their headers by way of a
// consumer of its own that lives as long.  Whoever drives it sends its requests one at a time and
// passes on what comes back.
class ReadBack {
 public:
  struct Request {
    std::string name;  // of the JetStream API
    std::string body;
  };

  // What to read: the messages behind `behind`, up to `end`.  Of interest are those whose
  // Nats-Msg-Id (or, if its sender chose one, Fraiseql-Origin) says that they come from `origin`,
  // and that did not commit before `settled_lsn`.
  struct Range {
    std::string stream;
    std::string origin;
    uint64_t behind = 0;
    uint64_t end = 0;
    uint64_t settled_lsn = 0;
    bool replicated = false;
  };

  // Begins anew.  The answer to the request is for OnCreated().
  Request Begin(Range range);
  Status OnCreated(std::string_view answer);

  // Asks for more.  What comes is for OnDelivery().  REQUIRES: !done().
  Request Next();
  // `delivered` by `connection` just now.  `*used_up`: the request is, so that Next() is due unless
  // done().  Not ok: the reading has failed.
  Status OnDelivery(const Connection& connection, const Connection::Delivery& delivered,
                    bool* used_up);

  // Whether a message with these headers comes from `origin`.
  static bool IsOf(std::string_view origin, std::string_view message_id,
                   std::string_view named_origin);

  bool done() const { return done_; }
  uint64_t delivered() const { return delivered_; }  // the last place
  // Removes the consumer; there is nothing to wait for.
  Request Finish() const;

  StoredPositions TakeFound() { return std::move(found_); }
  // There are messages of others in the range.
  bool saw_foreign() const { return saw_foreign_; }

 private:
  void Look(const Connection& connection);
  Status OnStatusMessage(const Connection& connection, bool* used_up);

  Range range_;
  std::string consumer_;
  uint64_t outstanding_ = 0;  // of the last request
  uint64_t delivered_ = 0;
  bool done_ = false;
  bool saw_foreign_ = false;
  StoredPositions found_;
};

}  // namespace fraiseql::nats
