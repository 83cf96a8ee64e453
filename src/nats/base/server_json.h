// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace fraiseql::nats {

// JSON of others: what the server answers, and what any of its clients may have published.  The
// one place where it becomes values, and where what no server says in earnest is turned down: trees
// that are too deep (they are copied and freed by recursion) or too large, numbers out of range,
// texts that would do harm in a log.
//
// For the .cpp files that speak the JetStream API; the headers of this folder know no JSON.
using Json = nlohmann::json;

constexpr int kMaxJsonDepth = 32;          // JetStream's answers have five levels
constexpr size_t kMaxJsonValues = 250000;  // a page of 256 consumers has some 10,000
constexpr size_t kMaxName = 4096;          // bytes of a name or subject

// As text in ASCII, whatever the strings hold.
std::string ToText(const Json& json);

// Not an object if the text is none, or beyond the limits.
Json ParseObject(std::string_view text);

// A name, a subject or a word: one that has control characters or is too long, as ForeignText()
// shows it, which is then the name of nothing.
std::string Word(std::string_view text);

// The values of an object, or none (empty, 0, false, {}) where there is not one of this kind.
std::string TextAt(const Json& object, const char* key);  // a Word()
// As it is: for what is decoded.  Valid as long as the object.
std::string_view DataAt(const Json& object, const char* key);
int64_t IntegerAt(const Json& object, const char* key);
int SmallIntegerAt(const Json& object, const char* key);
uint64_t CountAt(const Json& object, const char* key);                 // up to kMaxStreamSequence
std::vector<std::string> ListAt(const Json& object, const char* key);  // of such texts
bool FlagAt(const Json& object, const char* key);
Json ObjectAt(const Json& object, const char* key);

}  // namespace fraiseql::nats
