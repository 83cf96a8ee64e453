// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/stored_message.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "core/base/header_line.h"
#include "nats/base/names.h"
#include "nats/base/server_json.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_error.h"

namespace fraiseql::nats {

namespace {

constexpr std::string_view kBlanks = " \t";
constexpr int64_t kMaxSeconds = 9000000000;  // in the year 2255; int64 nanoseconds end in 2262

int ValueOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

bool ParseStoredMessage(const Json& message, StoredMessage* stored) {
  std::string header_block;
  stored->sequence = CountAt(message, "seq");
  stored->subject = TextAt(message, "subject");
  if (stored->sequence == 0 || !IsWireSubject(stored->subject) ||
      !ParseTime(TextAt(message, "time"), &stored->time_ns) ||
      !DecodeBase64(DataAt(message, "hdrs"), &header_block) ||
      !DecodeBase64(DataAt(message, "data"), &stored->payload)) {
    return false;
  }
  stored->headers = ReadHeaderBlock(header_block);
  return true;
}

Status ReadMessage(const ApiAnswer& answer, std::string_view what,
                   std::optional<StoredMessage>* message) {
  message->reset();
  if (answer.err_code == kMessageNotFound) return Status::Ok();
  if (!answer.status.ok()) return answer.status;
  StoredMessage stored;
  if (!ParseStoredMessage(ObjectAt(answer.body, "message"), &stored)) return NotUnderstood(what);
  *message = std::move(stored);
  return Status::Ok();
}

std::string ReadHeaderBlock(std::string_view block) {
  std::string headers;
  block.remove_prefix(std::min(block.find("\r\n"), block.size()));  // NATS/1.0
  for (HeaderLine line; TakeHeaderLine(&block, &line);) {
    line.value.remove_prefix(std::min(line.value.find_first_not_of(kBlanks), line.value.size()));
    headers.append(line.name).append(": ").append(line.value).append("\r\n");
  }
  return headers;
}

bool ParseTime(std::string_view text, int64_t* time_ns) {
  std::tm fields{};
  const std::string copy(text);
  const char* rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &fields);
  if (rest == nullptr) return false;
  int64_t fraction = 0;
  if (*rest == '.') {
    int64_t unit = 100000000;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10) fraction += (*rest - '0') * unit;
  }
  if (std::string_view(rest) != "Z") return false;
  const int64_t seconds = timegm(&fields);
  if (seconds < 0 || seconds > kMaxSeconds) return false;
  *time_ns = seconds * 1000000000 + fraction;
  return true;
}

bool DecodeBase64(std::string_view text, std::string* data) {
  data->clear();
  if (text.size() % 4 != 0) return false;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  data->reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = ValueOf(c);
    if (value < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    data->push_back(static_cast<char>(bits >> count));
  }
  return true;
}

}  // namespace fraiseql::nats
