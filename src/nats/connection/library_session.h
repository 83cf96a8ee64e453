// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

struct __natsConnection;  // natsConnection of nats.c

namespace fraiseql::nats {

// A connection that nats.c makes, with all that belongs to it: the list of servers, name lookup,
// TCP, the proof of who we are; and that it ends.  The library is in its event-loop mode: no
// thread of its own reads or writes.  It never reconnects.  What is said on the connection its
// owner says right through the socket, unless that turns out to be encrypted.
class LibrarySession {
 public:
  // Blocks for up to twice the connect timeout: not for the main thread.  REQUIRES: all signals are
  // blocked; the URL is of one server, as of several the library does not say what was wrong with
  // each.
  static Status Connect(const BrokerSettings& settings, std::unique_ptr<LibrarySession>* session);

  // Has an idle connection notice within half a minute that the other side is gone without a word.
  static void KeepAlive(int socket);

  // What is unsent is dropped.  REQUIRES: all signals are blocked.
  ~LibrarySession();

  LibrarySession(const LibrarySession&) = delete;
  LibrarySession& operator=(const LibrarySession&) = delete;

  __natsConnection* connection() const { return connection_; }
  int socket() const { return socket_; }  // -1: closed

 private:
  struct EventLoop;  // the callbacks by which nats.c tells what it wants to wait for

  LibrarySession() = default;

  __natsConnection* connection_ = nullptr;
  int socket_ = -1;
};

}  // namespace fraiseql::nats
