// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "core/base/status.h"
#include "nats/base/blocked_signals.h"
#include "nats/base/event_fd.h"

namespace fraiseql::nats {

// Runs a blocking call for an owner that must not wait, on a thread that lives for this one call
// and starts with all signals blocked.  The owner waits for wake_fd() and collects the result.
//
//   BackgroundCall<std::vector<ConsumerInfo>> call;
//   call.Start([broker, stream](std::vector<ConsumerInfo>* consumers) {
//     return WithJetStream(broker, [&](JetStreamClient* js) {
//       return ListConsumers(js, stream, consumers);
//     });
//   });
//   ... wake_fd() is readable:
//   if (call.Finish(&status, &consumers)) ...
//
// The function owns all it uses (capture by value), because a destroyed owner does not wait: the
// thread then continues to the end of the call, and its result is discarded.
template <typename Result>
class BackgroundCall {
 public:
  using Function = std::function<Status(Result*)>;

  BackgroundCall() = default;
  ~BackgroundCall() { Abandon(); }
  BackgroundCall(const BackgroundCall&) = delete;
  BackgroundCall& operator=(const BackgroundCall&) = delete;

  // Readable when a call has ended; the same for all calls.  -1: no file descriptor was available.
  int wake_fd() const { return wake_->fd(); }

  bool busy() const { return call_ != nullptr; }

  // REQUIRES: !busy().  Not ok: no thread could be started, and there is nothing to finish.
  Status Start(Function function) {
    if (wake_fd() < 0) return Status::Unavailable("cannot start a thread: no file descriptor left");
    auto call = std::make_shared<Call>();
    call->function = std::move(function);
    const BlockedSignals blocked;  // inherited by the thread
    try {
      thread_ = std::thread([call, wake = wake_] { Run(call.get(), wake.get()); });
    } catch (const std::system_error& error) {
      return Status::Unavailable(std::string("cannot start a thread: ") + error.what());
    }
    call_ = std::move(call);
    return Status::Ok();
  }

  // To be called when wake_fd() is readable.  False if no call has ended; else the call's result.
  bool Finish(Status* status, Result* result) {
    wake_->Clear();
    if (!call_ || !call_->over) return false;
    thread_.join();
    *status = std::move(call_->status);
    *result = std::move(call_->result);
    call_.reset();
    return true;
  }

  // Abandons the call under way, if there is one.
  void Abandon() {
    if (call_) thread_.detach();
    call_.reset();
  }

 private:
  struct Call {
    Function function;
    Result result{};
    Status status;
    std::atomic<bool> over{false};  // the thread owns function, result and status until then
  };

  static void Run(Call* call, EventFd* wake) {
    try {
      call->status = call->function(&call->result);
    } catch (const std::exception& error) {
      call->status = Status::Internal(error.what());
    }
    call->function = nullptr;
    call->over = true;
    wake->Raise();
  }

  const std::shared_ptr<EventFd> wake_ = std::make_shared<EventFd>();
  std::shared_ptr<Call> call_;
  std::thread thread_;
};

}  // namespace fraiseql::nats
