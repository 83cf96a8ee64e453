// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/pipeline/stream_contents.h"
#include "nats/connection/connection.h"

namespace fraiseql::nats {

struct ApiAnswer;

// Finds out which of our messages a stream holds behind a place, and where it has let go of some:
// reads their headers by way of a consumer of its own that lives as long.  Whoever drives it sends
// its requests one at a time and passes on what comes back.
//
// The consumer of a replicated stream may be at a replica that is behind the stream's leader.  So
// its silence is not the end: the leader is asked what it holds behind the last delivery.
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
    std::vector<StoredPlaces> known;  // see ResumePoint
  };

  // Begins anew.  The answer to the request is for OnCreated().
  Request Begin(Range range);
  Status OnCreated(const ApiAnswer& answer);

  // Asks for more.  What comes is for OnDelivery().  REQUIRES: !done().
  Request Next();
  // Asks the leader instead, when due; the answer is for OnLeader().
  bool must_ask_leader() const { return must_ask_leader_; }
  Request AskLeader() const;
  Status OnLeader(const ApiAnswer& answer);
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

  StreamContents TakeContents() { return std::move(contents_); }
  // There are messages of others in the range.
  bool saw_foreign() const { return saw_foreign_; }

 private:
  bool IsTied(const Connection& connection) const;
  void Look(const Connection& connection);
  void LetGo(uint64_t first, uint64_t last);
  void End();
  Status OnStatusMessage(const Connection& connection, bool* used_up);

  Range range_;
  std::string consumer_;
  uint64_t outstanding_ = 0;  // of the last request
  uint64_t delivered_ = 0;
  bool done_ = false;
  bool saw_foreign_ = false;
  bool must_ask_leader_ = false;
  size_t known_ = 0;  // of the known ones, how many were passed
  int silences_ = 0;  // while the leader holds more
  StreamContents contents_;
};

}  // namespace fraiseql::nats
