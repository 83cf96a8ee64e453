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

// JetStream for those who may wait: every call blocks until its answer is there, up to a time
// limit, on a connection of its own that never reconnects.  Any thread, one at a time.  Built on
// Connection rather than on the library's own synchronous calls, which need two threads for each
// connection.
class JetStreamClient {
 public:
  // Takes at most the connect timeout of each server and one second, the lookup of names aside.
  // Once `cancel` (may be null; outlives the client) is raised, every call returns kUnavailable
  // without delay.
  static Status Open(const BrokerSettings& broker, const EventFd* cancel,
                     std::unique_ptr<JetStreamClient>* client);
  // The same with the next server of the list that can be reached; tries no further than the end of
  // the round.
  static Status Open(ServerList* servers, const EventFd* cancel,
                     std::unique_ptr<JetStreamClient>* client);
  ~JetStreamClient();

  JetStreamClient(const JetStreamClient&) = delete;
  JetStreamClient& operator=(const JetStreamClient&) = delete;

  // All calls: not ok with lost() means that the client is of no use any more.
  bool lost() const { return lost_; }

  // All that was asked for is missing at this server, JetStream or the stream: nothing was done.
  bool missing() const { return missing_ && !served_; }

  // Makes a request of the JetStream API ("STREAM.INFO.orders"), with a body or without.  `what`
  // begins the text of an error: 'stream "orders"'.
  ApiAnswer Call(const std::string& request, std::string_view what);
  ApiAnswer Call(const std::string& request, const nlohmann::json& body, std::string_view what);
  // Sends `body` to `subject` and waits up to two seconds for the first answer.
  Status Request(const std::string& subject, const std::string& body, std::string* answer);

  struct Stored {
    uint64_t sequence = 0;   // in the stream
    bool duplicate = false;  // a message with the same Nats-Msg-Id was stored before
    int err_code = 0;        // of JetStream, if it refuses
  };
  // Stores a message in whatever stream takes its subject.
  Status Publish(const Message& message, Stored* stored);

  // A message that a pull consumer has delivered.
  struct Delivered {
    std::string payload;
    std::string reply;  // where to acknowledge it
  };
  // The consumer's next message; none if it has none within `wait_ms`.
  Status Pull(const std::string& stream, const std::string& consumer, int64_t wait_ms,
              std::optional<Delivered>* message);
  // Reads a range of the stream, message by message, by their headers.
  Status Read(ReadBack::Range range, ReadBack* reader);
  // Takes the message off the consumer's list for good; ok: the server has done so.
  Status Ack(const Delivered& message);
  // The same for one that nothing can be done with.
  Status Terminate(const Delivered& message);
  // Has it delivered again, after `delay_ms`.
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
  uint64_t requests_ = 0;  // their number is the address of the answer
  bool lost_ = false;
  bool missing_ = false;
  bool served_ = false;
};

// Calls `work` with a client that lives as long; the first thing that fails is the result.  If
// there is nothing at one of several servers, `work` is called again with the next.
Status WithJetStream(const BrokerSettings& broker,
                     const std::function<Status(JetStreamClient*)>& work);

}  // namespace fraiseql::nats
