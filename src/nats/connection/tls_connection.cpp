// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/tls_connection.h"

#include <nats/nats.h>
#include <poll.h>

#include <cerrno>

#include "core/base/ascii.h"
#include "core/base/server_url.h"
#include "nats/base/clock.h"
#include "nats/connection/connect_options.h"
#include "nats/connection/nats_status.h"
#include "nats/connection/nkey.h"
#include "nats/base/server_json.h"
#include "nats/connection/setting_file.h"

namespace fraiseql::nats {

namespace {

constexpr size_t kMaxInfo = 64 * 1024;
constexpr std::string_view kJwtBegin = "-----BEGIN NATS USER JWT-----";
constexpr std::string_view kJwtEnd = "------END NATS USER JWT------";

// Reports invalid settings and unreadable files with the same errors as a connection of nats.c.
Status CheckSettings(const BrokerSettings& settings) {
  natsOptions* options = nullptr;
  Status status = MakeConnectOptions(settings, &options);
  if (status.ok()) natsOptions_Destroy(options);
  return status;
}

std::string JwtIn(std::string_view creds) {
  const size_t begin = creds.find(kJwtBegin);
  const size_t end = creds.find(kJwtEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return "";
  std::string jwt;
  for (const char c : creds.substr(begin + kJwtBegin.size(), end - begin - kJwtBegin.size())) {
    if (IsAscii(c) && c > ' ') jwt.push_back(c);
  }
  return jwt;
}

// Adds the credentials to the CONNECT line; connect_options.cpp does the same for nats.c.
Status AddIdentity(const BrokerSettings& settings, const std::string& nonce, Json* connect) {
  ServerUrl url;
  Status status = ParseServerUrl(settings.url, &url);
  std::string secret;
  if (!status.ok()) return status;
  if (url.has_user) {
    (*connect)["user"] = url.user;
    (*connect)["pass"] = url.password;
  } else if (!url.token.empty()) {
    (*connect)["auth_token"] = url.token;
  } else if (!settings.user.empty()) {
    if (!settings.password_file.empty()) {
      status = ReadSettingFile("password_file", settings.password_file, &secret);
    }
    (*connect)["user"] = settings.user;
    (*connect)["pass"] = secret;
  } else if (!settings.token_file.empty()) {
    status = ReadSettingFile("token_file", settings.token_file, &secret);
    (*connect)["auth_token"] = secret;
  } else if (!settings.creds_file.empty() || !settings.nkey_seed_file.empty()) {
    const bool creds = !settings.creds_file.empty();
    status = creds ? ReadSettingFile("creds_file", settings.creds_file, &secret)
                   : ReadSettingFile("nkey_seed_file", settings.nkey_seed_file, &secret);
    std::string value;
    if (status.ok() && creds) (*connect)["jwt"] = JwtIn(secret);
    if (status.ok() && !creds) {
      status = PublicNkey(secret, &value);
      (*connect)["nkey"] = value;
    }
    if (status.ok()) status = SignWithNkey(secret, nonce, &value);
    (*connect)["sig"] = value;
  }
  return status;
}

// Reads byte by byte, so that nothing after the line is consumed.
Status ReadInfo(const BrokerSettings& settings, int64_t deadline_ms, Socket* socket, Json* info) {
  constexpr std::string_view kInfo = "INFO ";
  std::string line;
  while (line.size() < kMaxInfo && (line.empty() || line.back() != '\n')) {
    char byte = 0;
    const ssize_t got = socket->Receive(&byte, 1);
    if (got == 1) {
      line.push_back(byte);
      continue;
    }
    if (got == 0 || errno != EAGAIN) {
      return ConnectFailure(NATS_CONNECTION_CLOSED, "the server has closed the connection",
                            settings.url);
    }
    pollfd fd = {socket->fd(), POLLIN, 0};
    const int64_t left = deadline_ms - SteadyMs();
    if (left <= 0 || poll(&fd, 1, static_cast<int>(left)) <= 0) return ConnectTimeout(settings.url);
  }
  if (line.compare(0, kInfo.size(), kInfo) != 0 || line.back() != '\n') {
    return ConnectFailure(NATS_PROTOCOL_ERROR, "the server does not speak as NATS does",
                          settings.url);
  }
  *info = ParseObject(std::string_view(line).substr(kInfo.size()));
  return Status::Ok();
}

Status Encrypt(const BrokerSettings& settings, Socket* socket, Json* info) {
  const int64_t deadline_ms = SteadyMs() + settings.connect_timeout_ms;
  Status status;
  if (!settings.tls_first) status = ReadInfo(settings, deadline_ms, socket, info);
  if (!status.ok()) return status;
  if (!settings.tls_first && !FlagAt(*info, "tls_required") && !FlagAt(*info, "tls_available")) {
    return ConnectFailure(NATS_SECURE_CONNECTION_WANTED, "", settings.url);
  }
  status = socket->StartTls(settings, deadline_ms);
  if (status.ok() && settings.tls_first) status = ReadInfo(settings, deadline_ms, socket, info);
  return status;
}

}  // namespace

Status TlsConnection::Make(const BrokerSettings& settings,
                           std::unique_ptr<Connection>* connection) {
  Status status = CheckSettings(settings);
  std::unique_ptr<Socket> socket;
  if (status.ok()) status = Socket::Connect(settings, &socket);
  Json info;
  if (status.ok()) status = Encrypt(settings, socket.get(), &info);
  Json connect = {{"verbose", false},     {"pedantic", false},
                  {"tls_required", true}, {"name", settings.client_name},
                  {"lang", "C++"},        {"version", "1.0"},
                  {"protocol", 1},        {"headers", true},
                  {"no_responders", true}};
  if (status.ok()) status = AddIdentity(settings, TextAt(info, "nonce"), &connect);
  if (!status.ok()) return status;
  ServerUrl url;
  (void)ParseServerUrl(settings.url, &url);
  std::unique_ptr<TlsConnection> made(new TlsConnection(std::move(socket), settings.max_answer));
  status = made->Introduce(settings, url.address, IntegerAt(info, "max_payload"));
  if (status.ok()) status = made->Greet(settings, "CONNECT " + ToText(connect) + "\r\n");
  if (status.ok()) *connection = std::move(made);
  return status;
}

}  // namespace fraiseql::nats
