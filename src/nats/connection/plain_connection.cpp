// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/plain_connection.h"

#include <nats/nats.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/base/ascii.h"
#include "nats/base/clock.h"
#include "nats/base/names.h"
#include "nats/connection/nats_status.h"
#include "nats/connection/wire_writer.h"

namespace fraiseql::nats {

namespace {

constexpr uint32_t kAcks = 1;
constexpr uint32_t kAnswers = 2;
constexpr size_t kReadSize = 64 * 1024;
constexpr int kMaxReads = 16;  // per call of Read(), so that the owner can do its other work
constexpr size_t kUsualOutput = 1024 * 1024;
// Limits that no correct server reaches; beyond them the connection is closed.
constexpr size_t kMaxPongs = 1024;              // PONGs that the server does not read
constexpr size_t kMaxUnread = 8 * 1024 * 1024;  // bytes of messages that the owner does not read
constexpr size_t kMaxRefusal = 8192;            // bytes of a text about permissions
constexpr std::string_view kNobodyThere = "503";
constexpr std::string_view kNotPermitted = "Permissions Violation";

std::string ErrorText(int error) { return std::generic_category().message(error); }

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// A TLS record begins with a control character.  Unencrypted output of a server does not, even if
// the library has already read its beginning.
bool BeginsRecord(const WireReader& reader) {
  if (reader.empty()) return false;
  const char first = reader.first();
  return IsControl(first) && first != '\r' && first != '\n';
}

}  // namespace

Status PlainConnection::Make(std::unique_ptr<LibrarySession> session,
                             const BrokerSettings& settings,
                             std::unique_ptr<Connection>* connection, bool* encrypted) {
  std::unique_ptr<PlainConnection> made(
      new PlainConnection(std::move(session), settings.max_answer));
  Status status = made->Introduce(settings);
  if (status.ok()) status = made->Greet(settings, "");
  *encrypted = made->encrypted_;
  if (status.ok()) *connection = std::move(made);
  return status;
}

// Subscribes, and waits for the server's PONG.  A server that expects TLS must not take the first
// bytes for the header of a record and wait for the rest: "ping" reads as a record of 26,381 bytes,
// which is over the limit, so the server reports an error at once ("PING" is within the limit of
// TLS 1.2).
Status PlainConnection::Greet(const BrokerSettings& settings, std::string_view first) {
  out_.assign(first);
  out_ += "ping\r\nSUB " + inbox() + ".*.> 1\r\nSUB " + inbox() + ".* 2\r\n";
  const int64_t deadline = SteadyMs() + settings.connect_timeout_ms;
  while (end_.ok() && !greeted_) {
    pollfd fd = {socket(), static_cast<short>(POLLIN | (wants_write() ? POLLOUT : 0)), 0};
    const int64_t rest = deadline - SteadyMs();
    if (rest <= 0 || poll(&fd, 1, static_cast<int>(rest)) <= 0) return ConnectTimeout(settings.url);
    Process((fd.revents & ~POLLOUT) != 0, (fd.revents & POLLOUT) != 0);
  }
  return end_;
}

ssize_t PlainConnection::Receive(char* at, size_t size) { return recv(socket(), at, size, 0); }

ssize_t PlainConnection::Send(const char* at, size_t size) {
  return send(socket(), at, size, MSG_NOSIGNAL);
}

void PlainConnection::Process(bool readable, bool writable) {
  if (readable && end_.ok()) Read();
  if (writable && end_.ok() && wants_write()) Write();
}

void PlainConnection::Write() {
  const ssize_t sent = Send(out_.data() + written_, unsent_bytes());
  if (sent < 0) {
    if (!WouldBlock(errno)) End(ErrorText(errno));
    return;
  }
  written_ += static_cast<size_t>(sent);
  if (wants_write() && written_ < out_.size() / 2) return;
  out_.erase(0, written_);
  written_ = 0;
  if (out_.empty()) pongs_ = 0;
  if (out_.empty() && out_.capacity() > kUsualOutput) out_ = std::string();
}

void PlainConnection::Read() {
  acks_.Reuse();
  answers_.Reuse();
  delivered_headers_ = {};
  if (acks_.unread() + answers_.unread() > kMaxUnread) {
    return End("the server sends what it was not asked for");
  }
  for (int i = 0; i < kMaxReads && end_.ok(); ++i) {
    const ssize_t got = Receive(reader_.Space(kReadSize), kReadSize);
    if (got < 0 && WouldBlock(errno)) return;
    if (got <= 0) return End(got == 0 ? "the server has closed it" : ErrorText(errno));
    reader_.Added(static_cast<size_t>(got));
    Drain();
    if (static_cast<size_t>(got) < kReadSize) return;
  }
}

void PlainConnection::Drain() {
  if (!greeted_ && BeginsRecord(reader_)) {
    encrypted_ = true;
    return End("the server speaks TLS");
  }
  WireReader::Item item;
  while (end_.ok()) {
    switch (reader_.Next(&item)) {
      case WireReader::Kind::kNeedMore:
        return;
      case WireReader::Kind::kMessage:
        if (item.subscription == kAcks) acks_.Add(item);
        if (item.subscription == kAnswers) answers_.Add(item);
        break;
      case WireReader::Kind::kPing:
        OnPing();
        break;
      case WireReader::Kind::kPong:
        greeted_ = true;
        break;
      case WireReader::Kind::kError:
        OnError(item.text);
        break;
      case WireReader::Kind::kOther:
        break;
      case WireReader::Kind::kBroken:
        return End("the server does not keep to the protocol");
    }
  }
}

void PlainConnection::OnPing() {
  if (++pongs_ > kMaxPongs) return End("the server sends PING without end");
  out_.append("PONG\r\n");
}

// The server keeps the connection open after an error about permissions, and closes it after any
// other.
void PlainConnection::OnError(std::string_view text) {
  if (strncasecmp(text.data(), kNotPermitted.data(), std::min(text.size(), kNotPermitted.size())) ==
      0) {
    refused_ = text.substr(0, kMaxRefusal);
  } else {
    End(std::string(text));
  }
}

void PlainConnection::End(const std::string& reason) {
  if (!end_.ok()) return;
  const bool refused = reason.find("Authorization") != std::string::npos ||
                       reason.find("Authentication") != std::string::npos;
  end_ = greeted_  ? ConnectionLost(NATS_CONNECTION_CLOSED, reason)
         : refused ? ConnectFailure(NATS_CONNECTION_AUTH_FAILED, reason, url())
                   : ConnectFailure(NATS_CONNECTION_CLOSED, reason, url());
}

Status PlainConnection::Check() const {
  if (!refused_.empty()) return NotPermitted(refused_);
  return end_;
}

Status PlainConnection::Publish(const Message& message, const std::string& reply,
                                std::string_view more_headers) {
  AppendPublish(message, reply, more_headers, &out_);
  return Status::Ok();
}

Status PlainConnection::Request(const std::string& subject, const std::string& body,
                                const std::string& reply) {
  if (!IsWireSubject(subject) || !IsWireSubject(reply)) return NotASubject(subject);
  AppendRequest(subject, body, reply, &out_);
  return Status::Ok();
}

void PlainConnection::Inbox::Add(const WireReader::Item& item) {
  entries_.push_back(
      {item.subject.size(), item.reply.size(), item.headers.size(), item.data.size()});
  bytes_.append(item.subject).append(item.reply).append(item.headers).append(item.data);
}

bool PlainConnection::Inbox::Next(PlainConnection& connection, Delivery* delivery) {
  if (next_entry_ == entries_.size()) return false;
  const Entry& entry = entries_[next_entry_++];
  const auto take = [this](size_t size) {
    const std::string_view part(bytes_.data() + next_byte_, size);
    next_byte_ += size;
    return part;
  };
  *delivery = {};
  delivery->address = connection.AddressOf(take(entry.subject));
  delivery->reply = take(entry.reply);
  connection.delivered_headers_ = take(entry.headers);
  delivery->data = take(entry.data);
  delivery->no_responders = entry.data == 0 && entry.headers > 0 &&
                            HeaderOf(connection.delivered_headers_, "Status") == kNobodyThere;
  return true;
}

void PlainConnection::Inbox::Reuse() {
  if (next_entry_ < entries_.size()) return;
  entries_.clear();
  bytes_.clear();
  next_entry_ = next_byte_ = 0;
}

}  // namespace fraiseql::nats
