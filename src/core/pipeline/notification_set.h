// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

namespace fraiseql {

// The notifications of one transaction, to collapse repeated ones.  Its size is bounded: when it is
// full, every notification counts as new.
class NotificationSet {
 public:
  // False if the same payload was sent on the same channel before.
  bool Insert(std::string_view channel, std::string_view payload) {
    if (bytes_ >= kMaxBytes) return true;
    std::string key(channel);
    key.push_back('\0');  // neither text contains NUL
    key.append(payload);
    bytes_ += key.size();
    return seen_.insert(std::move(key)).second;
  }

  void Clear() {
    if (bytes_ > 0) seen_.clear();
    bytes_ = 0;
  }

 private:
  static constexpr size_t kMaxBytes = 8 << 20;
  std::unordered_set<std::string> seen_;
  size_t bytes_ = 0;
};

}  // namespace fraiseql
