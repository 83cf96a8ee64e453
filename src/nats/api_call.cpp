// SPDX-License-Identifier: PostgreSQL
#include "nats/api_call.h"

#include <algorithm>

#include "nats/jetstream_client.h"
#include "nats/jetstream_error.h"

namespace fraiseql::nats {

ApiAnswer CallApi(JetStreamClient* js, const std::string& request, const Json& body,
                  std::string_view what) {
  ApiAnswer answer;
  std::string text;
  if (!body.is_null()) text = ToText(body);
  answer.status = js->Request("$JS.API." + request, text, &text);
  if (!answer.status.ok()) return answer;
  answer.body = ParseObject(text);
  if (!answer.body.is_object()) {
    answer.status =
        Status::Unavailable(std::string(what) + ": JetStream's answer is no JSON object");
    return answer;
  }
  const Json error = ObjectAt(answer.body, "error");
  if (error.empty()) return answer;
  const std::string description = TextAt(error, "description");
  JetStreamError found;
  found.code = static_cast<int>(IntegerAt(error, "code"));
  found.err_code = answer.err_code = static_cast<int>(IntegerAt(error, "err_code"));
  found.description = description;
  answer.status = ToStatus(found, what);
  return answer;
}

std::string ToText(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

Json ParseObject(std::string_view text) {
  Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_object() ? parsed : Json();
}

std::string TextAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t IntegerAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

uint64_t CountAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

bool FlagAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

Json ObjectAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : Json::object();
}

Status CheckName(std::string_view kind, const std::string& name) {
  const bool valid = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c < 127 && std::string_view(".*>/\\").find(c) == std::string_view::npos;
  });
  if (valid) return Status::Ok();
  return Status::Invalid(std::string(kind) + " name \"" + name + "\" is invalid",
                         "Use letters, digits, \"_\" and \"-\".");
}

std::string StreamNamed(const std::string& stream) { return "stream \"" + stream + "\""; }

std::string ConsumerNamed(const std::string& stream, const std::string& consumer) {
  return "consumer \"" + consumer + "\" of stream \"" + stream + "\"";
}

}  // namespace fraiseql::nats
