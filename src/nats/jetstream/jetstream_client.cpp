// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/jetstream_client.h"

#include <poll.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/number.h"
#include "nats/base/blocked_signals.h"
#include "nats/base/clock.h"
#include "nats/base/names.h"
#include "nats/connection/connector.h"
#include "nats/connection/nats_status.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_error.h"
#include "nats/jetstream/pub_ack.h"
#include "nats/connection/server_list.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kRequestTimeoutMs = 2000;
// The answer to a request for the largest message that a server can be configured to accept: 64 MB,
// in base64.
constexpr size_t kMaxAnswer = 96 * 1024 * 1024;
constexpr int64_t kConnectGraceMs = 1000;  // in addition to the library's timeout

bool IsRaised(const EventFd* event) { return event != nullptr && event->raised(); }

Status Cancelled() { return Status::Unavailable("cancelled, because the caller is ending"); }

}  // namespace

Status JetStreamClient::Open(const BrokerSettings& broker, const EventFd* cancel,
                             std::unique_ptr<JetStreamClient>* client) {
  ServerList servers(broker);
  return Open(&servers, cancel, client);
}

Status JetStreamClient::Open(ServerList* servers, const EventFd* cancel,
                             std::unique_ptr<JetStreamClient>* client) {
  do {
    Status status = OpenOne(servers->Next(), cancel, client);
    if (status.ok() || IsRaised(cancel)) return status;
    servers->Failed(std::move(status));
  } while (!servers->round_over());
  return servers->Trouble();
}

Status JetStreamClient::OpenOne(const BrokerSettings& broker, const EventFd* cancel,
                                std::unique_ptr<JetStreamClient>* client) {
  std::unique_ptr<JetStreamClient> made(new JetStreamClient(cancel));
  Connector connector;  // its destructor aborts the attempt
  BrokerSettings settings = broker;
  settings.max_answer = kMaxAnswer;
  Status status = connector.Start(settings, nullptr);
  if (!status.ok()) return status;
  const int64_t end = SteadyMs() + broker.connect_timeout_ms + kConnectGraceMs;
  while (!connector.Finish(&status, &made->connection_)) {
    const int64_t left = end - SteadyMs();
    if (left <= 0) return ConnectTimeout(broker.url);
    if (IsRaised(cancel)) return Cancelled();
    pollfd fds[2] = {{connector.wake_fd(), POLLIN, 0},
                     {cancel != nullptr ? cancel->fd() : -1, POLLIN, 0}};
    poll(fds, 2, static_cast<int>(left));
  }
  if (status.ok()) *client = std::move(made);
  return status;
}

JetStreamClient::~JetStreamClient() {
  const BlockedSignals blocked;
  connection_.reset();
}

Status JetStreamClient::Request(const std::string& subject, const std::string& body,
                                std::string* answer) {
  const std::string reply = NewReply(Expect::kAnswer);
  Status status = connection_->Request(subject, body, reply);
  Connection::Delivery delivery;
  if (status.ok()) status = Await(Expect::kAnswer, reply, kRequestTimeoutMs, &delivery);
  if (!status.ok()) {
    if (status.code() == StatusCode::kInvalid) missing_ = true;  // no permission for it here
    return Lose(std::move(status));
  }
  if (delivery.no_responders) {
    missing_ = true;
    return Status::Unavailable(
        "nobody answers to \"" + subject + "\"",
        "JetStream may be disabled in the NATS server, or have no leader at present.");
  }
  if (delivery.address.empty()) return Lose(NoAnswer("NATS", "\"" + subject + "\""));
  answer->assign(delivery.data);
  return Status::Ok();
}

ApiAnswer JetStreamClient::Call(const std::string& request, std::string_view what) {
  return Call(request, Json(), what);
}

ApiAnswer JetStreamClient::Call(const std::string& request, const Json& body,
                                std::string_view what) {
  std::string text;
  if (!body.is_null()) text = ToText(body);
  ApiAnswer answer;
  answer.status = Request(connection_->ApiSubject(request), text, &text);
  if (!answer.status.ok()) return answer;
  answer = ParseApiAnswer(text, what);
  if (IsMissingHere(answer.err_code)) {
    missing_ = true;
  } else if (answer.body.is_object()) {
    served_ = true;
  }
  return answer;
}

Status JetStreamClient::Publish(const Message& message, Stored* stored) {
  *stored = {};
  const std::string reply = NewReply(Expect::kAck);
  Status status = connection_->Publish(message, reply);
  PubAck ack;
  Connection::Delivery delivery;
  const int64_t end = SteadyMs() + kRequestTimeoutMs;
  while (status.ok() && ack.kind == PubAck::Kind::kForeign) {
    status = Await(Expect::kAck, reply, end - SteadyMs(), &delivery);
    if (!status.ok()) break;
    if (delivery.no_responders) {
      return Status::Unavailable("no stream takes subject \"" + message.subject + "\"",
                                 "Add it to the subjects of a stream.");
    }
    if (delivery.address.empty()) status = NoAnswer("NATS", "\"" + message.subject + "\"");
    ack = ParsePubAck(delivery.data);
  }
  if (status.ok() && ack.kind == PubAck::Kind::kAbsurd)
    status = NoAnswer("NATS", "\"" + message.subject + "\"");
  if (!status.ok()) return Lose(std::move(status));
  if (ack.kind == PubAck::Kind::kRefused) {
    stored->err_code = ack.error.err_code;
    return ToStatus(ack.error, "publish to \"" + message.subject + "\"");
  }
  stored->sequence = ack.stream_sequence;
  stored->duplicate = ack.duplicate;
  return status;
}

Status JetStreamClient::Pull(const std::string& stream, const std::string& consumer,
                             int64_t wait_ms, std::optional<Delivered>* message) {
  message->reset();
  std::string body = R"({"batch":1,"expires":)";
  AppendDecimal(wait_ms * 1000000, &body);
  body.push_back('}');
  const std::string reply = NewReply(Expect::kAnswer);
  const std::string subject =
      connection_->ApiSubject("CONSUMER.MSG.NEXT." + stream + "." + consumer);
  Status status = connection_->Request(subject, body, reply);
  Connection::Delivery delivery;
  if (status.ok()) {
    status = Await(Expect::kMessage, reply, wait_ms + kRequestTimeoutMs, &delivery);
  }
  if (!status.ok()) return Lose(std::move(status));
  if (delivery.no_responders) {
    return Status::Unavailable(ConsumerNamed(stream, consumer) +
                               " does not exist, or has no leader at present");
  }
  if (!delivery.reply.empty()) {
    *message = Delivered{std::string(delivery.data), std::string(delivery.reply)};
  } else if (delivery.address.empty()) {  // else the server has reported that there is none
    return Lose(NoAnswer("NATS", "\"" + subject + "\""));
  }
  return status;
}

Status JetStreamClient::Read(ReadBack::Range range, ReadBack* reader) {
  const std::string what = StreamNamed(range.stream);
  std::string answer;
  const auto ask = [&](const ReadBack::Request& request) {
    return Request(connection_->ApiSubject(request.name), request.body, &answer);
  };
  Status status = ask(reader->Begin(std::move(range)));
  if (status.ok()) status = reader->OnCreated(ParseApiAnswer(answer, what));
  if (!status.ok()) return status;
  while (status.ok() && !reader->done()) {
    if (reader->must_ask_leader()) {
      status = ask(reader->AskLeader());
      if (status.ok()) status = reader->OnLeader(ParseApiAnswer(answer, what));
    } else {
      status = ReadMore(reader);
    }
  }
  if (!status.ok()) return Lose(std::move(status));
  return ask(reader->Finish());
}

// Makes one request for messages and reads until it is used up.
Status JetStreamClient::ReadMore(ReadBack* reader) {
  const ReadBack::Request request = reader->Next();
  const std::string subject = connection_->ApiSubject(request.name);
  const std::string reply = NewReply(Expect::kAnswer);
  Status status = connection_->Request(subject, request.body, reply);
  for (bool used_up = false; status.ok() && !used_up;) {
    Connection::Delivery delivery;
    status = Await(Expect::kMessage, reply, kRequestTimeoutMs, &delivery);
    if (!status.ok()) break;
    if (delivery.no_responders || (delivery.reply.empty() && delivery.address.empty())) {
      return NoAnswer("JetStream", "a look into a stream at \"" + subject + "\"");
    }
    status = reader->OnDelivery(*connection_, delivery, &used_up);
  }
  return status;
}

Status JetStreamClient::Ack(const Delivered& message) {
  std::string answer;
  return Request(message.reply, "+ACK", &answer);
}

Status JetStreamClient::Terminate(const Delivered& message) {
  std::string answer;
  return Request(message.reply, "+TERM", &answer);
}

Status JetStreamClient::Nak(const Delivered& message, int64_t delay_ms) {
  std::string body = R"(-NAK {"delay":)";
  AppendDecimal(delay_ms * 1000000, &body);
  body.push_back('}');
  std::string answer;
  return Request(message.reply, body, &answer);
}

void JetStreamClient::Sleep(int64_t ms) const {
  const int64_t end = SteadyMs() + ms;
  for (int64_t left = ms; left > 0 && !IsRaised(cancel_); left = end - SteadyMs()) {
    pollfd fd = {cancel_ != nullptr ? cancel_->fd() : -1, POLLIN, 0};
    poll(&fd, 1, static_cast<int>(left));
  }
}

std::string JetStreamClient::NewReply(Expect expected) {
  std::string reply = connection_->inbox();
  reply.append(expected == Expect::kAck ? ".0." : ".");  // see Connection::Publish()
  AppendDecimal(++requests_, &reply);
  return reply;
}

// Waits for a message to `reply`.  On timeout the delivery has no address, reply or no_responders.
Status JetStreamClient::Await(Expect expected, const std::string& reply, int64_t wait_ms,
                              Connection::Delivery* delivery) {
  const int64_t end = SteadyMs() + wait_ms;
  for (;;) {
    if (Take(expected, reply, delivery)) return Status::Ok();
    Status status = connection_->Check();
    if (!status.ok()) return status;
    if (IsRaised(cancel_)) return Cancelled();
    const int64_t left = end - SteadyMs();
    if (left <= 0) {
      *delivery = {};
      return status;
    }
    PollOnce(left);
  }
}

// False: no message has arrived.
bool JetStreamClient::Take(Expect expected, const std::string& reply,
                           Connection::Delivery* delivery) {
  const std::string_view address = std::string_view(reply).substr(connection_->inbox().size() + 1);
  const auto next = [&](bool ack) {
    return ack ? connection_->NextAck(delivery) : connection_->NextAnswer(delivery);
  };
  while (next(expected != Expect::kAck)) {  // the answer to an abandoned request
  }
  while (next(expected == Expect::kAck)) {
    if (delivery->no_responders || delivery->address == address) return true;
    if (expected == Expect::kMessage && !delivery->reply.empty()) return true;
  }
  return false;
}

// Waits for the socket, and lets the connection read and write once.
void JetStreamClient::PollOnce(int64_t wait_ms) {
  const auto events = static_cast<short>(POLLIN | (connection_->wants_write() ? POLLOUT : 0));
  pollfd fds[2] = {{connection_->socket(), events, 0},
                   {cancel_ != nullptr ? cancel_->fd() : -1, POLLIN, 0}};
  if (poll(fds, 2, static_cast<int>(wait_ms)) <= 0) return;
  connection_->Process((fds[0].revents & ~POLLOUT) != 0, (fds[0].revents & POLLOUT) != 0);
}

Status JetStreamClient::Lose(Status status) {
  lost_ = true;
  return status;
}

Status WithJetStream(const BrokerSettings& broker,
                     const std::function<Status(JetStreamClient*)>& work) {
  ServerList servers(broker);
  bool done = false;  // `work` has succeeded at a server that lacks the stream
  do {
    std::unique_ptr<JetStreamClient> client;
    Status status = JetStreamClient::Open(&servers, nullptr, &client);
    if (!status.ok()) return done ? Status::Ok() : status;
    status = work(client.get());
    if (!client->missing()) return status;
    done = done || status.ok();
    if (!status.ok()) servers.Unfit(status);
  } while (!servers.round_over());
  return done ? Status::Ok() : servers.Trouble();
}

}  // namespace fraiseql::nats
