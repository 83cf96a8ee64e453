// SPDX-License-Identifier: PostgreSQL
// Headers as they stand in the protocol and in a stream.
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/header_json.h"
#include "core/change/message.h"
#include "fuzz.h"
#include "nats/jetstream/stored_message.h"
#include "nats/connection/wire_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  const std::string_view block = TextOf(data, size);
  for (const char* name : {"Status", "Description", "Nats-Msg-Id", "A", ""}) {
    const std::string_view value = nats::HeaderOf(block, name);
    MUST(value.find("\r\n") == std::string_view::npos);
  }
  const std::string lines = nats::ReadHeaderBlock(block);
  MUST(lines.empty() || lines.substr(lines.size() - 2) == "\r\n");
  for (const std::string_view headers : {std::string_view(lines), block}) {
    (void)FindHeader(headers, "Nats-Msg-Id");
    std::string json;
    AppendHeadersAsJson(headers, &json);
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    // Only bytes that are no UTF-8 may spoil it.
    MUST(parsed.is_object() ||
         nlohmann::json(std::string(block))
                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) !=
             nlohmann::json(std::string(block))
                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore));
  }
  return 0;
}
