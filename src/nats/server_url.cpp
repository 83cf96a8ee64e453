// SPDX-License-Identifier: PostgreSQL
#include "nats/server_url.h"

#include <algorithm>

namespace fraiseql::nats {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kSchemes[] = {"nats://", "tls://"};

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Where the next scheme at or behind `from` begins, and its length; the end and 0 if there is none.
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

// What may be shown of the text behind a scheme, up to the next one.  A secret may hold any
// character, and be there without a host behind it.
std::string ShownBehindScheme(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at != std::string_view::npos) return std::string(text.substr(at + 1));
  const size_t end = std::min(text.find_first_of(" \t\r\n,'\"/"), text.size());
  if (IsHostAndPort(text.substr(0, end))) return std::string(text);
  return "***" + std::string(text.substr(end));
}

}  // namespace

std::vector<std::string> SplitServers(std::string_view list) {
  std::vector<std::string> servers;
  while (!list.empty()) {
    std::string_view server = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), server.size() + 1));
    const size_t begin = server.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) continue;
    servers.emplace_back(server.substr(begin, server.find_last_not_of(kBlanks) - begin + 1));
  }
  return servers;
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

}  // namespace fraiseql::nats
