// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

struct __natsConnection;  // natsConnection of nats.c

namespace fraiseql::nats {

// A connection that nats.c establishes and closes: name lookup, TCP and login.  The library is in
// its event-loop mode: no thread of its own reads or writes.  It never reconnects.  Once it is
// connected, the owner reads and writes on the socket directly, unless the server requires TLS.
class LibrarySession {
 public:
  // Blocks for up to twice the connect timeout: not for the main thread.  REQUIRES: all signals are
  // blocked; the URL names one server, because the library does not report why each of several
  // failed.
  static Status Connect(const BrokerSettings& settings, std::unique_ptr<LibrarySession>* session);

  // Makes an idle connection fail within half a minute if the peer has disappeared.
  static void KeepAlive(int socket);

  // Discards unsent output.  REQUIRES: all signals are blocked.
  ~LibrarySession();

  LibrarySession(const LibrarySession&) = delete;
  LibrarySession& operator=(const LibrarySession&) = delete;

  __natsConnection* connection() const { return connection_; }
  int socket() const { return socket_; }  // -1: closed

 private:
  struct EventLoop;  // the callbacks by which nats.c says which events it waits for

  LibrarySession() = default;

  __natsConnection* connection_ = nullptr;
  int socket_ = -1;
};

}  // namespace fraiseql::nats
