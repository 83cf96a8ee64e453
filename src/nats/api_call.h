// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/status.h"

namespace fraiseql::nats {

class JetStreamClient;

// For the .cpp files that speak the JetStream API; the headers of this folder know no JSON.
using Json = nlohmann::json;

struct ApiAnswer {
  Json body;         // an object if the status is ok; else it may be null
  int err_code = 0;  // of JetStream, if it refuses
  Status status;
};

constexpr int kConsumerNotFound = 10014;
constexpr int kMessageNotFound = 10037;
constexpr int kStreamNameInUse = 10058;
constexpr int kSubjectsOverlap = 10065;
constexpr int kWrongLastSequence = 10071;

// Calls "$JS.API.<request>"; a null `body` is none.  `what` begins the text of an error:
// 'stream "orders"'.
ApiAnswer CallApi(JetStreamClient* js, const std::string& request, const Json& body,
                  std::string_view what);

// As text in ASCII, whatever the strings hold.
std::string ToText(const Json& json);

// Parses what anybody may have written: not an object if it is not.
Json ParseObject(std::string_view text);

// The values of an object, or none (empty, 0, false, {}) where there is not one of this kind.
std::string TextAt(const Json& object, const char* key);
int64_t IntegerAt(const Json& object, const char* key);
uint64_t CountAt(const Json& object, const char* key);
bool FlagAt(const Json& object, const char* key);
Json ObjectAt(const Json& object, const char* key);

// ok if `name` can be that of a stream or consumer; `kind` says which in the error.
Status CheckName(std::string_view kind, const std::string& name);

// 'stream "orders"', as errors begin.
std::string StreamNamed(const std::string& stream);
std::string ConsumerNamed(const std::string& stream, const std::string& consumer);

}  // namespace fraiseql::nats
