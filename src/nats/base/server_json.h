// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace fraiseql::nats {

// Parses JSON from outside: answers of the server, and messages that any of its clients may have
// published.  This is the only place that turns it into values.  It rejects what no correct server
// sends: trees that are too deep (they are copied and freed by recursion) or too large, numbers out
// of range, and texts that are unsafe in a log.
//
// For the .cpp files that use the JetStream API.
using Json = nlohmann::json;

constexpr int kMaxJsonDepth = 32;          // JetStream's answers have five levels
constexpr size_t kMaxJsonValues = 250000;  // a page of 256 consumers has some 10,000
constexpr size_t kMaxName = 4096;          // bytes of a name or subject

// Serializes to ASCII; other characters and invalid UTF-8 in strings are escaped or replaced.
std::string ToText(const Json& json);

// Returns a value that is not an object if the text is not an object or exceeds the limits.
Json ParseObject(std::string_view text);

// A name, a subject or a word.  One that has control characters or is too long is replaced by its
// ForeignText(), which is no valid name.
std::string Word(std::string_view text);

// The member `key` of an object; empty, 0, false or {} if it is missing or has another type.
std::string TextAt(const Json& object, const char* key);  // a Word()
// The string unchanged, for data that the caller decodes.  Valid as long as the object.
std::string_view DataAt(const Json& object, const char* key);
int64_t IntegerAt(const Json& object, const char* key);
int SmallIntegerAt(const Json& object, const char* key);
uint64_t CountAt(const Json& object, const char* key);                 // up to kMaxStreamSequence
std::vector<std::string> ListAt(const Json& object, const char* key);  // the strings unchanged
bool FlagAt(const Json& object, const char* key);
Json ObjectAt(const Json& object, const char* key);

}  // namespace fraiseql::nats
