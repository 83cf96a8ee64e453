// SPDX-License-Identifier: PostgreSQL
#include "core/base/json_object.h"

#include <string_view>

#include "core/base/json_text.h"

namespace fraiseql {

namespace {

constexpr int kMaxDepth = 200;  // of nesting; text that is nested deeper is not changed

bool IsOneOf(std::string_view characters, char c) {
  return characters.find(c) != std::string_view::npos;
}

// A recursive descent parser of RFC 8259.  Each function moves past the element in its name, or
// returns false.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  JsonObject Scan() {
    JsonObject object;
    Blanks();
    object.valid = Object(&object, 0) && (Blanks(), at_ == text_.size());
    return object;
  }

 private:
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void Blanks() {
    while (at_ < text_.size() && IsOneOf(" \t\r\n", text_[at_])) ++at_;
  }
  bool Word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool String() {
    if (!Take('"')) return false;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_++]);
      if (c == '"') return true;
      if (c < 0x20) return false;
      if (c != '\\') continue;
      if (at_ == text_.size()) return false;
      const char escaped = text_[at_++];
      if (escaped == 'u') {
        for (int i = 0; i < 4; ++i) {
          if (at_ == text_.size() || !IsHex(text_[at_++])) return false;
        }
      } else if (!IsOneOf("\"\\/bfnrt", escaped)) {
        return false;
      }
    }
    return false;
  }
  static bool IsHex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  }

  bool Digits() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > begin;
  }
  bool Number() {
    (void)Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) (void)Take('-');
      return Digits();
    }
    return true;
  }

  bool Value(int depth) {
    Blanks();
    if (at_ == text_.size() || depth > kMaxDepth) return false;
    switch (text_[at_]) {
      case '{':
        return Object(nullptr, depth);
      case '[':
        return Array(depth);
      case '"':
        return String();
      case 't':
        return Word("true");
      case 'f':
        return Word("false");
      case 'n':
        return Word("null");
      default:
        return Number();
    }
  }

  bool Array(int depth) {
    if (!Take('[')) return false;
    Blanks();
    if (Take(']')) return true;
    do {
      if (!Value(depth + 1)) return false;
      Blanks();
    } while (Take(','));
    return Take(']');
  }

  // Records the members in `top`, unless it is null.
  bool Object(JsonObject* top, int depth) {
    if (!Take('{')) return false;
    if (top != nullptr) top->body = at_;
    Blanks();
    if (Take('}')) {
      if (top != nullptr) top->empty = true;
      return true;
    }
    do {
      Blanks();
      const size_t begin = at_;
      if (!String()) return false;
      const std::string_view key = text_.substr(begin, at_ - begin);
      if (top != nullptr) {
        top->has_type = top->has_type || key == "\"type\"";
        top->has_timestamp = top->has_timestamp || key == "\"timestamp\"";
      }
      Blanks();
      if (!Take(':') || !Value(depth + 1)) return false;
      Blanks();
    } while (Take(','));
    return Take('}');
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

JsonObject ScanJsonObject(std::string_view text) { return Scanner(text).Scan(); }

void AppendEnriched(std::string_view payload, std::string_view type, std::string_view timestamp,
                    std::string* out) {
  const JsonObject object = ScanJsonObject(payload);
  if (!object.valid || (object.has_type && object.has_timestamp)) {
    out->append(payload);
    return;
  }
  out->push_back('{');
  if (!object.has_type) {
    out->append("\"type\":");
    AppendJsonString(type, out);
  }
  if (!object.has_timestamp) {
    if (!object.has_type) out->push_back(',');
    out->append("\"timestamp\":");
    AppendJsonString(timestamp, out);
  }
  if (!object.empty) out->push_back(',');
  out->append(payload.substr(object.body));
}

}  // namespace fraiseql
