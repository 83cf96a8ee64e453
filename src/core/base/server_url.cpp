// SPDX-License-Identifier: PostgreSQL
#include "core/base/server_url.h"

#include <algorithm>

#include "core/base/comma_list.h"

namespace fraiseql {

namespace {

constexpr std::string_view kSchemes[] = {"nats://", "tls://"};

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Where the next scheme at or after `from` begins, and its length; the end and 0 if there is none.
size_t FindScheme(std::string_view text, size_t from, size_t* length) {
  size_t first = text.size();
  *length = 0;
  for (const std::string_view scheme : kSchemes) {
    size_t at = text.find(scheme, from);
    while (at != std::string_view::npos && at > 0 && IsAlphanumeric(text[at - 1])) {
      at = text.find(scheme, at + 1);
    }
    if (at >= first) continue;  // also if there is none
    first = at;
    *length = scheme.size();
  }
  return first;
}

// host, host:1, [::1] or [::1]:1
bool IsHostAndPort(std::string_view text) {
  const size_t bracket = text.find(']');
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = text.substr(0, colon);
  for (const char c : host) {
    const bool in_brackets =
        bracket != std::string_view::npos && (c == '[' || c == ']' || c == ':');
    if (!IsAlphanumeric(c) && c != '.' && c != '-' && c != '_' && !in_brackets) return false;
  }
  if (colon == std::string_view::npos) return true;
  const std::string_view port = text.substr(colon + 1);
  return !port.empty() && port.find_first_not_of("0123456789") == std::string_view::npos;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Replaces %XX.  A zero byte is refused: it would end the text in the NATS library.
Status Decode(std::string_view text, std::string* decoded) {
  for (size_t i = 0; i < text.size(); ++i) {
    int value = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Status::Invalid(
            "user, password or token of a server URL has a '%' without two hexadecimal digits "
            "after it",
            "Write %25 for a percent sign.");
      }
      value = high * 16 + low;
      i += 2;
    }
    if (value == 0) {
      return Status::Invalid("user, password or token of a server URL has a zero byte",
                             "NATS does not accept such a secret: choose another one.");
    }
    decoded->push_back(static_cast<char>(value));
  }
  return Status::Ok();
}

Status NoServerUrl() {
  // The message does not show the text, which may hold a password.
  return Status::Invalid("server URL does not have the form nats://host:port or tls://host:port",
                         "Give one URL, or several separated by commas.");
}

// The part of the text after a scheme, up to the next scheme, that may be shown.  A secret may hold
// any character, and may appear without a host after it.
std::string ShownBehindScheme(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at != std::string_view::npos) return std::string(text.substr(at + 1));
  const size_t end = std::min(text.find_first_of(" \t\r\n,'\"/"), text.size());
  if (IsHostAndPort(text.substr(0, end))) return std::string(text);
  return "***" + std::string(text.substr(end));
}

}  // namespace

Status ParseServerUrl(std::string_view text, ServerUrl* url) {
  *url = {};
  const size_t scheme = text.find("://");
  const std::string_view name = text.substr(0, scheme);
  if ((name != "nats" && name != "tls") || text.find(' ') != std::string_view::npos) {
    return NoServerUrl();
  }
  const size_t begin = scheme + 3;
  const size_t at = text.rfind('@');
  const bool has_info = at != std::string_view::npos && at >= begin;
  const std::string_view host = text.substr(has_info ? at + 1 : begin);
  if (host.empty()) return NoServerUrl();
  url->address.assign(text.substr(0, begin)).append(host);
  if (!has_info || at == begin) return Status::Ok();
  const std::string_view info = text.substr(begin, at - begin);
  const size_t colon = info.find(':');
  if (colon == std::string_view::npos) return Decode(info, &url->token);
  url->has_user = true;
  const Status status = Decode(info.substr(0, colon), &url->user);
  return status.ok() ? Decode(info.substr(colon + 1), &url->password) : status;
}

Status CheckServerUrls(std::string_view list) {
  for (const std::string_view server : SplitList(list)) {
    ServerUrl url;
    Status status = ParseServerUrl(server, &url);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

std::string WithoutUserInfo(std::string_view text) {
  size_t length = 0;
  size_t scheme = FindScheme(text, 0, &length);
  const std::string_view before = text.substr(0, scheme);
  std::string shown(before.substr(before.rfind('@') + 1));  // all of it if there is none
  while (length > 0) {
    const size_t begin = scheme + length;
    shown.append(text.substr(scheme, length));
    scheme = FindScheme(text, begin, &length);
    shown.append(ShownBehindScheme(text.substr(begin, scheme - begin)));
  }
  return shown;
}

}  // namespace fraiseql
