// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql::nats {

// Why no connection to the server at `url` (nats://host:port) could be made, which the library does
// not tell: it looks the name up and connects once more.  Empty: a connection can be made.  Blocks
// for up to `timeout_ms` and a name lookup: not for the main thread.
std::string WhyUnreachable(std::string_view url, int timeout_ms);

// A socket that does not block, connected to the host of the URL; -1, and `*why`, if that failed.
int ConnectSocket(std::string_view url, int timeout_ms, std::string* host, std::string* why);

}  // namespace fraiseql::nats
