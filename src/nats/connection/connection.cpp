// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/connection.h"

#include <nats/nats.h>

#include <algorithm>

#include "core/base/foreign_text.h"
#include "nats/connection/connect_options.h"
#include "nats/connection/nats_status.h"
#include "nats/connection/plain_connection.h"
#include "nats/connection/tls_connection.h"
#include "core/base/server_url.h"

namespace fraiseql::nats {

namespace {
constexpr std::string_view kDefaultInboxPrefix = "_INBOX.";
constexpr int64_t kMaxPayload = 64 * 1024 * 1024;  // the highest limit that a server accepts

}  // namespace

Status Connection::Connect(const BrokerSettings& settings,
                           std::unique_ptr<Connection>* connection) {
  bool tls = WantsTls(settings);
  if (!tls) {
    std::unique_ptr<LibrarySession> session;
    Status status = LibrarySession::Connect(settings, &session);
    if (!status.ok()) return status;
    status = PlainConnection::Make(std::move(session), settings, connection, &tls);
    if (status.ok() || !tls) return status;
    // The server requires TLS, which the options of the library did not enable.
  }
  return TlsConnection::Make(settings, connection);
}

Status Connection::Introduce(const BrokerSettings& settings) {
  char url[512] = "";
  natsConnection_GetConnectedUrl(session_->connection(), url, sizeof(url));
  return Introduce(settings, url, natsConnection_GetMaxPayload(session_->connection()));
}

Status Connection::Introduce(const BrokerSettings& settings, std::string_view url,
                             int64_t max_payload) {
  natsInbox* unique = nullptr;
  const natsStatus code = natsInbox_Create(&unique);
  if (code != NATS_OK) return ConnectFailure(code, LastError(), settings.url);
  api_prefix_ = settings.js_domain.empty() ? "$JS.API." : "$JS." + settings.js_domain + ".API.";
  inbox_ = settings.inbox_prefix + "." + (unique + kDefaultInboxPrefix.size());
  natsInbox_Destroy(unique);
  url_ = ForeignText(WithoutUserInfo(url));  // a server of the cluster may have reported it
  if (max_payload <= 0) {
    return ConnectFailure(NATS_PROTOCOL_ERROR, "the server takes no messages (max_payload)",
                          settings.url);
  }
  max_payload_ = std::min(max_payload, kMaxPayload);
  return Status::Ok();
}

}  // namespace fraiseql::nats
