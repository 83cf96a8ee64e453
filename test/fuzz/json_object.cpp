// SPDX-License-Identifier: PostgreSQL
// Payloads of notifications, which are added to if they are JSON objects.
#include "core/base/json_object.h"

#include <nlohmann/json.hpp>
#include <string>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  const std::string_view payload = TextOf(data, size);
  const JsonObject found = ScanJsonObject(payload);
  const auto parsed = nlohmann::json::parse(payload, nullptr, false);
  // Only text in UTF-8 that is not nested too deeply is for both to judge.
  if (parsed.is_object() && found.valid) {
    MUST(found.empty == parsed.empty());
    MUST(!found.has_type || parsed.contains("type"));
    MUST(!found.has_timestamp || parsed.contains("timestamp"));
  }
  std::string enriched;
  AppendEnriched(payload, "order.created", "2026-01-15T10:30:00Z", &enriched);
  if (!found.valid) {
    MUST(enriched == payload);
  } else if (parsed.is_object()) {
    const auto now = nlohmann::json::parse(enriched, nullptr, false);
    MUST(now.is_object() && now.contains("type") && now.contains("timestamp"));
    for (const auto& [key, value] : parsed.items()) MUST(now.at(key) == value);
  }
  return 0;
}
