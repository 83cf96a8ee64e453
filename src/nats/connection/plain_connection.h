// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <sys/types.h>

#include <vector>

#include "nats/connection/connection.h"
#include "nats/connection/wire_reader.h"

namespace fraiseql::nats {

// Sends and receives directly on the socket that nats.c has connected.  The library allocates an
// object for each message and each reply: 8,300 instructions for both in version 3.4.1, where this
// class takes 1,600.
class PlainConnection : public Connection {
 public:
  // Blocks for up to the connect timeout.  `*encrypted`: it failed because the server requires TLS.
  static Status Make(std::unique_ptr<LibrarySession> session, const BrokerSettings& settings,
                     std::unique_ptr<Connection>* connection, bool* encrypted);

  int socket() const override { return end_.ok() ? Descriptor() : -1; }
  bool wants_write() const override { return unsent_bytes() > 0; }
  void Process(bool readable, bool writable) override;
  Status Check() const override;
  std::string_view refusal() const override { return refused_; }
  Status Publish(const Message& message, const std::string& reply,
                 std::string_view more_headers) override;
  Status Request(const std::string& subject, const std::string& body,
                 const std::string& reply) override;
  bool NextAck(Delivery* delivery) override { return acks_.Next(*this, delivery); }
  bool NextAnswer(Delivery* delivery) override { return answers_.Next(*this, delivery); }
  std::string_view DeliveredHeader(const char* name) const override {
    return HeaderOf(delivered_headers_, name);
  }
  size_t unsent_bytes() const override { return out_.size() - written_; }

 protected:
  PlainConnection(std::unique_ptr<LibrarySession> session, size_t max_answer)
      : Connection(std::move(session)), reader_(max_answer) {}

  // The transport, with the results of recv() and send().
  virtual int Descriptor() const { return session()->socket(); }
  virtual ssize_t Receive(char* at, size_t size);
  virtual ssize_t Send(const char* at, size_t size);

  // Sends `first`, subscribes to the inbox and waits for the first PONG.
  Status Greet(const BrokerSettings& settings, std::string_view first);

 private:
  // Messages that have arrived and are not read yet, copied because the next input overwrites the
  // buffer.
  class Inbox {
   public:
    void Add(const WireReader::Item& item);
    bool Next(PlainConnection& connection, Delivery* delivery);
    void Reuse();  // frees the space if all messages are read
    size_t unread() const { return bytes_.size() - next_byte_; }

   private:
    struct Entry {
      size_t subject, reply, headers, data;  // sizes; they are stored in this order
    };
    std::vector<Entry> entries_;
    std::string bytes_;
    size_t next_entry_ = 0;
    size_t next_byte_ = 0;
  };

  void Write();
  void Read();
  void Drain();
  void OnPing();
  void OnError(std::string_view text);
  void End(const std::string& reason);

  WireReader reader_;
  Inbox acks_;
  Inbox answers_;
  std::string_view delivered_headers_;
  std::string out_;
  size_t written_ = 0;  // of out_
  size_t pongs_ = 0;    // in out_ since it was last empty
  bool greeted_ = false;
  bool encrypted_ = false;
  std::string refused_;  // what the server has refused for lack of permission
  Status end_;           // not ok: the connection has ended
};

}  // namespace fraiseql::nats
