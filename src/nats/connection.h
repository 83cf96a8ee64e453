// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/message.h"
#include "core/status.h"
#include "nats/broker_settings.h"
#include "nats/message_bin.h"

// Of nats.c.
struct __natsConnection;
struct __natsMsg;
struct __natsSubscription;

namespace fraiseql::nats {

// One connection to a NATS server, from its making to its end; it never reconnects.  nats.c runs in
// its event-loop mode: no thread of its own reads or writes, the owner calls Process() when the
// socket is ready.  May be handed from one thread to another, but is used by one at a time.
class Connection {
 public:
  // Something that came to our inbox.  The views are valid until the next call of Next...().
  struct Delivery {
    std::string_view address;  // what followed "<inbox>." in the reply subject
    std::string_view data;
    std::string_view reply;      // of a message that a consumer delivers: where to acknowledge it;
                                 // it has no address, for it keeps the subject it was stored with
    bool no_responders = false;  // nobody listens to what was published; all else is unknown then
  };

  // Blocks for up to the connect timeout for each server: not for the main thread.
  // REQUIRES: all signals are blocked.
  static Status Connect(const BrokerSettings& settings, std::unique_ptr<Connection>* connection);

  // What is unsent is dropped.  REQUIRES: all signals are blocked.
  ~Connection();

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }  // -1: closed
  bool wants_write() const { return wants_write_; }

  // Reads and writes what can be without waiting.  `writable` may be a mere hope.
  void Process(bool readable, bool writable);

  // Not ok: the connection is closed, or the server has refused something for lack of permission
  // (since when one cannot say).  In both cases it is to be replaced.
  Status Check() const;

  // Appends to the output buffer; Process() writes it.  The broker will answer to "<inbox>.<...>".
  // Answers to an address "<a>.<b>" are for NextAck(), those to an address "<a>" for NextAnswer().
  // Without a reply subject (empty) there is no answer.  `more_headers`: lines, as in a message.
  Status Publish(const Message& message, const std::string& reply,
                 std::string_view more_headers = {});
  Status Request(const std::string& subject, const std::string& body, const std::string& reply);

  // The next answer that has arrived; false if there is none.
  bool NextAck(Delivery* delivery) { return Next(&acks_, delivery); }
  bool NextAnswer(Delivery* delivery) { return Next(&answers_, delivery); }
  // Of what was delivered last; empty if it has no such header.  Valid as long as the delivery.
  std::string_view DeliveredHeader(const char* name) const;

  size_t unsent_bytes() const;
  int64_t max_payload() const { return max_payload_; }  // of the server, for headers and payload
  const std::string& inbox() const { return inbox_; }
  const std::string& url() const { return url_; }  // of the server, without credentials

 private:
  struct Inbox {
    __natsSubscription* subscription = nullptr;
    uint64_t ready = 0;  // messages known to be there, so as not to ask for each
  };
  struct EventLoop;  // the callbacks by which nats.c tells what it wants to wait for

  Connection() = default;
  Status Subscribe(const BrokerSettings& settings);
  Status Subscribe(const std::string& subject, Inbox* inbox);
  Status AddHeaders(std::string_view headers, std::string_view more, __natsMsg* message);
  bool Next(Inbox* inbox, Delivery* delivery);

  __natsConnection* connection_ = nullptr;
  Inbox acks_;
  Inbox answers_;
  __natsMsg* delivered_ = nullptr;  // what the last Delivery points into
  MessageBin bin_;
  int socket_ = -1;
  bool wants_write_ = false;
  bool tls_ = false;
  int64_t max_payload_ = 0;
  std::string inbox_;
  std::string url_;
  std::string scratch_;
};

}  // namespace fraiseql::nats
