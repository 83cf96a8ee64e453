// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace fraiseql::nats {

// The only place where codes of nats.c (natsStatus, as int here) are turned into ours.  `detail` is
// the library's own text (or the server's), may be empty, and is shown without credentials, as are
// all URLs, and as ForeignText().

// What the library says of the last failure in this thread.
std::string LastError();

// The library does not accept what the setting says.
Status SettingRefused(int code, std::string_view detail, std::string_view setting);

// An attempt to connect to one of `url` failed.
Status ConnectFailure(int code, std::string_view detail, std::string_view url);

// Each of several servers has failed: says why each of them did.
Status FailureOfAll(const std::vector<Status>& failures);

// An attempt to connect to one of `url` was given up.
Status ConnectTimeout(std::string_view url);

// The connection was closed by the server or the network.
Status ConnectionLost(int code, std::string_view detail);

// The server has refused a publish or subscribe for lack of permission; the connection goes on.
// `detail` is the server's text, which names the subject.
Status NotPermitted(std::string_view detail);

// `who` does not answer; `what` says to which question.
Status NoAnswer(std::string_view who, const std::string& what);

// A request's subject, of names that a server has told, is none.
Status NotASubject(std::string_view subject);

}  // namespace fraiseql::nats
