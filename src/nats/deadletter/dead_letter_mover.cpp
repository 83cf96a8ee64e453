// SPDX-License-Identifier: PostgreSQL
#include "nats/deadletter/dead_letter_mover.h"

#include <poll.h>

#include <exception>
#include <mutex>
#include <utility>

#include "core/base/backoff.h"
#include "nats/base/clock.h"
#include "nats/deadletter/dead_letter_session.h"
#include "nats/base/event_fd.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kMinBackoffMs = 250;
constexpr int64_t kMaxBackoffMs = 30000;
constexpr int kStopMs = 400;

void WaitFor(int fd, int64_t ms) {
  pollfd readable = {fd, POLLIN, 0};
  poll(&readable, 1, static_cast<int>(ms));
}

}  // namespace

struct DeadLetterMover::Shared {
  EventFd cancel;
  mutable std::mutex mutex;
  Snapshot snapshot;  // guarded by mutex

  Snapshot Get() const {
    const std::lock_guard<std::mutex> lock(mutex);
    return snapshot;
  }
  void Set(const Snapshot& now) {
    const std::lock_guard<std::mutex> lock(mutex);
    snapshot = now;
  }

  // The function of the thread.
  void Run(const BrokerSettings& broker, const DeadLetterSettings& settings) {
    ServerList servers(broker);
    Backoff backoff(kMinBackoffMs, kMaxBackoffMs);
    while (!cancel.raised()) {
      Snapshot now = Get();
      Status status;
      try {
        status = RunSession(&servers, settings, &now, &backoff);
      } catch (const std::exception& error) {
        status = Status::Internal(error.what());
      }
      now.connected = false;
      if (!cancel.raised()) now.trouble = std::move(status);
      Set(now);
      WaitFor(cancel.fd(), backoff.Next());
    }
  }

  // Runs until the session fails or is cancelled.
  Status RunSession(ServerList* servers, const DeadLetterSettings& settings, Snapshot* now,
                    Backoff* backoff) {
    DeadLetterSession session(settings);
    Status status = session.Open(servers, &cancel);
    if (!status.ok()) return status;
    now->connected = true;
    now->trouble = Status::Ok();
    while (status.ok()) {
      Set(*now);
      status = session.RunOnce(now);
      if (status.ok()) backoff->Reset();
    }
    return status;
  }
};

DeadLetterMover::DeadLetterMover() : shared_(std::make_shared<Shared>()) {}

DeadLetterMover::~DeadLetterMover() { Stop(); }

Status DeadLetterMover::Start(BrokerSettings broker, DeadLetterSettings settings) {
  auto shared = std::make_shared<Shared>();  // an earlier thread may still use the old one
  shared->snapshot = snapshot();
  if (shared->cancel.fd() < 0) {
    return Status::Unavailable("cannot start a thread: no file descriptor left");
  }
  shared_ = shared;
  return call_.Start(
      [shared, broker = std::move(broker), settings = std::move(settings)](std::monostate*) {
        shared->Run(broker, settings);
        return Status::Ok();
      });
}

void DeadLetterMover::Stop() {
  if (!call_.busy()) return;
  shared_->cancel.Raise();
  Status status;
  std::monostate none;
  const int64_t end = SteadyMs() + kStopMs;
  for (int64_t left = kStopMs; left > 0; left = end - SteadyMs()) {
    WaitFor(call_.wake_fd(), left);
    if (call_.Finish(&status, &none)) return;
  }
  call_.Abandon();
}

DeadLetterMover::Snapshot DeadLetterMover::snapshot() const { return shared_->Get(); }

}  // namespace fraiseql::nats
