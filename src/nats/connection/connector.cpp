// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/connector.h"

#include <nats/nats.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <system_error>
#include <utility>

#include "nats/base/blocked_signals.h"
#include "nats/connection/nats_status.h"

namespace fraiseql::nats {

namespace {

// Postgres does not use this signal, and it is sent only to a thread of ours.
int InterruptSignal() { return SIGRTMIN; }

// The handler does nothing; without SA_RESTART the signal interrupts a blocking call.
void HandleInterrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(InterruptSignal(), &action, nullptr);
}

void Unblock(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

Connector::Connector() : wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Connector::~Connector() {
  const BlockedSignals blocked;
  while (busy_ && !over_) {
    Interrupt();
    usleep(1000);
  }
  if (busy_) pthread_join(thread_, nullptr);
  old_.reset();
  made_.reset();
  if (wake_fd_ >= 0) close(wake_fd_);
}

Status Connector::Start(const BrokerSettings& settings, std::unique_ptr<Connection> old) {
  const BlockedSignals blocked;  // inherited by the thread and by those that nats.c starts from it
  settings_ = settings;
  old_ = std::move(old);
  over_ = interrupted_ = false;
  HandleInterrupt();
  if (wake_fd_ < 0) return Status::Unavailable("cannot connect to NATS: no file descriptor left");
  const int error = pthread_create(&thread_, nullptr, Run, this);
  if (error != 0) {
    return Status::Unavailable("cannot connect to NATS: cannot start a thread: " +
                               std::generic_category().message(error));
  }
  busy_ = true;
  return Status::Ok();
}

void* Connector::Run(void* self) {
  auto* const attempt = static_cast<Connector*>(self);
  attempt->old_.reset();
  nats_Open(-1);  // it starts its threads while this one blocks all signals
  {
    const BlockedSignals others;
    Unblock(InterruptSignal());
    attempt->status_ = Connection::Connect(attempt->settings_, &attempt->made_);
  }
  attempt->over_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(attempt->wake_fd_, &one, sizeof(one));
  return nullptr;
}

void Connector::Interrupt() {
  if (!busy_ || over_) return;
  interrupted_ = true;
  pthread_kill(thread_, InterruptSignal());
}

bool Connector::Finish(Status* status, std::unique_ptr<Connection>* connection) {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof(count));
  if (!busy_ || !over_) return false;
  pthread_join(thread_, nullptr);
  busy_ = false;
  *status = std::move(status_);
  if (interrupted_ && !status->ok()) *status = ConnectTimeout(settings_.url);
  *connection = std::move(made_);
  return true;
}

}  // namespace fraiseql::nats
