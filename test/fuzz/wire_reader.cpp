// SPDX-License-Identifier: PostgreSQL
// The NATS protocol as it comes from a server: the first byte says in which steps.
#include "../nats/wire_items.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using fraiseql::nats::ReadItems;
  constexpr size_t kMaxMessage = 4096;
  std::string_view text = fraiseql::TextOf(data, size);
  const size_t step = 1 + fraiseql::TakeByte(&text) % 16;
  const std::vector<std::string> seen = ReadItems(text, step, kMaxMessage);
  MUST(seen.size() <= text.size());
  for (const std::string& line : seen) MUST(line != fraiseql::nats::kTooLarge);
  MUST(seen == ReadItems(text, text.size() + 1, kMaxMessage));
  return 0;
}
