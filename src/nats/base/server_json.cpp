// SPDX-License-Identifier: PostgreSQL
#include "nats/base/server_json.h"

#include <limits>

#include "core/base/foreign_text.h"
#include "core/pipeline/stream_mark.h"

namespace fraiseql::nats {

namespace {

// Counts the brackets and commas outside of strings.  For a text that is not JSON the result may be
// wrong, but it is right up to the point where the parser stops.
bool IsWithinLimits(std::string_view text) {
  int depth = 0;
  size_t values = 0;
  bool in_string = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth || ++values > kMaxJsonValues) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ',') {
      if (++values > kMaxJsonValues) return false;
    }
  }
  return true;
}

// Null if there is no such member.
const Json* Find(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() ? &*found : nullptr;
}

}  // namespace

std::string ToText(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

Json ParseObject(std::string_view text) {
  if (!IsWithinLimits(text)) return {};
  Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_object() ? parsed : Json();
}

std::string Word(std::string_view text) {
  return IsPlainText(text, kMaxName) ? std::string(text) : ForeignText(text);
}

std::string TextAt(const Json& object, const char* key) { return Word(DataAt(object, key)); }

std::vector<std::string> ListAt(const Json& object, const char* key) {
  std::vector<std::string> texts;
  const Json* found = Find(object, key);
  if (found == nullptr || !found->is_array()) return texts;
  for (const Json& text : *found) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

std::string_view DataAt(const Json& object, const char* key) {
  const Json* found = Find(object, key);
  if (found == nullptr || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

int64_t IntegerAt(const Json& object, const char* key) {
  const Json* found = Find(object, key);
  if (found == nullptr || !found->is_number_integer()) return 0;
  if (!found->is_number_unsigned()) return found->get<int64_t>();
  return static_cast<int64_t>(CountAt(object, key));
}

int SmallIntegerAt(const Json& object, const char* key) {
  const int64_t number = IntegerAt(object, key);
  const bool small =
      number >= std::numeric_limits<int>::min() && number <= std::numeric_limits<int>::max();
  return small ? static_cast<int>(number) : 0;
}

uint64_t CountAt(const Json& object, const char* key) {
  const Json* found = Find(object, key);
  if (found == nullptr || !found->is_number_unsigned()) return 0;
  const auto count = found->get<uint64_t>();
  return count <= kMaxStreamSequence ? count : 0;
}

bool FlagAt(const Json& object, const char* key) {
  const Json* found = Find(object, key);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

Json ObjectAt(const Json& object, const char* key) {
  const Json* found = Find(object, key);
  return found != nullptr && found->is_object() ? *found : Json::object();
}

}  // namespace fraiseql::nats
