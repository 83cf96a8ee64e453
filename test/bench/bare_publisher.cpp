// SPDX-License-Identifier: PostgreSQL
//
// The limit that the extension is measured against: what this machine's JetStream takes from a
// publisher that has nothing else to do.  nats.c's core calls on one thread in an event loop, an
// acknowledgement for each message to an inbox of our own, a window like the extension's.
//
//   bare_publisher URL SUBJECT SUBJECTS HEADERS-FILE PAYLOAD-FILE COUNT
//
// Publishes COUNT times the headers (lines as on the wire, without Nats-Msg-Id) and the payload of
// the two files, each with a Nats-Msg-Id of its own, which no other process gives, in turn to
// SUBJECTS subjects: "*" in SUBJECT is their number.  Prints the processor time that it took, in
// microseconds for each message.  Fails if one of the messages is not stored.
#include <nats/nats.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

constexpr long kWindow = 4096;
constexpr int kMaxUnsent = 128 * 1024;

void Check(natsStatus status, const char* what) {
  if (status == NATS_OK) return;
  std::fprintf(stderr, "bare_publisher: %s: %s\n", what, natsStatus_GetText(status));
  std::exit(1);
}

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What nats.c wants to wait for, told to epoll.
struct EventLoop {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int socket = -1;
  bool wants_read = true;
  bool wants_write = false;

  void Tell(int operation) {
    epoll_event event{};
    event.events = (wants_read ? EPOLLIN : 0u) | (wants_write ? EPOLLOUT : 0u);
    epoll_ctl(epoll, operation, socket, &event);
  }

  static natsStatus Attach(void** user_data, void* loop, natsConnection*, natsSock socket) {
    auto* self = static_cast<EventLoop*>(loop);
    self->socket = socket;
    self->Tell(EPOLL_CTL_ADD);
    *user_data = loop;
    return NATS_OK;
  }
  static natsStatus Read(void* user_data, bool add) {
    auto* self = static_cast<EventLoop*>(user_data);
    self->wants_read = add;
    self->Tell(EPOLL_CTL_MOD);
    return NATS_OK;
  }
  static natsStatus Write(void* user_data, bool add) {
    auto* self = static_cast<EventLoop*>(user_data);
    if (self->wants_write == add) return NATS_OK;
    self->wants_write = add;
    self->Tell(EPOLL_CTL_MOD);
    return NATS_OK;
  }
  static natsStatus Detach(void*) { return NATS_OK; }
};

class BarePublisher {
 public:
  BarePublisher(const char* url, std::vector<std::string> subjects, std::string headers,
                std::string payload)
      : subjects_(std::move(subjects)), payload_(std::move(payload)) {
    natsOptions* options = nullptr;
    Check(natsOptions_Create(&options), "options");
    Check(natsOptions_SetURL(options, url), "url");
    Check(natsOptions_SetEventLoop(options, &loop_, EventLoop::Attach, EventLoop::Read,
                                   EventLoop::Write, EventLoop::Detach),
          "event loop");
    Check(natsOptions_SetSendAsap(options, true), "options");
    Check(natsOptions_SetPingInterval(options, 0), "options");
    Check(natsOptions_SetAllowReconnect(options, false), "options");
    Check(natsConnection_Connect(&connection_, options), "connect");
    natsInbox* inbox = nullptr;
    Check(natsInbox_Create(&inbox), "inbox");
    inbox_ = inbox + std::string(".");
    natsInbox_Destroy(inbox);
    Check(natsConnection_SubscribeSync(&acks_, connection_, (inbox_ + "*").c_str()), "subscribe");
    Check(natsSubscription_SetPendingLimits(acks_, -1, -1), "limits");
    SplitHeaders(std::move(headers));
  }

  void Publish(long count) {
    while (acked_ < count) {
      while (CanSend(count)) Send(++sent_);
      if (loop_.wants_write) natsConnection_ProcessWriteEvent(connection_);
      epoll_event event{};
      if (epoll_wait(loop_.epoll, &event, 1, CanSend(count) ? 0 : 10000) > 0) {
        if (event.events & ~static_cast<unsigned>(EPOLLOUT)) {
          natsConnection_ProcessReadEvent(connection_);
        }
        if (event.events & EPOLLOUT) natsConnection_ProcessWriteEvent(connection_);
      } else if (!CanSend(count)) {
        Check(NATS_TIMEOUT, "no acknowledgement");
      }
      TakeAcks();
    }
  }

 private:
  // Setting six headers through the library costs more than all the rest of a publish, and would
  // make the limit lower than it is.  It writes "<name>: <value>" without a look at the name, so
  // that all lines go in as one.
  void SplitHeaders(std::string headers) {
    headers.resize(headers.size() - 2);  // the library ends the last line
    const size_t last_line = headers.rfind("\r\n");
    const size_t colon = headers.find(": ", last_line);
    names_ = headers.substr(0, colon);
    last_value_ = headers.substr(colon + 2);
  }

  bool CanSend(long count) const {
    return sent_ < count && sent_ - acked_ < kWindow &&
           natsConnection_Buffered(connection_) < kMaxUnsent;
  }

  void Send(long number) {
    char id[64];
    std::snprintf(id, sizeof(id), "Nats-Msg-Id: 7000000000000000000.%05d.%016lX.1\r\n", process_,
                  number);
    lines_.assign(id).append(names_);
    const std::string reply = inbox_ + std::to_string(number);
    natsMsg* message = nullptr;
    const std::string& subject = subjects_[static_cast<size_t>(number) % subjects_.size()];
    Check(natsMsg_Create(&message, subject.c_str(), reply.c_str(), payload_.data(),
                         static_cast<int>(payload_.size())),
          "message");
    Check(natsMsgHeader_Set(message, lines_.c_str(), last_value_.c_str()), "headers");
    Check(natsConnection_PublishMsg(connection_, message), "publish");
    natsMsg_Destroy(message);
  }

  void TakeAcks() {
    uint64_t ready = 0;
    Check(natsSubscription_QueuedMsgs(acks_, &ready), "acknowledgements");
    for (; ready > 0; --ready) {
      natsMsg* ack = nullptr;
      Check(natsSubscription_NextMsg(&ack, acks_, 0), "acknowledgement");
      const long number = std::atol(natsMsg_GetSubject(ack) + inbox_.size());
      const std::string_view data(natsMsg_GetData(ack),
                                  static_cast<size_t>(natsMsg_GetDataLength(ack)));
      const auto has = [data](const char* name) {
        return data.find(name) != std::string_view::npos;
      };
      // A refusal may have a sequence number as well.
      if (number != acked_ + 1 || !has("\"seq\":") || has("\"error\"") || has("\"duplicate\"")) {
        std::fprintf(stderr, "bare_publisher: message %ld: %.*s\n", number,
                     static_cast<int>(data.size()), data.data());
        std::exit(1);
      }
      acked_ = number;
      natsMsg_Destroy(ack);
    }
  }

  EventLoop loop_;
  natsConnection* connection_ = nullptr;
  natsSubscription* acks_ = nullptr;
  std::string inbox_;
  const std::vector<std::string> subjects_;
  const std::string payload_;
  std::string names_;
  std::string last_value_;
  std::string lines_;
  const int process_ = getpid();
  long sent_ = 0;
  long acked_ = 0;
};

double ProcessorMicroseconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

std::vector<std::string> Subjects(const std::string& pattern, int count) {
  const size_t star = pattern.find('*');
  if (star == std::string::npos) {
    if (count > 1) Check(NATS_INVALID_SUBJECT, "several subjects without a \"*\"");
    return {pattern};
  }
  std::vector<std::string> subjects;
  for (int i = 0; i < count; ++i) {
    subjects.push_back(pattern.substr(0, star) + std::to_string(i) + pattern.substr(star + 1));
  }
  return subjects;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr,
                 "usage: bare_publisher URL SUBJECT SUBJECTS HEADERS-FILE PAYLOAD-FILE COUNT\n");
    return 2;
  }
  const long count = std::atol(argv[6]);
  BarePublisher publisher(argv[1], Subjects(argv[2], std::atoi(argv[3])), ReadFile(argv[4]),
                          ReadFile(argv[5]));
  const double before = ProcessorMicroseconds();
  publisher.Publish(count);
  std::printf("%.3f\n", (ProcessorMicroseconds() - before) / static_cast<double>(count));
  std::fflush(stdout);
  std::_Exit(0);  // the library would wait for a connection that nobody reads
}
