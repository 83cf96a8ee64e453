// SPDX-License-Identifier: PostgreSQL
#include "nats/server_url.h"

#include <algorithm>

namespace fraiseql::nats {

namespace {
constexpr std::string_view kBlanks = " \t\r\n";
}

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
  std::string shown;
  for (size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@')) {
    shown.append(text.substr(0, at));
    // The secret may hold any character but those that end a URL; it begins behind the scheme.
    const size_t word = shown.find_last_of(" \t\r\n,'\"") + 1;  // 0 if there is none
    const size_t scheme = shown.find("://", word);
    shown.resize(scheme == std::string::npos ? word : scheme + 3);
    text.remove_prefix(at + 1);
  }
  return shown.append(text);
}

}  // namespace fraiseql::nats
