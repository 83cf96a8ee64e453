// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/change/observer_counts.h"
#include "core/change/position.h"

namespace fraiseql {

// The greatest max_payload that a NATS server allows: no message can be larger.
constexpr size_t kMaxMessageBytes = 64 << 20;

// Buffers that have grown beyond this are freed after their use.
constexpr size_t kKeptBufferBytes = 1 << 20;
void ClearBuffer(std::string* buffer);

// One message for the broker, built once in buffers that are reused.
struct Message {
  Position position;
  int64_t commit_time_us = 0;        // of its transaction, since 1970-01-01 UTC
  uint32_t attempts = 0;             // how often the broker has refused it for good before
  std::string observer;              // that selected it; empty: it was published by publish()
  ObserverCounts* counts = nullptr;  // of the observer; null: they are not counted.  Not owned
  std::string subject;
  std::string headers;  // lines "Name: value\r\n", as on the wire
  std::string payload;

  void Clear();

  // REQUIRES: IsHeaderName(name) and IsHeaderValue(value).
  void AddHeader(std::string_view name, std::string_view value) {
    headers.append(name).append(": ").append(value).append("\r\n");
  }

  size_t size() const { return subject.size() + headers.size() + payload.size(); }
};

// The characters that NATS allows in a header (ADR-4): printable ASCII without ':' and space in a
// name, no line break and no NUL in a value.
bool IsHeaderName(std::string_view name);
bool IsHeaderValue(std::string_view value);

// Whether only the extension may set this header: NATS servers or clients act on it, or it is one
// of the extension's own.
bool IsReservedHeader(std::string_view name);

// Whether the text consists of lines "Name: value\r\n" with such names and values only; it may be
// empty.
bool IsHeaderBlock(std::string_view headers);

// Appends any text as a header's value: line breaks, NUL and '%' are percent-encoded.
void AppendHeaderValue(std::string_view text, std::string* out);

// The value of the first header with this name (compared exactly), or an empty view.
std::string_view FindHeader(std::string_view headers, std::string_view name);

// The id of a message of ours: its Nats-Msg-Id, or else its Fraiseql-Id; empty if it has neither.
std::string_view MessageIdOf(std::string_view headers);

}  // namespace fraiseql
