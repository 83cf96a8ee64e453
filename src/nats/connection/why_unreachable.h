// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql::nats {

// The reason why no connection to the server at `url` (nats://host:port) is possible, which the
// library does not report: looks up the name and connects once more.  Empty: a connection is
// possible.  Blocks for up to `timeout_ms` and a name lookup: not for the main thread.
std::string WhyUnreachable(std::string_view url, int timeout_ms);

// A non-blocking socket, connected to the host of the URL; -1, and the reason in `*why`, on
// failure.
int ConnectSocket(std::string_view url, int timeout_ms, std::string* host, std::string* why);

}  // namespace fraiseql::nats
