// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "nats/connection/wire_reader.h"

namespace fraiseql::nats {

// Of a message that is larger than it may be.
constexpr char kTooLarge[] = "too large";

// What there is in `text`, arriving `step` bytes at a time; one line for each thing: its kind, and
// for a message " subscription|subject|reply|headers|data", for an error its text.
inline std::vector<std::string> ReadItems(std::string_view text, size_t step, size_t max_message) {
  using Kind = WireReader::Kind;
  WireReader reader(max_message);
  WireReader::Item item;
  std::vector<std::string> seen;
  for (size_t at = 0; at < text.size(); at += step) {
    const size_t size = std::min(step, text.size() - at);
    std::memcpy(reader.Space(size), text.data() + at, size);
    reader.Added(size);
    for (Kind kind; (kind = reader.Next(&item)) != Kind::kNeedMore;) {
      std::string line = std::to_string(static_cast<int>(kind));
      if (kind == Kind::kMessage) {
        line += " " + std::to_string(item.subscription);
        for (const auto part : {item.subject, item.reply, item.headers, item.data}) {
          line.append("|").append(part);
        }
        if (item.headers.size() + item.data.size() > max_message) line = kTooLarge;
      } else if (kind == Kind::kError) {
        line.append(" ").append(item.text);
      }
      seen.push_back(line);
      if (kind == Kind::kBroken) return seen;
    }
  }
  return seen;
}

}  // namespace fraiseql::nats
