// SPDX-License-Identifier: PostgreSQL
#include "nats/base/background_call.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>

#include "time_limit.h"

namespace fraiseql::nats {
namespace {

bool WaitFor(int fd, int ms = 5000) {
  pollfd readable = {fd, POLLIN, 0};
  return poll(&readable, 1, static_cast<int>(test::TimeLimit(ms))) == 1;
}

TEST(BackgroundCall, BringsStatusAndResultOfEachCall) {
  BackgroundCall<std::string> call;
  Status status;
  std::string result;
  EXPECT_FALSE(call.Finish(&status, &result));
  for (const char* text : {"one", "two"}) {
    ASSERT_TRUE(call.Start([text](std::string* out) {
                      *out = text;
                      return Status::Invalid("but");
                    })
                    .ok());
    EXPECT_TRUE(call.busy());
    ASSERT_TRUE(WaitFor(call.wake_fd()));
    ASSERT_TRUE(call.Finish(&status, &result));
    EXPECT_FALSE(call.busy());
    EXPECT_EQ(result, text);
    EXPECT_EQ(status.message(), "but");
    EXPECT_FALSE(WaitFor(call.wake_fd(), 0));
  }
}

TEST(BackgroundCall, RunsWithAllSignalsBlocked) {
  BackgroundCall<sigset_t> call;
  ASSERT_TRUE(call.Start([](sigset_t* mask) {
                    pthread_sigmask(SIG_SETMASK, nullptr, mask);
                    return Status::Ok();
                  })
                  .ok());
  ASSERT_TRUE(WaitFor(call.wake_fd()));
  Status status;
  sigset_t mask;
  ASSERT_TRUE(call.Finish(&status, &mask));
  for (const int signal : {SIGUSR1, SIGTERM, SIGHUP, SIGURG}) {
    EXPECT_EQ(sigismember(&mask, signal), 1) << signal;
  }
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);  // of the caller
}

TEST(BackgroundCall, TurnsAnExceptionIntoAStatus) {
  BackgroundCall<int> call;
  ASSERT_TRUE(call.Start([](int*) -> Status { throw std::runtime_error("odd"); }).ok());
  ASSERT_TRUE(WaitFor(call.wake_fd()));
  Status status;
  int result;
  ASSERT_TRUE(call.Finish(&status, &result));
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_EQ(status.message(), "odd");
}

// Whether the thread is gone shows in what it holds.
TEST(BackgroundCall, LeavesAnAbandonedThreadToEndByItself) {
  auto held = std::make_shared<EventFd>();
  const std::weak_ptr<EventFd> alive = held;
  {
    BackgroundCall<int> call;
    ASSERT_TRUE(call.Start([held](int*) {
                      WaitFor(held->fd());
                      return Status::Ok();
                    })
                    .ok());
    call.Abandon();
    EXPECT_FALSE(call.busy());
    ASSERT_TRUE(call.Start([held](int*) {
                      WaitFor(held->fd());
                      return Status::Ok();
                    })
                    .ok());
  }
  held->Raise();
  held.reset();
  for (int tries = 0; !alive.expired() && tries < test::TimeLimit(500); ++tries)
    poll(nullptr, 0, 10);
  EXPECT_TRUE(alive.expired());
}

}  // namespace
}  // namespace fraiseql::nats
