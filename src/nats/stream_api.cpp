// SPDX-License-Identifier: PostgreSQL
#include "nats/stream_api.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "nats/jetstream_error.h"

namespace fraiseql::nats {

namespace {

using Json = nlohmann::json;

std::string Subject(std::string_view request, std::string_view stream) {
  return std::string("$JS.API.STREAM.").append(request).append(".").append(stream);
}

int IntegerAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int>() : 0;
}

std::string_view StringAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

}  // namespace

std::string StreamInfoSubject(std::string_view stream) { return Subject("INFO", stream); }

std::string StreamCreateSubject(std::string_view stream) { return Subject("CREATE", stream); }

std::string StreamConfig(const StreamSettings& settings) {
  const Json config = {
      {"name", settings.name},
      {"subjects", settings.subjects},
      {"retention", "limits"},
      {"discard", settings.discard_new ? "new" : "old"},
      {"max_age", int64_t{settings.max_age_s} * 1000000000},
      {"max_bytes", settings.max_bytes},
      {"max_msgs", settings.max_messages},
      {"storage", settings.storage == Storage::kMemory ? "memory" : "file"},
      {"num_replicas", settings.replicas},
      {"duplicate_window", int64_t{settings.duplicate_window_s} * 1000000000},
  };
  return config.dump(-1, ' ', true, Json::error_handler_t::replace);
}

ApiReply ParseApiReply(std::string_view data, std::string_view what) {
  const Json reply = Json::parse(data, nullptr, /*allow_exceptions=*/false);
  if (!reply.is_object()) {
    return {false,
            Status::Unavailable(std::string(what) + ": JetStream's answer is no JSON object")};
  }
  const auto error = reply.find("error");
  if (error == reply.end() || !error->is_object()) return {};
  JetStreamError found;
  found.code = IntegerAt(*error, "code");
  found.err_code = IntegerAt(*error, "err_code");
  found.description = StringAt(*error, "description");
  return {found.err_code == kStreamNotFound, ToStatus(found, what)};
}

bool IsBeingMade(std::string_view created) {
  constexpr std::string_view kGoZeroTime = "0001-01-01T00:00:00Z";
  return created == kGoZeroTime;
}

Status StillBeingMade(std::string_view what) {
  return Status::Unavailable(std::string(what) + " is just being made by somebody else",
                             "If this lasts, the NATS server's disk may be slow or full.");
}

StreamState ParseStreamState(std::string_view data) {
  const Json reply = Json::parse(data, nullptr, /*allow_exceptions=*/false);
  StreamState state;
  if (!reply.is_object()) return state;
  state.created = StringAt(reply, "created");
  const Json config = reply.value("config", Json::object());
  const Json stream = reply.value("state", Json::object());
  state.replicas = std::max(1, IntegerAt(config, "num_replicas"));
  state.keeps_consumed = StringAt(config, "retention") == "limits";
  const auto last = stream.find("last_seq");
  if (last != stream.end() && last->is_number_unsigned()) {
    state.last_sequence = last->get<uint64_t>();
  }
  return state;
}

int ParseApiLevel(std::string_view data) {
  const Json reply = Json::parse(data, nullptr, /*allow_exceptions=*/false);
  return reply.is_object() ? IntegerAt(reply.value("api", Json::object()), "level") : 0;
}

}  // namespace fraiseql::nats
