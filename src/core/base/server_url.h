// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace fraiseql {

// One server of the setting `url`: nats://host:port or tls://host:port, with user:password@ or
// token@ before the host.  As in every NATS client, characters that are special in a URL are
// written as %XX.
struct ServerUrl {
  std::string address;  // the URL without credentials
  bool has_user = false;
  std::string user;
  std::string password;
  std::string token;  // empty: none
};

// kInvalid if the text is not such a URL.  The message contains nothing of the text, which may be a
// secret.
Status ParseServerUrl(std::string_view text, ServerUrl* url);

// The same for a list, separated by commas.
Status CheckServerUrls(std::string_view list);

// `text`, be it a URL, a list of them or a sentence with one in it, without "user:password@", so
// that it may be shown.  The one way to show a URL: whatever characters a password has, and
// wherever it stands by mistake, nothing of it is left; rather a host is hidden, too.
std::string WithoutUserInfo(std::string_view text);

}  // namespace fraiseql
