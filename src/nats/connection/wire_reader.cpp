// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/wire_reader.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "core/base/comma_list.h"
#include "core/base/header_line.h"
#include "core/base/number.h"

namespace fraiseql::nats {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kMaxLine = 1024 * 1024;     // INFO lists all the servers of a cluster
constexpr size_t kUsualSpace = 1024 * 1024;  // a larger buffer is not kept

// Removes the first word of `text`, with the blanks before it, and returns the word.
std::string_view TakeWord(std::string_view* text) {
  size_t begin = 0;
  while (begin < text->size() && (*text)[begin] == ' ') ++begin;
  size_t end = begin;
  while (end < text->size() && (*text)[end] != ' ') ++end;
  const std::string_view word = text->substr(begin, end - begin);
  text->remove_prefix(end);
  return word;
}

bool BeginsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string_view Unquoted(std::string_view text) {
  text = WithoutBlanks(text);
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') {
    text = text.substr(1, text.size() - 2);
  }
  return text;
}

}  // namespace

char* WireReader::Space(size_t size) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > kUsualSpace) buffer_ = {};
  }
  if (buffer_.size() - end_ < size && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < size) buffer_.resize(std::max(2 * buffer_.size(), end_ + size));
  return buffer_.data() + end_;
}

WireReader::Kind WireReader::Next(Item* item) {
  const char* const at = buffer_.data() + begin_;
  const size_t size = end_ - begin_;
  const auto* const newline =
      size == 0 ? nullptr : static_cast<const char*>(memchr(at, '\n', size));
  if (newline == nullptr) return size > kMaxLine ? Kind::kBroken : Kind::kNeedMore;
  std::string_view line(at, static_cast<size_t>(newline - at));
  const size_t whole = line.size() + 1;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (BeginsWith(line, "MSG ")) return ReadMessage(line, false, item);
  if (BeginsWith(line, "HMSG ")) return ReadMessage(line, true, item);
  begin_ += whole;
  if (line == "PING") return Kind::kPing;
  if (line == "PONG") return Kind::kPong;
  if (!BeginsWith(line, "-ERR")) return Kind::kOther;
  *item = {};
  item->text = Unquoted(line.substr(4));
  return Kind::kError;
}

// MSG <subject> <subscription> [reply] <size>, HMSG <...> [reply] <size of headers> <size of all>.
WireReader::Kind WireReader::ReadMessage(std::string_view line, bool with_headers, Item* item) {
  std::array<std::string_view, 6> words;
  size_t count = 0;
  std::string_view rest = line;
  while (count < words.size()) {
    words[count] = TakeWord(&rest);
    if (words[count].empty()) break;
    ++count;
  }
  const size_t least = with_headers ? 5 : 4;
  size_t total = 0;
  size_t header_size = 0;
  *item = {};
  if (count < least || count > least + 1 || !ReadWholeDecimal(words[2], &item->subscription) ||
      !ReadWholeDecimal(words[count - 1], &total) ||
      (with_headers && !ReadWholeDecimal(words[count - 2], &header_size)) || header_size > total ||
      total > max_message_) {
    return Kind::kBroken;
  }
  const char* const body = buffer_.data() + begin_ + line.size() + kLineEnd.size();
  const char* const end = buffer_.data() + end_;
  if (body > end || static_cast<size_t>(end - body) < total + kLineEnd.size()) {
    return Kind::kNeedMore;
  }
  if (std::string_view(body + total, kLineEnd.size()) != kLineEnd) return Kind::kBroken;
  item->subject = words[1];
  if (count > least) item->reply = words[3];
  item->headers = {body, header_size};
  item->data = {body + header_size, total - header_size};
  begin_ = static_cast<size_t>(body - buffer_.data()) + total + kLineEnd.size();
  return Kind::kMessage;
}

std::string_view HeaderOf(std::string_view headers, std::string_view name) {
  std::string_view first = headers.substr(0, headers.find(kLineEnd));
  headers.remove_prefix(std::min(first.size() + kLineEnd.size(), headers.size()));
  TakeWord(&first);  // NATS/1.0
  const std::string_view status = TakeWord(&first);
  if (!status.empty() && name == "Status") return status;
  if (!status.empty() && name == "Description") return WithoutBlanks(first);
  for (HeaderLine line; TakeHeaderLine(&headers, &line);) {
    if (line.name == name) return WithoutBlanks(line.value);
  }
  return {};
}

}  // namespace fraiseql::nats
