// SPDX-License-Identifier: PostgreSQL
#include "nats/connection.h"

#include <nats/nats.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <utility>

#include "nats/blocked_signals.h"
#include "nats/connect_options.h"
#include "nats/nats_status.h"
#include "nats/server_url.h"

namespace fraiseql::nats {

namespace {

constexpr std::string_view kDefaultInboxPrefix = "_INBOX.";

constexpr std::string_view kLineEnd = "\r\n";

constexpr int kMaxReads = 10000;  // of 32 kB: more than any socket has in its buffer

void SetSocketOption(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof(value));  // all of them are mere improvements
}

// An idle connection notices within half a minute that the other side is gone without a word.
void KeepAlive(int socket) {
  SetSocketOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetSocketOption(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  SetSocketOption(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  SetSocketOption(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// With TLS, nats.c does not return from a write before all of it is in the socket's buffer, so one
// must ask before writing, and that answer has to be good for all there is to write.  A socket
// counts as writable when a third of that buffer is free; so let a third hold what
// Publisher::CanSend() allows to be unsent.  A larger message may still have to wait for a server
// that has stopped reading; after about five seconds the connection is given up instead.
void AvoidBlockingTlsWrites(int socket) {
  SetSocketOption(socket, SOL_SOCKET, SO_SNDBUF, 1 << 20);
  SetSocketOption(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
}

bool IsWritable(int socket) {
  pollfd fd = {socket, POLLOUT, 0};
  return poll(&fd, 1, 0) == 1;
}

// Without one of ours, the library prints errors to stderr.  Nothing is lost: see Check().
void IgnoreError(natsConnection*, natsSubscription*, natsStatus, void*) {}

std::string LastError() {
  const char* text = nats_GetLastError(nullptr);
  return text != nullptr ? text : "";
}

}  // namespace

// Called by nats.c in the thread that is in one of its functions: connecting, processing, closing.
struct Connection::EventLoop {
  static natsStatus Attach(void** user, void* loop, natsConnection* connection, natsSock socket) {
    auto* self = static_cast<Connection*>(loop);
    *user = self;
    self->connection_ = connection;
    self->socket_ = socket;
    KeepAlive(socket);
    if (self->tls_) AvoidBlockingTlsWrites(socket);
    return NATS_OK;
  }

  static natsStatus Read(void* user, bool add) {
    auto* self = static_cast<Connection*>(user);
    if (!add && self->socket_ >= 0) {
#if NATS_VERSION_NUMBER >= 0x030A00
      natsSock socket = self->socket_;  // closing it has become the event loop's duty
      natsConnection_ProcessCloseEvent(&socket);
#endif
      self->socket_ = -1;
    }
    return NATS_OK;
  }

  static natsStatus Write(void* user, bool add) {
    static_cast<Connection*>(user)->wants_write_ = add;
    return NATS_OK;
  }

  static natsStatus Detach([[maybe_unused]] void* user) {
#if NATS_VERSION_NUMBER >= 0x030B00
    natsConnection_ProcessDetachedEvent(static_cast<Connection*>(user)->connection_);
#endif
    return NATS_OK;
  }

  static natsStatus Use(Connection* self, natsOptions* options) {
    natsStatus code = natsOptions_SetEventLoop(options, self, Attach, Read, Write, Detach);
    if (code == NATS_OK) code = natsOptions_SetSendAsap(options, true);   // no flusher thread
    if (code == NATS_OK) code = natsOptions_SetPingInterval(options, 0);  // no timer callbacks
    if (code == NATS_OK) code = natsOptions_SetAllowReconnect(options, false);  // no such thread
    if (code == NATS_OK) code = natsOptions_SetErrorHandler(options, IgnoreError, nullptr);
    return code;
  }
};

Status Connection::Connect(const BrokerSettings& settings,
                           std::unique_ptr<Connection>* connection) {
  natsOptions* options = nullptr;
  Status status = MakeConnectOptions(settings, &options);
  if (!status.ok()) return status;
  std::unique_ptr<Connection> made(new Connection);
  made->tls_ = WantsTls(settings);
  natsConnection* connected = nullptr;
  natsStatus code = EventLoop::Use(made.get(), options);
  if (code == NATS_OK) code = natsConnection_Connect(&connected, options);
  natsOptions_Destroy(options);
  made->connection_ = connected;
  if (code != NATS_OK) {
    made->socket_ = -1;  // it may have been attached for a while
    return ConnectFailure(code, LastError(), settings.url);
  }
  status = made->Subscribe(settings);
  if (!status.ok()) return status;
  char url[512] = "";
  natsConnection_GetConnectedUrl(made->connection_, url, sizeof(url));
  made->url_ = WithoutUserInfo(url);
  made->max_payload_ = natsConnection_GetMaxPayload(made->connection_);
  *connection = std::move(made);
  return status;
}

Connection::~Connection() {
  // Closing an open connection takes the library half a second: it waits for an answer that, in
  // event-loop mode, nobody reads.  So let it first find the connection closed.
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
  for (int reads = 0; socket_ >= 0 && reads < kMaxReads; ++reads) {
    natsConnection_ProcessReadEvent(connection_);
  }
  bin_.Put(delivered_);
  bin_.Empty();
  natsSubscription_Destroy(acks_.subscription);
  natsSubscription_Destroy(answers_.subscription);
  natsConnection_Destroy(connection_);
}

Status Connection::Subscribe(const BrokerSettings& settings) {
  natsInbox* unique = nullptr;
  const natsStatus code = natsInbox_Create(&unique);
  if (code != NATS_OK) return ConnectFailure(code, LastError(), settings.url);
  inbox_ = settings.inbox_prefix + "." + (unique + kDefaultInboxPrefix.size());
  natsInbox_Destroy(unique);
  Status status = Subscribe(inbox_ + ".*.*", &acks_);
  if (status.ok()) status = Subscribe(inbox_ + ".*", &answers_);
  return status;
}

Status Connection::Subscribe(const std::string& subject, Inbox* inbox) {
  natsStatus code =
      natsConnection_SubscribeSync(&inbox->subscription, connection_, subject.c_str());
  // Beyond its limits the library drops messages; the window of messages in flight is limit enough.
  if (code == NATS_OK) code = natsSubscription_SetPendingLimits(inbox->subscription, -1, -1);
  if (code == NATS_OK) return Status::Ok();
  return Status::Unavailable("cannot subscribe to \"" + subject + "\": " + LastError());
}

void Connection::Process(bool readable, bool writable) {
  const BlockedSignals blocked;  // with TLS the library may poll()
  if (readable) natsConnection_ProcessReadEvent(connection_);
  if (!writable || !wants_write_) return;
  if (!tls_ || IsWritable(socket_)) natsConnection_ProcessWriteEvent(connection_);
}

Status Connection::Check() const {
  const char* detail = "";
  const natsStatus code = natsConnection_GetLastError(connection_, &detail);
  if (code == NATS_NOT_PERMITTED) return NotPermitted(detail);
  if (socket_ < 0) return ConnectionLost(code, detail);
  return Status::Ok();
}

Status Connection::Publish(const Message& message, const std::string& reply,
                           std::string_view more_headers) {
  natsMsg* copy = nullptr;
  natsStatus code =
      natsMsg_Create(&copy, message.subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
                     message.payload.data(), static_cast<int>(message.payload.size()));
  if (code != NATS_OK) return PublishFailure(code);
  Status status = AddHeaders(message.headers, more_headers, copy);
  if (status.ok()) {
    code = natsConnection_PublishMsg(connection_, copy);
    if (code != NATS_OK) status = PublishFailure(code);
  }
  bin_.Put(copy);
  return status;
}

Status Connection::AddHeaders(std::string_view headers, std::string_view more, natsMsg* message) {
  scratch_.assign(headers).append(more);
  if (scratch_.empty()) return Status::Ok();
  // The library would hash, copy and reorder header by header, which costs more than all the rest
  // of a publish.  It writes "<name>: <value>\r\n" without a look at the name: so the name is all
  // that stands before the last header's value.
  scratch_.resize(scratch_.size() - kLineEnd.size());
  const size_t last_line = scratch_.rfind(kLineEnd);
  const size_t colon = scratch_.find(": ", last_line == std::string::npos ? 0 : last_line);
  if (colon == std::string::npos) return Status::Internal("malformed message header");
  scratch_[colon] = '\0';
  const natsStatus code =
      natsMsgHeader_Set(message, scratch_.c_str(), scratch_.c_str() + colon + 2);
  return code == NATS_OK ? Status::Ok() : PublishFailure(code);
}

Status Connection::Request(const std::string& subject, const std::string& body,
                           const std::string& reply) {
  const natsStatus code = natsConnection_PublishRequest(connection_, subject.c_str(), reply.c_str(),
                                                        body.data(), static_cast<int>(body.size()));
  return code == NATS_OK ? Status::Ok() : PublishFailure(code);
}

bool Connection::Next(Inbox* inbox, Delivery* delivery) {
  bin_.Put(delivered_);
  delivered_ = nullptr;
  if (inbox->ready == 0) natsSubscription_QueuedMsgs(inbox->subscription, &inbox->ready);
  if (inbox->ready == 0) return false;
  --inbox->ready;
  *delivery = {};
  natsMsg* message = nullptr;
  const natsStatus code = natsSubscription_NextMsg(&message, inbox->subscription, 0);
  if (code == NATS_NO_RESPONDERS) {  // the library keeps the message, so its address is unknown
    delivery->no_responders = true;
    return true;
  }
  if (code != NATS_OK) {  // the connection was closed
    inbox->ready = 0;
    return false;
  }
  delivered_ = message;
  const std::string_view subject = natsMsg_GetSubject(message);
  const char* const reply_subject = natsMsg_GetReply(message);
  if (reply_subject != nullptr) delivery->reply = reply_subject;
  if (subject.compare(0, inbox_.size(), inbox_) == 0) {
    delivery->address = subject.substr(inbox_.size() + 1);
  }
  delivery->data = std::string_view(natsMsg_GetData(message),
                                    static_cast<size_t>(natsMsg_GetDataLength(message)));
  return true;
}

std::string_view Connection::DeliveredHeader(const char* name) const {
  const char* value = nullptr;
  if (delivered_ == nullptr || natsMsgHeader_Get(delivered_, name, &value) != NATS_OK) return {};
  return value != nullptr ? std::string_view(value) : std::string_view();
}

size_t Connection::unsent_bytes() const {
  const int bytes = natsConnection_Buffered(connection_);
  return bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

}  // namespace fraiseql::nats
