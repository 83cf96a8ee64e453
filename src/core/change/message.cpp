// SPDX-License-Identifier: PostgreSQL
#include "core/change/message.h"

#include <algorithm>

#include "core/base/ascii.h"
#include "core/base/number.h"

namespace fraiseql {

void ClearBuffer(std::string* buffer) {
  if (buffer->capacity() > kKeptBufferBytes) {
    std::string().swap(*buffer);
  } else {
    buffer->clear();
  }
}

void Message::Clear() {
  position = {};
  commit_time_us = 0;
  attempts = 0;
  observer.clear();
  counts = nullptr;
  ClearBuffer(&subject);
  ClearBuffer(&headers);
  ClearBuffer(&payload);
}

bool IsReservedHeader(std::string_view name) {
  for (const std::string_view prefix : {"Nats-", "Fraiseql-"}) {
    if (EqualsIgnoringCase(name.substr(0, prefix.size()), prefix)) return true;
  }
  // A client treats a message with these headers as a reply of the server.
  return EqualsIgnoringCase(name, "Status") || EqualsIgnoringCase(name, "Description");
}

bool IsHeaderBlock(std::string_view headers) {
  while (!headers.empty()) {
    const size_t end = headers.find("\r\n");
    const size_t colon = headers.find(": ");
    if (end == std::string_view::npos || colon == std::string_view::npos || colon > end ||
        !IsHeaderName(headers.substr(0, colon)) ||
        !IsHeaderValue(headers.substr(colon + 2, end - colon - 2))) {
      return false;
    }
    headers.remove_prefix(end + 2);
  }
  return true;
}

bool IsHeaderName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return c > ' ' && c < 127 && c != ':'; });
}

bool IsHeaderValue(std::string_view value) {
  return std::none_of(value.begin(), value.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void AppendHeaderValue(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (c == '\r' || c == '\n' || c == '\0' || c == '%') {
      out->push_back('%');
      AppendHex(static_cast<unsigned char>(c), 2, out);
    } else {
      out->push_back(c);
    }
  }
}

std::string_view FindHeader(std::string_view headers, std::string_view name) {
  while (!headers.empty()) {
    const size_t end = headers.find("\r\n");
    const std::string_view line = headers.substr(0, end);
    if (line.size() > name.size() + 1 && line.substr(0, name.size()) == name &&
        line.substr(name.size(), 2) == ": ") {
      return line.substr(name.size() + 2);
    }
    if (end == std::string_view::npos) break;
    headers.remove_prefix(end + 2);
  }
  return {};
}

std::string_view MessageIdOf(std::string_view headers) {
  const std::string_view id = FindHeader(headers, "Nats-Msg-Id");
  return id.empty() ? FindHeader(headers, "Fraiseql-Id") : id;
}

}  // namespace fraiseql
