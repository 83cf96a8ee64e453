// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/change/message.h"
#include "core/base/status.h"
#include "nats/base/broker_settings.h"
#include "nats/connection/connection.h"
#include "nats/base/event_fd.h"
#include "nats/jetstream/read_back.h"
#include "nats/connection/server_list.h"

namespace fraiseql::nats {

struct ApiAnswer;

// A blocking JetStream client: every call waits for its answer, up to a time limit, on a connection
// of its own that never reconnects.  Any thread, one at a time.  It uses Connection and not the
// synchronous calls of nats.c, which need two threads for each connection.
class JetStreamClient {
 public:
  // Takes at most the connect timeout and one second for each server, plus name lookups.  Once
  // `cancel` (may be null; outlives the client) is raised, every call returns kUnavailable without
  // delay.
  static Status Open(const BrokerSettings& broker, const EventFd* cancel,
                     std::unique_ptr<JetStreamClient>* client);
  // The same with the next server of the list that can be reached; stops at the end of the round.
  static Status Open(ServerList* servers, const EventFd* cancel,
                     std::unique_ptr<JetStreamClient>* client);
  ~JetStreamClient();

  JetStreamClient(const JetStreamClient&) = delete;
  JetStreamClient& operator=(const JetStreamClient&) = delete;

  // All calls: if the result is not ok and lost() is true, the client cannot be used any more.
  bool lost() const { return lost_; }

  // This server lacks JetStream or the stream for all requests so far: nothing was done.
  bool missing() const { return missing_ && !served_; }

  // Makes a request of the JetStream API ("STREAM.INFO.orders"), with or without a body.  `what`
  // begins the text of an error: 'stream "orders"'.
  ApiAnswer Call(const std::string& request, std::string_view what);
  ApiAnswer Call(const std::string& request, const nlohmann::json& body, std::string_view what);
  // Sends `body` to `subject` and waits up to two seconds for the first answer.
  Status Request(const std::string& subject, const std::string& body, std::string* answer);

  struct Stored {
    uint64_t sequence = 0;   // in the stream
    bool duplicate = false;  // a message with the same Nats-Msg-Id was stored before
    int err_code = 0;        // JetStream's code, if it refuses
  };
  // Stores a message in the stream that takes its subject.
  Status Publish(const Message& message, Stored* stored);

  // A message that a pull consumer has delivered.
  struct Delivered {
    std::string payload;
    std::string reply;  // where to acknowledge it
  };
  // The consumer's next message; none if it has none within `wait_ms`.
  Status Pull(const std::string& stream, const std::string& consumer, int64_t wait_ms,
              std::optional<Delivered>* message);
  // Reads the headers of a range of messages of the stream.
  Status Read(ReadBack::Range range, ReadBack* reader);
  // Acknowledges the message and waits for the server's confirmation.
  Status Ack(const Delivered& message);
  // Ends the deliveries of a message that cannot be processed; waits for the confirmation.
  Status Terminate(const Delivered& message);
  // Requests another delivery after `delay_ms`; waits for the confirmation.
  Status Nak(const Delivered& message, int64_t delay_ms);

  // Returns when `ms` have passed, or earlier if the client is cancelled.
  void Sleep(int64_t ms) const;

  int64_t max_payload() const { return connection_->max_payload(); }  // headers included

 private:
  Status ReadMore(ReadBack* reader);
  enum class Expect : uint8_t { kAck, kAnswer, kMessage };

  static Status OpenOne(const BrokerSettings& broker, const EventFd* cancel,
                        std::unique_ptr<JetStreamClient>* client);
  explicit JetStreamClient(const EventFd* cancel) : cancel_(cancel) {}
  std::string NewReply(Expect expected);
  Status Await(Expect expected, const std::string& reply, int64_t wait_ms,
               Connection::Delivery* delivery);
  bool Take(Expect expected, const std::string& reply, Connection::Delivery* delivery);
  void PollOnce(int64_t wait_ms);
  Status Lose(Status status);

  const EventFd* const cancel_;
  std::unique_ptr<Connection> connection_;
  uint64_t requests_ = 0;  // the number of a request is the address of its answer
  bool lost_ = false;
  bool missing_ = false;
  bool served_ = false;
};

// Calls `work` with a client that exists during the call; returns the first failure.  If one of
// several servers lacks JetStream or the stream, calls `work` again with the next server.
Status WithJetStream(const BrokerSettings& broker,
                     const std::function<Status(JetStreamClient*)>& work);

}  // namespace fraiseql::nats
