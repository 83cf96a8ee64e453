// SPDX-License-Identifier: PostgreSQL
#include "nats/stored_message.h"

#include <ctime>
#include <utility>

#include "core/message.h"
#include "nats/api_call.h"
#include "nats/jetstream_client.h"

namespace fraiseql::nats {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kBlanks = " \t";

// Reads a block "NATS/1.0\r\nName:value\r\n...\r\n" into lines with one blank behind the colon.
std::string NormalHeaders(std::string_view block) {
  std::string headers;
  size_t end = block.find(kLineEnd);
  while (end != std::string_view::npos) {
    block.remove_prefix(end + kLineEnd.size());
    end = block.find(kLineEnd);
    const std::string_view line = block.substr(0, end);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    const size_t begin = value.find_first_not_of(kBlanks);
    value.remove_prefix(begin == std::string_view::npos ? value.size() : begin);
    headers.append(line.substr(0, colon)).append(": ").append(value).append(kLineEnd);
  }
  return headers;
}

Status Get(JetStreamClient* js, const std::string& stream, const Json& which,
           std::optional<StoredMessage>* message) {
  message->reset();
  const ApiAnswer answer =
      CallApi(js, "STREAM.MSG.GET." + stream, which, "message of " + StreamNamed(stream));
  if (answer.err_code == kMessageNotFound) return Status::Ok();
  if (!answer.status.ok()) return answer.status;
  const Json found = ObjectAt(answer.body, "message");
  StoredMessage stored;
  std::string header_block;
  stored.sequence = CountAt(found, "seq");
  stored.subject = TextAt(found, "subject");
  if (stored.sequence == 0 || !ParseTime(TextAt(found, "time"), &stored.time_ns) ||
      !DecodeBase64(TextAt(found, "hdrs"), &header_block) ||
      !DecodeBase64(TextAt(found, "data"), &stored.payload)) {
    return Status::Unavailable("message of " + StreamNamed(stream) +
                               ": JetStream's answer is not understood");
  }
  stored.headers = NormalHeaders(header_block);
  *message = std::move(stored);
  return answer.status;
}

int ValueOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

Status GetMessage(JetStreamClient* js, const std::string& stream, uint64_t sequence,
                  std::optional<StoredMessage>* message) {
  return Get(js, stream, {{"seq", sequence}}, message);
}

Status GetNextMessage(JetStreamClient* js, const std::string& stream, uint64_t from,
                      const std::string& filter, std::optional<StoredMessage>* message) {
  return Get(js, stream, {{"seq", from}, {"next_by_subj", filter}}, message);
}

Status GetLastMessage(JetStreamClient* js, const std::string& stream, const std::string& subject,
                      std::optional<StoredMessage>* message) {
  return Get(js, stream, {{"last_by_subj", subject}}, message);
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
  *time_ns = int64_t{timegm(&fields)} * 1000000000 + fraction;
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
