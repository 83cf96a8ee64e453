// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/change/message.h"
#include "core/base/status.h"
#include "nats/base/broker_settings.h"
#include "nats/connection/library_session.h"

namespace fraiseql::nats {

// One connection to a NATS server; it never reconnects.  No thread of its own reads or writes: the
// owner calls Process() when the socket is ready.  Any thread may use it, but only one at a time.
//
// nats.c establishes unencrypted connections, TlsConnection encrypted ones.  PlainConnection reads
// and writes the protocol on either, with a fifth of the instructions that a message and its
// acknowledgement cost in the library.
class Connection {
 public:
  // A message received on our inbox.  The views are valid until the next call of Next...() or
  // Process().
  struct Delivery {
    std::string_view address;  // the part of the subject after "<inbox>."
    std::string_view data;
    std::string_view reply;      // of a message that a consumer delivers: where to acknowledge it;
                                 // it has no address, for it keeps the subject it was stored with
    bool no_responders = false;  // the subject has no subscriber; the rest is undefined
  };

  // Blocks for up to twice the connect timeout: not for the main thread.  REQUIRES: all signals are
  // blocked, except one to interrupt it; the URL names one server.
  static Status Connect(const BrokerSettings& settings, std::unique_ptr<Connection>* connection);

  // Discards unsent output.  REQUIRES: all signals are blocked.
  virtual ~Connection() = default;

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual int socket() const = 0;  // -1: closed
  virtual bool wants_write() const = 0;

  // Reads and writes without blocking.  `writable` may be true although it is not certain.
  virtual void Process(bool readable, bool writable) = 0;

  // Not ok: the connection is closed, or the server has refused something for lack of permission
  // (at an unknown time).  In both cases the owner has to replace the connection.
  virtual Status Check() const = 0;
  // The server's error text about a missing permission, unchanged and not safe to show; empty:
  // there is none.  Valid until the next call of Process().
  virtual std::string_view refusal() const = 0;

  // Appends to the output buffer; Process() writes it.  The broker answers to "<inbox>.<...>".
  // Answers to an address "<a>.<...>" are for NextAck(), those to an address "<a>" for
  // NextAnswer(). Without a reply subject (empty) there is no answer.  `more_headers`: lines, as in
  // a message.
  virtual Status Publish(const Message& message, const std::string& reply,
                         std::string_view more_headers = {}) = 0;
  // kUnavailable if the subject is invalid: parts of it may be names that a server has reported.
  virtual Status Request(const std::string& subject, const std::string& body,
                         const std::string& reply) = 0;

  // The next answer that has arrived; false if there is none.
  virtual bool NextAck(Delivery* delivery) = 0;
  virtual bool NextAnswer(Delivery* delivery) = 0;
  // A header of the last delivery; empty if it has no such header.  Valid as long as the delivery.
  virtual std::string_view DeliveredHeader(const char* name) const = 0;

  virtual size_t unsent_bytes() const = 0;

  int64_t max_payload() const { return max_payload_; }  // of the server, for headers and payload
  const std::string& inbox() const { return inbox_; }
  // The subject of a request of JetStream's API: "STREAM.INFO.orders".
  std::string ApiSubject(std::string_view request) const {
    return std::string(api_prefix_).append(request);
  }
  const std::string& url() const { return url_; }  // of the server, without credentials

 protected:
  explicit Connection(std::unique_ptr<LibrarySession> session) : session_(std::move(session)) {}

  // Creates the inbox and records the server's URL and limits.
  Status Introduce(const BrokerSettings& settings);
  // The same with values from the server's INFO.
  Status Introduce(const BrokerSettings& settings, std::string_view url, int64_t max_payload);

  // What follows "<inbox>." in a subject; empty if it does not begin so.
  std::string_view AddressOf(std::string_view subject) const {
    if (subject.size() <= inbox_.size() || subject.compare(0, inbox_.size(), inbox_) != 0)
      return {};
    return subject.substr(inbox_.size() + 1);
  }

  LibrarySession* session() const { return session_.get(); }

 private:
  std::unique_ptr<LibrarySession> session_;
  int64_t max_payload_ = 0;
  std::string inbox_;
  std::string api_prefix_;
  std::string url_;
};

}  // namespace fraiseql::nats
