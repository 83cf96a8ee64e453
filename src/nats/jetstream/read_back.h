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

// Finds which of our messages a stream holds after a sequence, and where it has removed messages.
// Reads the headers through a temporary consumer of its own.  The owner sends the requests one at a
// time and passes the answers to this class.
//
// The consumer of a replicated stream may be on a replica that lags behind the stream's leader.  So
// the end of its deliveries is not the end of the stream: the leader is asked for the next message
// after the last delivery.
class ReadBack {
 public:
  struct Request {
    std::string name;  // of the JetStream API request
    std::string body;
  };

  // The messages to read: those after sequence `behind`, up to `end`.  Counted are those that come
  // from `origin` by their Nats-Msg-Id or Fraiseql-Id (or by Fraiseql-Origin, if the sender chose
  // the id) and that did not commit before `settled_lsn`.
  struct Range {
    std::string stream;
    std::string origin;
    uint64_t behind = 0;
    uint64_t end = 0;
    uint64_t settled_lsn = 0;
    bool replicated = false;
    std::vector<StoredPlaces> known;  // see ResumePoint
  };

  // Starts a new read.  The answer to the request goes to OnCreated().
  Request Begin(Range range);
  Status OnCreated(const ApiAnswer& answer);

  // Requests more messages.  Each delivery goes to OnDelivery().  REQUIRES: !done().
  Request Next();
  // If true, AskLeader() is due instead of Next(); the answer goes to OnLeader().
  bool must_ask_leader() const { return must_ask_leader_; }
  Request AskLeader() const;
  Status OnLeader(const ApiAnswer& answer);
  // REQUIRES: `delivered` is the last delivery of `connection`.  `*used_up`: the request has ended,
  // and the next one is due unless done().  Not ok: the read has failed.
  Status OnDelivery(const Connection& connection, const Connection::Delivery& delivered,
                    bool* used_up);

  // Whether a message with these headers comes from `origin`.
  static bool IsOf(std::string_view origin, std::string_view message_id,
                   std::string_view named_origin);

  bool done() const { return done_; }
  uint64_t delivered() const { return delivered_; }  // the last sequence
  // Deletes the consumer; the answer need not be awaited.
  Request Finish() const;

  StreamContents TakeContents() { return std::move(contents_); }
  // The range holds messages of other publishers.
  bool saw_foreign() const { return saw_foreign_; }

 private:
  bool IsTied(const Connection& connection, bool has_nats_id) const;
  void Look(const Connection& connection);
  void LetGo(uint64_t first, uint64_t last);
  void End();
  Status OnStatusMessage(const Connection& connection, bool* used_up);

  Range range_;
  std::string consumer_;
  uint64_t outstanding_ = 0;  // deliveries left of the last request
  uint64_t delivered_ = 0;
  bool done_ = false;
  bool saw_foreign_ = false;
  bool must_ask_leader_ = false;
  size_t known_ = 0;  // index of the next entry of range_.known
  int silences_ = 0;  // consecutive ends without a delivery while the leader holds more
  StreamContents contents_;
};

}  // namespace fraiseql::nats
