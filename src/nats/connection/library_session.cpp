// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/library_session.h"

#include <nats/nats.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <utility>

#include "nats/connection/connect_options.h"
#include "nats/connection/nats_status.h"
#include "nats/connection/why_unreachable.h"

namespace fraiseql::nats {

namespace {

constexpr int kMaxReads = 10000;  // of 32 kB: more than the buffer of a socket holds

void SetSocketOption(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof(value));  // not essential: ignore a failure
}

// Without a handler, the library prints errors to stderr.  The caller gets them by LastError().
void IgnoreError(natsConnection*, natsSubscription*, natsStatus, void*) {}

}  // namespace

// nats.c calls these in the thread that is in one of its functions: connect, process, close.
struct LibrarySession::EventLoop {
  static natsStatus Attach(void** user, void* loop, natsConnection* connection, natsSock socket) {
    auto* self = static_cast<LibrarySession*>(loop);
    *user = self;
    self->connection_ = connection;
    self->socket_ = socket;
    KeepAlive(socket);
    return NATS_OK;
  }

  static natsStatus Read(void* user, bool add) {
    auto* self = static_cast<LibrarySession*>(user);
    if (!add && self->socket_ >= 0) {
#if NATS_VERSION_NUMBER >= 0x030A00
      natsSock socket = self->socket_;  // since 3.10 the event loop has to close it
      natsConnection_ProcessCloseEvent(&socket);
#endif
      self->socket_ = -1;
    }
    return NATS_OK;
  }

  static natsStatus Write(void*, bool) { return NATS_OK; }  // the library writes nothing

  static natsStatus Detach([[maybe_unused]] void* user) {
#if NATS_VERSION_NUMBER >= 0x030B00
    natsConnection_ProcessDetachedEvent(static_cast<LibrarySession*>(user)->connection_);
#endif
    return NATS_OK;
  }

  static natsStatus Use(LibrarySession* self, natsOptions* options) {
    natsStatus code = natsOptions_SetEventLoop(options, self, Attach, Read, Write, Detach);
    if (code == NATS_OK) code = natsOptions_SetSendAsap(options, true);   // no flusher thread
    if (code == NATS_OK) code = natsOptions_SetPingInterval(options, 0);  // no timer callbacks
    if (code == NATS_OK) code = natsOptions_SetAllowReconnect(options, false);  // no such thread
    if (code == NATS_OK) code = natsOptions_SetErrorHandler(options, IgnoreError, nullptr);
    return code;
  }
};

Status LibrarySession::Connect(const BrokerSettings& settings,
                               std::unique_ptr<LibrarySession>* session) {
  natsOptions* options = nullptr;
  Status status = MakeConnectOptions(settings, &options);
  if (!status.ok()) return status;
  std::unique_ptr<LibrarySession> made(new LibrarySession);
  natsConnection* connected = nullptr;
  natsStatus code = EventLoop::Use(made.get(), options);
  if (code == NATS_OK) code = natsConnection_Connect(&connected, options);
  natsOptions_Destroy(options);
  made->connection_ = connected;
  if (code != NATS_OK) {
    made->socket_ = -1;  // it may have been attached during the attempt
    std::string detail = LastError();
    if (code == NATS_NO_SERVER) {
      // The library reports this code for any failure to connect.
      const std::string why = WhyUnreachable(settings.url, settings.connect_timeout_ms);
      if (!why.empty()) detail = why;
    }
    return ConnectFailure(code, detail, settings.url);
  }
  *session = std::move(made);
  return Status::Ok();
}

void LibrarySession::KeepAlive(int socket) {
  SetSocketOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetSocketOption(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  SetSocketOption(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  SetSocketOption(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

LibrarySession::~LibrarySession() {
  // To close an open connection takes the library half a second: it waits for an answer that, in
  // event-loop mode, no thread reads.  So it first has to find the connection closed.
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
  for (int reads = 0; socket_ >= 0 && reads < kMaxReads; ++reads) {
    natsConnection_ProcessReadEvent(connection_);
  }
  natsConnection_Destroy(connection_);
}

}  // namespace fraiseql::nats
