// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace fraiseql {

inline std::string_view WithoutBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// The items between the commas, without the blanks around them; an item may be empty.
inline std::vector<std::string_view> SplitList(std::string_view list) {
  std::vector<std::string_view> items;
  while (true) {
    const size_t comma = list.find(',');
    items.push_back(WithoutBlanks(list.substr(0, comma)));
    if (comma == std::string_view::npos) return items;
    list.remove_prefix(comma + 1);
  }
}

// The same, without the empty items.
inline std::vector<std::string> ListItems(std::string_view list) {
  std::vector<std::string> items;
  for (const std::string_view item : SplitList(list)) {
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

inline std::string JoinList(const std::vector<std::string>& items) {
  std::string list;
  for (const std::string& item : items) list.append(list.empty() ? "" : ",").append(item);
  return list;
}

}  // namespace fraiseql
