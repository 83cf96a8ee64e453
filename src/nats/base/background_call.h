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

// Lets an owner that must not wait make a call that blocks: on a thread that lives for this one
// call and is born with all signals blocked.  The owner waits for wake_fd() and collects the
// result.
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
// The function owns all it uses (capture by value), for an owner that goes away does not wait: the
// thread then goes on by itself to the call's end, and what it brings is thrown away.
template <typename Result>
class BackgroundCall {
 public:
  using Function = std::function<Status(Result*)>;

  BackgroundCall() = default;
  ~BackgroundCall() { Abandon(); }
  BackgroundCall(const BackgroundCall&) = delete;
  BackgroundCall& operator=(const BackgroundCall&) = delete;

  // Readable when a call is over; the same for all calls.  -1: there was no file descriptor left.
  int wake_fd() const { return wake_->fd(); }

  bool busy() const { return call_ != nullptr; }

  // REQUIRES: !busy().  Not ok: there is no thread, and nothing to finish.
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

  // To be called when wake_fd() is readable.  False if no call is over; else what it returned.
  bool Finish(Status* status, Result* result) {
    wake_->Clear();
    if (!call_ || !call_->over) return false;
    thread_.join();
    *status = std::move(call_->status);
    *result = std::move(call_->result);
    call_.reset();
    return true;
  }

  // Forgets the call under way, if there is one.
  void Abandon() {
    if (call_) thread_.detach();
    call_.reset();
  }

 private:
  struct Call {
    Function function;
    Result result{};
    Status status;
    std::atomic<bool> over{false};  // function, result and status are the thread's until then
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
