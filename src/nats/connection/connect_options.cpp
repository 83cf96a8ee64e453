// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/connect_options.h"

#include <nats/nats.h>

#include <string>
#include <string_view>

#include "core/base/ascii.h"
#include "core/base/number.h"
#include "nats/connection/nats_status.h"
#include "nats/connection/nkey.h"
#include "core/base/server_url.h"
#include "nats/connection/setting_file.h"

namespace fraiseql::nats {

namespace {

// nats.c does not escape names and secrets in the JSON of its CONNECT line.
std::string JsonEscaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (IsControl(c)) {
      escaped.append("\\u");
      AppendHex(static_cast<unsigned char>(c), 4, &escaped);
      continue;
    }
    if (c == '"' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

// Converts the library's result for one option.
Status Checked(natsStatus code, std::string_view setting) {
  if (code == NATS_OK) return Status::Ok();
  const char* detail = nats_GetLastError(nullptr);
  return SettingRefused(code, detail != nullptr ? detail : "", setting);
}

// The credentials are cut out of the URL, because the library neither decodes nor escapes them.
Status SetServer(const BrokerSettings& settings, natsOptions* options, ServerUrl* url) {
  if (settings.url.empty()) {
    return Status::Invalid("url is empty", "Set it to nats://host:port, or several by commas.");
  }
  Status status = ParseServerUrl(settings.url, url);
  if (!status.ok()) return status;
  return Checked(natsOptions_SetURL(options, url->address.c_str()), "url");
}

Status SetUser(const BrokerSettings& settings, natsOptions* options) {
  std::string password;
  if (!settings.password_file.empty()) {
    Status status = ReadSettingFile("password_file", settings.password_file, &password);
    if (!status.ok()) return status;
  }
  return Checked(natsOptions_SetUserInfo(options, JsonEscaped(settings.user).c_str(),
                                         JsonEscaped(password).c_str()),
                 "username");
}

Status SetToken(const BrokerSettings& settings, natsOptions* options) {
  std::string token;
  Status status = ReadSettingFile("token_file", settings.token_file, &token);
  if (!status.ok()) return status;
  return Checked(natsOptions_SetToken(options, JsonEscaped(token).c_str()), "token_file");
}

Status SetCredentials(const BrokerSettings& settings, natsOptions* options) {
  std::string content;  // the library reads it as well, but does not report the name of the file
  Status status = ReadSettingFile("creds_file", settings.creds_file, &content);
  if (!status.ok()) return status;
  if (content.find("-----BEGIN NATS USER JWT-----") == std::string::npos) {
    return Status::Invalid("creds_file: no user JWT in file \"" + settings.creds_file + "\"",
                           "Make the file with nsc generate creds.");
  }
  return Checked(
      natsOptions_SetUserCredentialsFromFiles(options, settings.creds_file.c_str(), nullptr),
      "creds_file");
}

Status SetNkey(const BrokerSettings& settings, natsOptions* options) {
  std::string content;
  std::string public_key;
  Status status = ReadSettingFile("nkey_seed_file", settings.nkey_seed_file, &content);
  if (status.ok()) status = PublicNkey(content, &public_key);
  if (!status.ok()) return status;
  return Checked(
      natsOptions_SetNKeyFromSeed(options, public_key.c_str(), settings.nkey_seed_file.c_str()),
      "nkey_seed_file");
}

// Credentials in a URL take precedence, for its server, over those of the settings.
Status SetIdentity(const BrokerSettings& settings, const ServerUrl& url, natsOptions* options) {
  const int identities = (settings.user.empty() ? 0 : 1) + (settings.token_file.empty() ? 0 : 1) +
                         (settings.creds_file.empty() ? 0 : 1) +
                         (settings.nkey_seed_file.empty() ? 0 : 1);
  if (identities > 1) {
    return Status::Invalid(
        "more than one of username, token_file, creds_file and nkey_seed_file is set",
        "Keep the one that the NATS server expects.");
  }
  if (settings.user.empty() && !settings.password_file.empty()) {
    return Status::Invalid("password_file is set without username", "Set username, too.");
  }
  if (url.has_user) {
    return Checked(natsOptions_SetUserInfo(options, JsonEscaped(url.user).c_str(),
                                           JsonEscaped(url.password).c_str()),
                   "url");
  }
  if (!url.token.empty()) {
    return Checked(natsOptions_SetToken(options, JsonEscaped(url.token).c_str()), "url");
  }
  if (!settings.user.empty()) return SetUser(settings, options);
  if (!settings.token_file.empty()) return SetToken(settings, options);
  if (!settings.creds_file.empty()) return SetCredentials(settings, options);
  if (!settings.nkey_seed_file.empty()) return SetNkey(settings, options);
  return Status::Ok();
}

Status SetTls(const BrokerSettings& settings, natsOptions* options) {
  if (settings.tls_cert_file.empty() != settings.tls_key_file.empty()) {
    return Status::Invalid("only one of tls_cert_file and tls_key_file is set", "Set both.");
  }
  Status status;
  // Also if the settings do not require TLS, because the server may require it.  The default is not
  // set explicitly, because the library then reads all the certificates of the system.
  if (!settings.tls_verify) {
    status = Checked(natsOptions_SkipServerVerification(options, true), "tls_verify");
  }
  if (!status.ok() || !WantsTls(settings)) return status;
  status = Checked(natsOptions_SetSecure(options, true), "url");
  std::string content;
  if (status.ok() && !settings.tls_ca_file.empty()) {
    status = ReadSettingFile("tls_ca_file", settings.tls_ca_file, &content);
    if (!status.ok()) return status;
    status = Checked(natsOptions_LoadCATrustedCertificates(options, settings.tls_ca_file.c_str()),
                     "tls_ca_file");
  }
  if (status.ok() && !settings.tls_cert_file.empty()) {
    status = ReadSettingFile("tls_cert_file", settings.tls_cert_file, &content);
    if (status.ok()) status = ReadSettingFile("tls_key_file", settings.tls_key_file, &content);
    if (!status.ok()) return status;
    status = Checked(natsOptions_LoadCertificatesChain(options, settings.tls_cert_file.c_str(),
                                                       settings.tls_key_file.c_str()),
                     "tls_cert_file and tls_key_file");
  }
  return status;
}

}  // namespace

bool WantsTls(const BrokerSettings& settings) {
  if (settings.tls_first || !settings.tls_ca_file.empty() || !settings.tls_cert_file.empty())
    return true;
  return settings.url.find("tls://") != std::string::npos;
}

Status MakeConnectOptions(const BrokerSettings& settings, natsOptions** options) {
  natsOptions* made = nullptr;
  Status status = Checked(natsOptions_Create(&made), "NATS client library");
  if (!status.ok()) return status;
  ServerUrl url;
  status = SetServer(settings, made, &url);
  if (status.ok()) status = SetIdentity(settings, url, made);
  if (status.ok()) status = SetTls(settings, made);
  if (status.ok()) {
    status = Checked(natsOptions_SetName(made, JsonEscaped(settings.client_name).c_str()),
                     "client_name");
  }
  if (status.ok()) {
    status = Checked(natsOptions_SetTimeout(made, settings.connect_timeout_ms), "connect_timeout");
  }
  if (status.ok()) {
    *options = made;
  } else {
    natsOptions_Destroy(made);
  }
  return status;
}

}  // namespace fraiseql::nats
