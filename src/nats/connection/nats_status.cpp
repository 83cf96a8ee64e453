// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/nats_status.h"

#include <nats/nats.h>

#include <utility>

#include "core/base/foreign_text.h"
#include "core/base/server_url.h"
#include "nats/connection/refused_subjects.h"

namespace fraiseql::nats {

namespace {

constexpr size_t kMaxDetail = 4096;  // ForeignText() shows much less
constexpr std::string_view kCannotConnect = "cannot connect to NATS at ";

std::string Reason(int code, std::string_view detail) {
  if (detail.empty()) return natsStatus_GetText(static_cast<natsStatus>(code));
  // Most of the library's texts begin with "(file.c:123): ", which does not help a user.
  const size_t place = detail[0] == '(' ? detail.find("): ") : std::string_view::npos;
  if (place != std::string_view::npos) detail.remove_prefix(place + 3);
  return ForeignText(WithoutUserInfo(detail.substr(0, kMaxDetail)));
}

// Our inboxes are "<prefix>.<random>.*" and "...*.>".
std::string InboxPrefix(std::string subject) {
  if (subject.size() > 2 && subject.compare(subject.size() - 2, 2, ".>") == 0) {
    subject.resize(subject.size() - 2);
  }
  while (subject.size() > 2 && subject.compare(subject.size() - 2, 2, ".*") == 0) {
    subject.resize(subject.size() - 2);
  }
  return subject.substr(0, subject.rfind('.'));
}

std::string WhatToPermit(std::string_view detail, const std::string& subject) {
  if (subject.empty()) {
    return "The NATS user needs the permissions to publish to the messages' subjects, to "
           "\"$JS.API.>\" and to \"$JS.ACK.>\", and to subscribe to \"_INBOX.>\".";
  }
  if (detail.find("Subscription to") != std::string_view::npos) {
    return "Allow the NATS user to subscribe to \"" + InboxPrefix(subject) +
           ".>\", where answers come to, or set fraiseql_nats.inbox_prefix to what it may "
           "subscribe to.";
  }
  std::string hint = "Allow the NATS user to publish to \"" + subject + "\"";
  const size_t api = subject.find(".API.");
  if (subject.compare(0, 4, "$JS.") == 0 && api != std::string::npos) {
    hint += "; all that it may need of JetStream is \"" + subject.substr(0, api) +
            ".API.>\" and \"$JS.ACK.>\"";
  }
  return hint + ".";
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
    case NATS_TIMEOUT:
      return Status::Unavailable(
          what,
          "Check url, and that the server runs and can be reached from here; "
          "one that begins with TLS needs fraiseql_nats.tls_first.");
    case NATS_NO_SERVER:
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

// kUnavailable if another attempt may help with one of the servers.
Status FailureOfAll(const std::vector<Status>& failures) {
  StatusCode code = StatusCode::kInvalid;
  std::string message;
  std::string hint;
  bool connecting = false;  // the previous text begins with kCannotConnect
  for (const Status& failure : failures) {
    std::string_view text = failure.message();
    const bool begins = text.substr(0, kCannotConnect.size()) == kCannotConnect;
    if (begins && connecting) text.remove_prefix(kCannotConnect.size());
    connecting = begins;
    if (text == message) continue;  // an invalid setting: the text is the same for all servers
    if (!message.empty()) message += "; ";
    message.append(text);
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
  return Status::Invalid("NATS refuses: " + Reason(NATS_NOT_PERMITTED, detail),
                         WhatToPermit(detail, ForeignText(SubjectOfRefusal(detail))));
}

Status NoAnswer(std::string_view who, const std::string& what) {
  return Status::Unavailable(
      std::string(who) + " does not answer: " + what,
      "The server may be stopped or overloaded, the NATS cluster have no leader or quorum (see "
      "nats server report jetstream), or what is imported from another account not lead there.");
}

Status NotASubject(std::string_view subject) {
  return Status::Unavailable("\"" + ForeignText(subject) + "\" is not a subject for requests");
}

}  // namespace fraiseql::nats
