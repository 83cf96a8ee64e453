// SPDX-License-Identifier: PostgreSQL
#include "pg/settings/broker_gucs.h"

#include <string>
#include <string_view>

#include "core/base/server_url.h"
#include "core/route/subject.h"

extern "C" {
#include "postgres.h"

#include "utils/guc.h"
}

#include "pg/settings/gucs.h"

namespace fraiseql::pg {

namespace {

bool CheckUrl(char** value, void**, GucSource) { return Accept(CheckServerUrls(*value)); }

bool CheckInbox(char** value, void**, GucSource) { return Accept(CheckInboxPrefix(*value)); }

bool CheckDomain(char** value, void**, GucSource) { return Accept(CheckJetStreamDomain(*value)); }

}  // namespace

bool Accept(const Status& status) {
  if (status.ok()) return true;
  const std::string& message = status.message();
  GUC_check_errdetail("%c%s.", pg_toupper(static_cast<unsigned char>(message[0])),
                      message.c_str() + 1);
  if (!status.hint().empty()) GUC_check_errhint("%s", status.hint().c_str());
  return false;
}

void DefineFileSetting(const char* name, const char* short_desc, const char* long_desc,
                       char** variable, const char* value) {
  DefineCustomStringVariable(name, short_desc, long_desc, variable, value, PGC_SIGHUP,
                             GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
}

void DefineBrokerSettings() {
  static constexpr char kReadAgain[] = "Read again at every connect.  Empty: not used.";
  DefineCustomStringVariable("fraiseql_nats.url", "URLs of the NATS servers.",
                             "nats://host:port or tls://host:port, several separated by commas: "
                             "the next is tried when one cannot be reached or cannot serve.",
                             &settings.url, "nats://localhost:4222", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
                             CheckUrl, nullptr, nullptr);
  DefineCustomStringVariable("fraiseql_nats.username", "User name at the NATS server.",
                             "Empty: none.  What a URL says is for its server instead.",
                             &settings.username, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr,
                             nullptr, nullptr);
  DefineFileSetting("fraiseql_nats.password_file",
                    "File with the password of fraiseql_nats.username.", kReadAgain,
                    &settings.password_file);
  DefineFileSetting("fraiseql_nats.token_file", "File with the authentication token.", kReadAgain,
                    &settings.token_file);
  DefineFileSetting("fraiseql_nats.creds_file", "Credentials file (user JWT and seed).", kReadAgain,
                    &settings.creds_file);
  DefineFileSetting("fraiseql_nats.nkey_seed_file", "File with the seed of the user's NKey.",
                    kReadAgain, &settings.nkey_seed_file);
  DefineFileSetting("fraiseql_nats.tls_ca_file",
                    "Certificates of the authorities that sign the servers'.",
                    "Empty: the system's.", &settings.tls_ca_file);
  DefineFileSetting("fraiseql_nats.tls_cert_file", "Client certificate for the NATS server.",
                    kReadAgain, &settings.tls_cert_file);
  DefineFileSetting("fraiseql_nats.tls_key_file", "Key of the client certificate.", kReadAgain,
                    &settings.tls_key_file);
  DefineCustomBoolVariable("fraiseql_nats.tls_verify", "Verifies the NATS server's certificate.",
                           "Switch it off for tests only.", &settings.tls_verify, true, PGC_SIGHUP,
                           0, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable("fraiseql_nats.tls_first", "Begins with the TLS handshake.",
                           "For servers with handshake_first, or behind a proxy that ends TLS.",
                           &settings.tls_first, false, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "fraiseql_nats.inbox_prefix", "Subject before the inboxes for answers.",
      "For a NATS user who may not subscribe to _INBOX.>.", &settings.inbox_prefix, "_INBOX",
      PGC_SIGHUP, 0, CheckInbox, nullptr, nullptr);
  DefineCustomStringVariable("fraiseql_nats.js_domain", "JetStream domain of the stream.",
                             "Empty: that of the server.", &settings.js_domain, "", PGC_SIGHUP, 0,
                             CheckDomain, nullptr, nullptr);
  DefineCustomIntVariable("fraiseql_nats.connect_timeout",
                          "How long to wait for one NATS server when connecting.", nullptr,
                          &settings.connect_timeout_ms, 2000, 100, 60000, PGC_SIGHUP, GUC_UNIT_MS,
                          nullptr, nullptr, nullptr);
  DefineCustomIntVariable("fraiseql_nats.reconnect_delay_max",
                          "Longest pause between two attempts to reach the stream.",
                          "The first follows almost at once; each later pause is twice as long.",
                          &settings.reconnect_delay_max_ms, 5000, 10, 3600000, PGC_SIGHUP,
                          GUC_UNIT_MS, nullptr, nullptr, nullptr);
}

}  // namespace fraiseql::pg
