// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "nats/connection/connection.h"
#include "nats/connection/destroy_batch.h"

// Of nats.c.
struct __natsMsg;
struct __natsSubscription;

namespace fraiseql::nats {

// What is said goes through nats.c: for connections with TLS.
class LibraryConnection final : public Connection {
 public:
  static Status Make(std::unique_ptr<LibrarySession> session, const BrokerSettings& settings,
                     std::unique_ptr<Connection>* connection);
  ~LibraryConnection() override;

  int socket() const override { return session()->socket(); }
  bool wants_write() const override { return session()->wants_write(); }
  void Process(bool readable, bool writable) override;
  Status Check() const override;
  std::string_view refusal() const override;
  Status Publish(const Message& message, const std::string& reply,
                 std::string_view more_headers) override;
  Status Request(const std::string& subject, const std::string& body,
                 const std::string& reply) override;
  bool NextAck(Delivery* delivery) override { return Next(&acks_, delivery); }
  bool NextAnswer(Delivery* delivery) override { return Next(&answers_, delivery); }
  std::string_view DeliveredHeader(const char* name) const override;
  size_t unsent_bytes() const override;

 private:
  struct Inbox {
    __natsSubscription* subscription = nullptr;
    uint64_t ready = 0;  // messages known to be there, so as not to ask for each
  };

  using Connection::Connection;
  Status Subscribe(const std::string& subject, Inbox* inbox);
  Status AddHeaders(std::string_view headers, std::string_view more, __natsMsg* message);
  bool Next(Inbox* inbox, Delivery* delivery);

  Inbox acks_;
  Inbox answers_;
  __natsMsg* delivered_ = nullptr;  // what the last Delivery points into
  DestroyBatch to_destroy_;
  std::string scratch_;
};

}  // namespace fraiseql::nats
