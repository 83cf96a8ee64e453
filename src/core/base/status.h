// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace fraiseql {

// How the caller handles a failure; the text is for people, the code for programs.
enum class StatusCode : uint8_t {
  kOk,
  kInvalid,      // the input or a setting is wrong: fails until it is changed
  kUnavailable,  // a foreseen failure outside: try again later, in the same order
  kRejected,     // this one message can never be stored as it is
  kInternal,     // an internal error
};

// A failure as a value.  `message` is the error, `hint` (may be empty) the remedy; both follow the
// Postgres message style, so that they can be passed to ereport unchanged.
class Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message, std::string hint = {})
      : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

  static Status Ok() { return {}; }
  static Status Invalid(std::string message, std::string hint = {}) {
    return {StatusCode::kInvalid, std::move(message), std::move(hint)};
  }
  static Status Unavailable(std::string message, std::string hint = {}) {
    return {StatusCode::kUnavailable, std::move(message), std::move(hint)};
  }
  static Status Rejected(std::string message, std::string hint = {}) {
    return {StatusCode::kRejected, std::move(message), std::move(hint)};
  }
  static Status Internal(std::string message) {
    return {StatusCode::kInternal, std::move(message)};
  }

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
  std::string hint_;
};

}  // namespace fraiseql
