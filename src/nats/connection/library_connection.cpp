// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/library_connection.h"

#include <nats/nats.h>
#include <poll.h>

#include "nats/base/blocked_signals.h"
#include "nats/base/names.h"
#include "nats/connection/nats_status.h"

namespace fraiseql::nats {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

bool IsWritable(int socket) {
  pollfd fd = {socket, POLLOUT, 0};
  return poll(&fd, 1, 0) == 1;
}

}  // namespace

Status LibraryConnection::Make(std::unique_ptr<LibrarySession> session,
                               const BrokerSettings& settings,
                               std::unique_ptr<Connection>* connection) {
  std::unique_ptr<LibraryConnection> made(new LibraryConnection(std::move(session)));
  Status status = made->Introduce(settings);
  if (status.ok()) status = made->Subscribe(made->inbox() + ".*.*", &made->acks_);
  if (status.ok()) status = made->Subscribe(made->inbox() + ".*", &made->answers_);
  if (status.ok()) *connection = std::move(made);
  return status;
}

LibraryConnection::~LibraryConnection() {
  session()->Close();
  to_destroy_.Add(delivered_);
  to_destroy_.Destroy();
  natsSubscription_Destroy(acks_.subscription);
  natsSubscription_Destroy(answers_.subscription);
}

Status LibraryConnection::Subscribe(const std::string& subject, Inbox* inbox) {
  natsStatus code =
      natsConnection_SubscribeSync(&inbox->subscription, session()->connection(), subject.c_str());
  // Beyond its limits the library drops messages; the window of messages in flight is limit enough.
  if (code == NATS_OK) code = natsSubscription_SetPendingLimits(inbox->subscription, -1, -1);
  if (code == NATS_OK) return Status::Ok();
  return Status::Unavailable("cannot subscribe to \"" + subject + "\": " + LastError());
}

void LibraryConnection::Process(bool readable, bool writable) {
  const BlockedSignals blocked;  // the library may poll()
  if (readable) natsConnection_ProcessReadEvent(session()->connection());
  if (!writable || !wants_write() || !IsWritable(socket())) return;
  natsConnection_ProcessWriteEvent(session()->connection());
}

Status LibraryConnection::Check() const {
  const char* detail = "";
  const natsStatus code = natsConnection_GetLastError(session()->connection(), &detail);
  if (code == NATS_NOT_PERMITTED) return NotPermitted(detail);
  if (socket() < 0) return ConnectionLost(code, detail);
  return Status::Ok();
}

std::string_view LibraryConnection::refusal() const {
  const char* detail = "";
  const natsStatus code = natsConnection_GetLastError(session()->connection(), &detail);
  return code == NATS_NOT_PERMITTED ? detail : "";
}

Status LibraryConnection::Publish(const Message& message, const std::string& reply,
                                  std::string_view more_headers) {
  natsMsg* copy = nullptr;
  natsStatus code =
      natsMsg_Create(&copy, message.subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
                     message.payload.data(), static_cast<int>(message.payload.size()));
  if (code != NATS_OK) return PublishFailure(code);
  Status status = AddHeaders(message.headers, more_headers, copy);
  if (status.ok()) {
    code = natsConnection_PublishMsg(session()->connection(), copy);
    if (code != NATS_OK) status = PublishFailure(code);
  }
  to_destroy_.Add(copy);
  return status;
}

Status LibraryConnection::AddHeaders(std::string_view headers, std::string_view more,
                                     natsMsg* message) {
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

Status LibraryConnection::Request(const std::string& subject, const std::string& body,
                                  const std::string& reply) {
  if (!IsWireSubject(subject) || !IsWireSubject(reply)) return NotASubject(subject);
  const natsStatus code =
      natsConnection_PublishRequest(session()->connection(), subject.c_str(), reply.c_str(),
                                    body.data(), static_cast<int>(body.size()));
  return code == NATS_OK ? Status::Ok() : PublishFailure(code);
}

bool LibraryConnection::Next(Inbox* inbox, Delivery* delivery) {
  to_destroy_.Add(delivered_);
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
  delivery->address = AddressOf(subject);
  delivery->data = std::string_view(natsMsg_GetData(message),
                                    static_cast<size_t>(natsMsg_GetDataLength(message)));
  return true;
}

std::string_view LibraryConnection::DeliveredHeader(const char* name) const {
  const char* value = nullptr;
  if (delivered_ == nullptr || natsMsgHeader_Get(delivered_, name, &value) != NATS_OK) return {};
  return value != nullptr ? std::string_view(value) : std::string_view();
}

size_t LibraryConnection::unsent_bytes() const {
  const int bytes = natsConnection_Buffered(session()->connection());
  return bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

}  // namespace fraiseql::nats
