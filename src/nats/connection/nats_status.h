// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace fraiseql::nats {

// Converts codes of nats.c (natsStatus, as int here) to Status; no other file does this.  `detail`
// is the text of the library or the server and may be empty; it is shown without credentials and as
// ForeignText().  URLs are shown without credentials.

// The library's text for the last failure in this thread.
std::string LastError();

// The library does not accept the value of the setting.
Status SettingRefused(int code, std::string_view detail, std::string_view setting);

// An attempt to connect to `url` failed.
Status ConnectFailure(int code, std::string_view detail, std::string_view url);

// Each of several servers has failed: combines their reasons.
Status FailureOfAll(const std::vector<Status>& failures);

// An attempt to connect to `url` timed out.
Status ConnectTimeout(std::string_view url);

// The connection was closed by the server or the network.
Status ConnectionLost(int code, std::string_view detail);

// The server has refused a publish or subscribe for lack of permission; the connection stays open.
// `detail` is the server's text, which names the subject.
Status NotPermitted(std::string_view detail);

// `who` does not answer; `what` names the request.
Status NoAnswer(std::string_view who, const std::string& what);

// The subject of a request, built from names that a server has reported, is invalid.
Status NotASubject(std::string_view subject);

}  // namespace fraiseql::nats
