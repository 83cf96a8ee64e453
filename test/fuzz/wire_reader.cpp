// SPDX-License-Identifier: PostgreSQL
// The NATS protocol as it comes from a server: the first byte says in which steps.
#include "nats/connection/wire_reader.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz.h"

namespace fraiseql::nats {
namespace {

using Kind = WireReader::Kind;

constexpr size_t kMaxMessage = 4096;

// What there is in `text`, arriving `step` bytes at a time.
std::vector<std::string> Read(std::string_view text, size_t step) {
  WireReader reader(kMaxMessage);
  WireReader::Item item;
  std::vector<std::string> seen;
  for (size_t at = 0; at < text.size(); at += step) {
    const size_t size = std::min(step, text.size() - at);
    std::memcpy(reader.Space(size), text.data() + at, size);
    reader.Added(size);
    for (Kind kind; (kind = reader.Next(&item)) != Kind::kNeedMore;) {
      std::string line(1, static_cast<char>(kind));
      if (kind == Kind::kMessage) {
        for (const auto part : {item.subject, item.reply, item.headers, item.data}) {
          line.append(part).push_back('|');
        }
        MUST(item.headers.size() + item.data.size() <= kMaxMessage);
      } else if (kind == Kind::kError) {
        line.append(item.text);
      }
      seen.push_back(line);
      if (kind == Kind::kBroken) return seen;
      MUST(seen.size() <= text.size());
    }
  }
  return seen;
}

}  // namespace
}  // namespace fraiseql::nats

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = fraiseql::TextOf(data, size);
  const size_t step = 1 + fraiseql::TakeByte(&text) % 16;
  MUST(fraiseql::nats::Read(text, step) == fraiseql::nats::Read(text, text.size() + 1));
  return 0;
}
