// SPDX-License-Identifier: PostgreSQL
#include "nats/nats_status.h"

#include <nats/nats.h>

#include <utility>

#include "core/foreign_text.h"
#include "nats/server_url.h"

namespace fraiseql::nats {

namespace {

constexpr size_t kMaxDetail = 4096;  // of which much less is shown
constexpr std::string_view kCannotConnect = "cannot connect to NATS at ";

std::string Reason(int code, std::string_view detail) {
  if (detail.empty()) return natsStatus_GetText(static_cast<natsStatus>(code));
  // Most of the library's texts begin with "(file.c:123): ", which says nothing to a user.
  const size_t place = detail[0] == '(' ? detail.find("): ") : std::string_view::npos;
  if (place != std::string_view::npos) detail.remove_prefix(place + 3);
  return ForeignText(WithoutUserInfo(detail.substr(0, kMaxDetail)));
}

}  // namespace

std::string LastError() {
  const char* text = nats_GetLastError(nullptr);
  return text != nullptr ? text : "";
}

Status SettingRefused(int code, std::string_view detail, std::string_view setting) {
  return Status::Invalid(std::string(setting) + ": " + Reason(code, detail));
}

Status ConnectFailure(int code, std::string_view detail, std::string_view url) {
  const std::string what =
      std::string(kCannotConnect) + "\"" + WithoutUserInfo(url) + "\": " + Reason(code, detail);
  switch (code) {
    case NATS_CONNECTION_AUTH_FAILED:
      return Status::Invalid(what,
                             "Check username and password_file, token_file, creds_file or "
                             "nkey_seed_file, and what the server expects.");
    case NATS_SSL_ERROR:
      return Status::Invalid(what,
                             "Check tls_ca_file, tls_cert_file and tls_key_file, and that the "
                             "server's certificate is for the host name in url.");
    case NATS_SECURE_CONNECTION_WANTED:
      return Status::Invalid(what,
                             "Remove the settings tls_* and tls:// or enable TLS in the server.");
    case NATS_SECURE_CONNECTION_REQUIRED:
      return Status::Invalid(what, "Set tls_ca_file, or write tls:// in url.");
    case NATS_ADDRESS_MISSING:
    case NATS_INVALID_ARG:
      return Status::Invalid(what, "Check url: nats://host:port, or several, separated by commas.");
    case NATS_NO_SERVER:
    case NATS_TIMEOUT:
    case NATS_IO_ERROR:
      return Status::Unavailable(
          what, "Check url, and that the server runs and can be reached from here.");
    case NATS_PROTOCOL_ERROR:
    case NATS_CONNECTION_CLOSED:
      return Status::Unavailable(what,
                                 "The server's log may say why; it may want a client certificate, "
                                 "tls_cert_file and tls_key_file.");
    default:
      return Status::Unavailable(what);
  }
}

// It may be worth another attempt if it is for one of them.
Status ConnectFailureOfAll(const std::vector<Status>& failures) {
  StatusCode code = StatusCode::kInvalid;
  std::string message(kCannotConnect);
  std::string hint;
  for (const Status& failure : failures) {
    std::string_view text = failure.message();
    if (text.substr(0, kCannotConnect.size()) != kCannotConnect) return failure;  // of a setting
    if (&failure != &failures.front()) message += "; ";
    message.append(text.substr(kCannotConnect.size()));
    if (failure.code() != StatusCode::kInvalid) code = StatusCode::kUnavailable;
    if (hint.empty() || failure.code() == StatusCode::kInvalid) hint = failure.hint();
  }
  return {code, std::move(message), std::move(hint)};
}

Status ConnectTimeout(std::string_view url) { return ConnectFailure(NATS_TIMEOUT, "", url); }

Status ConnectionLost(int code, std::string_view detail) {
  return Status::Unavailable("connection to NATS lost: " + Reason(code, detail));
}

Status NotPermitted(std::string_view detail) {
  return Status::Invalid(
      "NATS refuses: " + Reason(NATS_NOT_PERMITTED, detail),
      "The NATS user needs the permissions to publish to the messages' subjects and to "
      "\"$JS.API.>\", and to subscribe to \"_INBOX.>\".");
}

Status NotASubject(std::string_view subject) {
  return Status::Unavailable("\"" + ForeignText(subject) + "\" is no subject to ask at");
}

Status PublishFailure(int code) {
  return Status::Unavailable(std::string("cannot publish: ") +
                             natsStatus_GetText(static_cast<natsStatus>(code)));
}

}  // namespace fraiseql::nats
