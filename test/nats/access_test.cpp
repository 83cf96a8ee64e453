// SPDX-License-Identifier: PostgreSQL
//
// Who may come in, and do what: authentication, TLS, permissions, and settings that are wrong.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "broker_probe.h"
#include "certificates.h"
#include "jwt_account.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/manage/stream_management.h"
#include "nats/connection/why_unreachable.h"
#include "nats_server.h"
#include "time_limit.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

constexpr char kSeed[] = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
constexpr char kPublic[] = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

bool Delivers(const BrokerSettings& settings) {
  WorkerLoop loop(settings);
  loop.Produce(10);
  const bool settled = loop.RunUntilSettled(5000) && loop.pipeline.failures() == 0;
  EXPECT_TRUE(settled) << loop.pipeline.trouble().message();
  return settled;
}

Status TroubleWith(const BrokerSettings& settings) {
  WorkerLoop loop(settings);
  EXPECT_TRUE(loop.RunUntilTrouble());
  return loop.pipeline.trouble();
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Access, WithUserAndPassword) {
  // Characters that JSON and URLs treat specially are part of it.
  NatsServer server(R"(authorization: {user: "joe \"x\"", password: "p\"a\\s/s@w:d\t1"})");
  const TempDir dir;
  BrokerSettings settings = Broker(server.url());
  settings.user = "joe \"x\"";
  settings.password_file = dir.Write("password", "p\"a\\s/s@w:d\t1\n");
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, WithCredentialsInTheUrlThatAreNeverShown) {
  NatsServer server(R"(authorization: {user: joe, password: secret})");
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  WorkerLoop loop(Broker("nats://joe:secret@" + host));
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(loop.publisher.connected_url(), "nats://" + host);

  const Status status = TroubleWith(Broker("nats://joe:wrong@" + host));
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_TRUE(Contains(status.message(), "\"nats://" + host + "\"")) << status.message();
  EXPECT_FALSE(Contains(status.message(), "wrong"));
}

TEST(Access, RefusedWithAWrongPassword) {
  NatsServer server(R"(authorization: {user: joe, password: secret})");
  const TempDir dir;
  BrokerSettings settings = Broker(server.url());
  settings.user = "joe";
  settings.password_file = dir.Write("password", "secret");
  EXPECT_TRUE(Delivers(settings));
  dir.Write("password", "other");
  const Status status = TroubleWith(settings);
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_TRUE(Contains(status.message(), "Authorization Violation")) << status.message();
  EXPECT_TRUE(Contains(status.hint(), "password_file"));
}

TEST(Access, SaysOfEachServerWhatIsInTheWay) {
  NatsServer stopped;
  const std::string refused = stopped.url();
  stopped.Kill();
  const Status one = TroubleWith(Broker(refused));
  EXPECT_EQ(one.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(Contains(one.message(), "\"" + refused + "\": Connection refused")) << one.message();

  NatsServer guarded(R"(authorization: {user: joe, password: secret})");
  const std::string nowhere = "nats://joe:secret@no-such-host.invalid:4222";
  const Status all = TroubleWith(Broker(refused + ", " + nowhere + "," + guarded.url()));
  EXPECT_EQ(all.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(Contains(all.message(), "\"" + refused + "\": Connection refused; "))
      << all.message();
  EXPECT_TRUE(Contains(all.message(), "\"nats://no-such-host.invalid:4222\": host name cannot be"))
      << all.message();
  EXPECT_TRUE(Contains(all.message(), "\"" + guarded.url() + "\": ")) << all.message();
  EXPECT_TRUE(Contains(all.hint(), "password_file")) << all.hint();
}

TEST(Access, NamesTheStreamThatHasTheSubjects) {
  NatsServer server;
  StreamSettings stream;
  stream.name = "mine";
  stream.subjects = {"fraiseql.>", "more.*"};
  WorkerLoop other(Broker(server.url()));
  other.Produce(1);
  ASSERT_TRUE(other.RunUntilSettled());
  WorkerLoop loop(Broker(server.url()), stream);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_TRUE(Contains(loop.pipeline.trouble().message(), "those of stream \""))
      << loop.pipeline.trouble().message();
}

TEST(Access, ReadsThePasswordAgainAtEveryConnect) {
  NatsServer server(R"(authorization: {user: joe, password: secret})");
  const TempDir dir;
  BrokerSettings settings = Broker(server.url());
  settings.user = "joe";
  settings.password_file = dir.Write("password", "old");
  WorkerLoop loop(settings);
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  dir.Write("password", "secret");
  EXPECT_TRUE(loop.RunUntilSettled());
}

TEST(Access, WithToken) {
  NatsServer server(R"(authorization: {token: "t\"k"})");
  const TempDir dir;
  BrokerSettings settings = Broker(server.url());
  settings.token_file = dir.Write("token", "t\"k\n");
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, WithNkey) {
  NatsServer server("authorization: {users: [{nkey: " + std::string(kPublic) + "}]}");
  const TempDir dir;
  BrokerSettings settings = Broker(server.url());
  settings.nkey_seed_file = dir.Write("seed", std::string(kSeed) + "\n");
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, WithCredentialsFile) {
  NatsServer server(kJwtServerConfig);
  const TempDir dir;
  BrokerSettings settings = Broker(server.url());
  settings.creds_file = dir.Write("creds", kJwtUserCreds);
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, WithTls) {
  const Certificates certificates;
  NatsServer server(certificates.ServerConfig());
  BrokerSettings settings = Broker("tls://localhost:" + std::to_string(server.port()));
  settings.tls_ca_file = certificates.ca();
  EXPECT_TRUE(Delivers(settings));
  settings.url = server.url();
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, WithTlsAndClientCertificateAndUser) {
  const Certificates certificates;
  NatsServer server(certificates.ServerConfig(/*verify=*/true) +
                    "authorization: {user: joe, password: secret}");
  const TempDir dir;
  BrokerSettings settings = Broker(server.url());
  settings.tls_ca_file = certificates.ca();
  settings.tls_cert_file = certificates.client_cert();
  settings.tls_key_file = certificates.client_key();
  settings.user = "joe";
  settings.password_file = dir.Write("password", "secret");
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, WithTlsAndNkey) {
  const Certificates certificates;
  NatsServer server(certificates.ServerConfig() +
                    "authorization: {users: [{nkey: " + std::string(kPublic) + "}]}");
  const TempDir dir;
  BrokerSettings settings = Broker(server.url());
  settings.tls_ca_file = certificates.ca();
  settings.nkey_seed_file = dir.Write("seed", kSeed);
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, TlsVerifiesTheServerUnlessToldNotTo) {
  const Certificates certificates;
  const Certificates others;
  NatsServer server(certificates.ServerConfig());
  BrokerSettings settings = Broker(server.url());
  settings.tls_ca_file = others.ca();
  const Status unknown = TroubleWith(settings);
  EXPECT_EQ(unknown.code(), StatusCode::kInvalid);
  EXPECT_TRUE(Contains(unknown.hint(), "tls_ca_file")) << unknown.message();

  settings = Broker("tls://127.0.0.1:" + std::to_string(server.port()));
  EXPECT_EQ(TroubleWith(settings).code(), StatusCode::kInvalid);  // not an authority of the system
  settings.tls_verify = false;
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, SaysThatAServerHasNoTlsOrWantsACertificate) {
  const Certificates certificates;
  NatsServer clear;
  BrokerSettings settings = Broker(clear.url());
  settings.tls_ca_file = certificates.ca();
  Status status = TroubleWith(settings);
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_TRUE(Contains(status.hint(), "Remove the settings tls_*")) << status.message();

  NatsServer strict(certificates.ServerConfig(/*verify=*/true));
  settings.url = strict.url();
  status = TroubleWith(settings);
  EXPECT_TRUE(Contains(status.message(), "\"" + strict.url() + "\"")) << status.message();
  EXPECT_TRUE(Contains(status.hint(), "tls_cert_file")) << status.message();
}

TEST(Access, TlsVerifiesTheHostName) {
  const Certificates certificates("DNS:broker.example");
  NatsServer server(certificates.ServerConfig());
  BrokerSettings settings = Broker("tls://localhost:" + std::to_string(server.port()));
  settings.tls_ca_file = certificates.ca();
  const Status status = TroubleWith(settings);
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_TRUE(Contains(status.hint(), "host name")) << status.message();
  settings.tls_verify = false;
  EXPECT_TRUE(Delivers(settings));
}

TEST(Access, TellsAPermissionViolationBySubject) {
  NatsServer server(
      R"(authorization: {users: [{user: joe, password: x, permissions:
           {publish: ["fraiseql.allowed", "$JS.API.>"], subscribe: "_INBOX.>"}}]})");
  WorkerLoop loop(Broker("nats://joe:x@127.0.0.1:" + std::to_string(server.port())));
  loop.subject = "fraiseql.allowed";
  loop.Produce(10);
  ASSERT_TRUE(loop.RunUntilSettled());
  loop.subject = "fraiseql.forbidden";
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kRejected);
  EXPECT_TRUE(Contains(loop.pipeline.trouble().message(), "Publish to \"fraiseql.forbidden\""))
      << loop.pipeline.trouble().message();
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_TRUE(Contains(loop.pipeline.trouble().message(), "fraiseql.forbidden"));
}

TEST(Access, TellsMissingPermissionForTheApiOrTheInbox) {
  NatsServer server(
      R"(authorization: {users: [
           {user: noapi, password: x, permissions: {publish: "fraiseql.>", subscribe: "_INBOX.>"}},
           {user: noinbox, password: x, permissions: {publish: ">", subscribe: "mine.>"}}]})");
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  Status status = TroubleWith(Broker("nats://noapi:x@" + host));
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_TRUE(Contains(status.message(), "$JS.API.STREAM.INFO")) << status.message();
  status = TroubleWith(Broker("nats://noinbox:x@" + host));
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_TRUE(Contains(status.message(), "Subscription to \"_INBOX")) << status.message();
  BrokerSettings own_inbox = Broker("nats://noinbox:x@" + host);
  own_inbox.inbox_prefix = "mine.inbox";
  EXPECT_TRUE(Delivers(own_inbox));
}

TEST(Access, NamesTheSettingAndFileThatIsMissingOrWrong) {
  const TempDir dir;
  const std::string absent = dir.path() + "/absent";
  const std::string junk = dir.Write("junk", "junk\n");
  const std::string empty = dir.Write("empty", "\n");
  const auto expect_invalid = [](BrokerSettings settings, const std::string& setting,
                                 const std::string& file) {
    if (settings.url.empty()) settings.url = "nats://127.0.0.1:1";
    const Status status = TroubleWith(settings);
    EXPECT_EQ(status.code(), StatusCode::kInvalid) << setting << ": " << status.message();
    EXPECT_TRUE(Contains(status.message(), setting)) << status.message();
    EXPECT_TRUE(Contains(status.message(), file)) << status.message();
  };
  const auto with = [](std::string BrokerSettings::*member, const std::string& value) {
    BrokerSettings settings = Broker("nats://127.0.0.1:1");
    settings.*member = value;
    return settings;
  };
  BrokerSettings password = with(&BrokerSettings::password_file, absent);
  expect_invalid(password, "password_file", "");  // without a user
  password.user = "joe";
  expect_invalid(password, "password_file", absent);
  password.password_file = empty;
  expect_invalid(password, "password_file", empty);
  expect_invalid(with(&BrokerSettings::token_file, absent), "token_file", absent);
  expect_invalid(with(&BrokerSettings::creds_file, absent), "creds_file", absent);
  expect_invalid(with(&BrokerSettings::creds_file, junk), "creds_file", junk);
  expect_invalid(with(&BrokerSettings::nkey_seed_file, absent), "nkey_seed_file", absent);
  expect_invalid(with(&BrokerSettings::nkey_seed_file, junk), "nkey_seed_file", "seed");
  expect_invalid(with(&BrokerSettings::tls_ca_file, absent), "tls_ca_file", absent);
  expect_invalid(with(&BrokerSettings::tls_ca_file, junk), "tls_ca_file", "");
  expect_invalid(with(&BrokerSettings::tls_cert_file, absent), "tls_key_file", "");
  BrokerSettings pair = with(&BrokerSettings::tls_cert_file, absent);
  pair.tls_key_file = absent;
  expect_invalid(pair, "tls_cert_file", absent);
  pair.tls_cert_file = pair.tls_key_file = junk;
  expect_invalid(pair, "tls_cert_file", "");
  BrokerSettings two = with(&BrokerSettings::token_file, junk);
  two.user = "joe";
  expect_invalid(two, "more than one", "");
  expect_invalid(with(&BrokerSettings::url, " , "), "url", "");
}

TEST(Access, GoesOnToTheNextServerIfOneCannotServe) {
  NatsServer bare("", "");
  NatsServer server;
  for (int i = 0; i < 8; ++i) {
    WorkerLoop loop(Broker(bare.url() + "," + server.url()));
    loop.Produce(3);
    ASSERT_TRUE(loop.RunUntilSettled(5000)) << loop.pipeline.trouble().message();
    EXPECT_EQ(loop.publisher.connected_url(), server.url());
    EXPECT_LE(loop.publisher.connects(), 2u);
  }
  WorkerLoop loop(Broker(bare.url() + "," + bare.url()));
  EXPECT_FALSE(loop.RunUntilOpen(1000));
  // After 10, 20, 40, 80, 100, 100 ms ...: no hot loop.
  EXPECT_LE(loop.publisher.connects(), static_cast<uint64_t>(TimeLimit(30)));
}

TEST(Access, LeavesAServerThatDoesNotServeAnyMore) {
  for (int i = 0; i < 4; ++i) {
    NatsServer servers[2];
    const std::string config = R"({"name":"fraiseql_events","subjects":["fraiseql.>"]})";
    for (NatsServer& server : servers) {
      BrokerProbe(server.url()).Api("STREAM.CREATE.fraiseql_events", config);
    }
    StreamSettings stream;
    stream.create = false;
    WorkerLoop loop(Broker(servers[0].url() + "," + servers[1].url()), stream);
    loop.Produce(1);
    ASSERT_TRUE(loop.RunUntilSettled());
    const std::string first = loop.publisher.connected_url();
    BrokerProbe(first).Api("STREAM.DELETE.fraiseql_events");
    loop.Produce(1);
    ASSERT_TRUE(loop.RunUntilSettled()) << loop.pipeline.trouble().message();
    EXPECT_NE(loop.publisher.connected_url(), first);
    EXPECT_EQ(loop.publisher.connects(), 2u);
    EXPECT_TRUE(Contains(loop.pipeline.trouble().message(), "\"" + first + "\" cannot serve"))
        << loop.pipeline.trouble().message();
  }
}

TEST(Access, StaysWithASingleServerThatCannotServe) {
  NatsServer bare("", "");
  WorkerLoop loop(Broker(bare.url()));
  EXPECT_FALSE(loop.RunUntilOpen(1000));
  EXPECT_EQ(loop.publisher.connects(), 1u);
  EXPECT_GT(loop.pipeline.failures(), 3u);
}

TEST(Access, CallsGoOnToTheServerThatHasTheStream) {
  NatsServer bare("", "");
  NatsServer empty;
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  for (int i = 0; i < 12; ++i) {
    StreamInfo info;
    const Status status = WithJetStream(
        Broker(bare.url() + "," + empty.url() + "," + server.url()),
        [&](JetStreamClient* js) { return GetStreamInfo(js, "fraiseql_events", &info); });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(info.messages, 1u);
  }
  const Status nowhere =
      WithJetStream(Broker(bare.url() + "," + empty.url()), [&](JetStreamClient* js) {
        StreamInfo info;
        return GetStreamInfo(js, "fraiseql_events", &info);
      });
  EXPECT_TRUE(Contains(nowhere.message(), "\"" + bare.url() + "\" cannot serve: nobody answers"))
      << nowhere.message();
  EXPECT_TRUE(Contains(nowhere.message(), "stream not found")) << nowhere.message();
}

TEST(Access, WithEncodedCredentialsInTheUrl) {
  const Certificates certificates;
  for (const std::string& tls : {std::string(), certificates.ServerConfig()}) {
    NatsServer server(tls + R"(authorization: {user: "jo:e", password: "p@ss/w\"\\\n%"})");
    BrokerSettings settings =
        Broker("nats://jo%3Ae:p%40ss%2Fw%22%5c%0A%25@localhost:" + std::to_string(server.port()));
    if (!tls.empty()) settings.tls_ca_file = certificates.ca();
    EXPECT_TRUE(Delivers(settings));
  }
  NatsServer server(R"(authorization: {token: "t@\"k"})");
  EXPECT_TRUE(Delivers(Broker("nats://t%40%22k@127.0.0.1:" + std::to_string(server.port()))));
}

TEST(Access, WithAnInboxOfItsOwn) {
  NatsServer server(
      R"(authorization: {users: [{user: joe, password: x,
           permissions: {publish: ">", subscribe: "answers.pg.>"}}]})");
  BrokerSettings settings = Broker("nats://joe:x@127.0.0.1:" + std::to_string(server.port()));
  const Status refused = TroubleWith(settings);
  EXPECT_TRUE(Contains(refused.hint(), "subscribe to \"_INBOX.>\"")) << refused.hint();
  EXPECT_TRUE(Contains(refused.hint(), "inbox_prefix")) << refused.hint();
  settings.inbox_prefix = "answers.pg";
  EXPECT_TRUE(Delivers(settings));
  StreamInfo info;
  EXPECT_TRUE(WithJetStream(settings, [&](JetStreamClient* js) {
                return GetStreamInfo(js, "fraiseql_events", &info);
              }).ok());
  settings.inbox_prefix = "fraiseql.answers";
  EXPECT_EQ(TroubleWith(settings).code(), StatusCode::kInvalid);
}

// The worker's server has a JetStream of its own; the stream is in the domain of a leaf node.
TEST(Access, ToAStreamInAnotherDomain) {
  const int leaf_port = FreePort();
  NatsServer hub("leafnodes: {listen: \"127.0.0.1:" + std::to_string(leaf_port) + "\"}",
                 "{domain: hub}");
  NatsServer leaf(
      "leafnodes: {remotes: [{url: \"nats://127.0.0.1:" + std::to_string(leaf_port) + "\"}]}",
      "{domain: leaf}");
  BrokerSettings settings = Broker(hub.url());
  settings.js_domain = "leaf";
  WorkerLoop loop(settings);
  loop.Produce(10);
  ASSERT_TRUE(loop.RunUntilSettled(10000)) << loop.pipeline.trouble().message();
  BrokerProbe there(leaf.url());
  EXPECT_EQ(there.Messages("fraiseql_events").size(), 10u);
  BrokerProbe here(hub.url());
  EXPECT_TRUE(Contains(here.Api("STREAM.INFO.fraiseql_events"), "10059"));
  // What is stored is read back, by a consumer there.
  WorkerLoop again(settings, {}, WorkerLoop::QuickOptions(), {{}, 0, 0, {}, 100});
  again.Produce(12);
  ASSERT_TRUE(again.RunUntilSettled(10000)) << again.pipeline.trouble().message();
  EXPECT_EQ(again.pipeline.found(), 10u);
  EXPECT_EQ(there.Messages("fraiseql_events").size(), 12u);
  StreamInfo info;
  EXPECT_TRUE(WithJetStream(settings, [&](JetStreamClient* js) {
                return GetStreamInfo(js, "fraiseql_events", &info);
              }).ok());
  EXPECT_EQ(info.messages, 12u);
  settings.js_domain = "none";
  EXPECT_FALSE(TroubleWith(settings).hint().empty());
}

// A server that begins with TLS: a proxy that ends it, in front of a server that speaks in clear.
class TlsProxy {
 public:
  TlsProxy(const Certificates& certificates, int server_port) : port_(FreePort()) {
    const std::string port = std::to_string(port_);
    const std::string to = std::to_string(server_port);
    const std::string certificate = certificates.server_cert();
    const std::string key = certificates.server_key();
    pid_ = fork();
    if (pid_ == 0) {
      execlp("test/setup/tls-proxy", "tls-proxy", port.c_str(), to.c_str(), certificate.c_str(),
             key.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
    // It takes connections as soon as it listens.
    for (int tries = 0; tries < TimeLimit(500) && !WhyUnreachable(url(), 1000).empty(); ++tries)
      usleep(20000);
  }
  ~TlsProxy() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "tls://" + host + ":" + std::to_string(port_);
  }

 private:
  const int port_;
  pid_t pid_ = -1;
};

TEST(Access, BeginningWithTls) {
  const Certificates certificates;
  NatsServer server;
  TlsProxy proxy(certificates, server.port());
  BrokerSettings settings = Broker(proxy.url());
  settings.tls_first = true;
  settings.tls_ca_file = certificates.ca();
  EXPECT_TRUE(Delivers(settings));
  settings.url = proxy.url("localhost");
  WorkerLoop large(settings);
  large.payload_bytes = 700000;  // many records, both ways of the window
  large.Produce(30);
  ASSERT_TRUE(large.RunUntilSettled()) << large.pipeline.trouble().message();
  EXPECT_EQ(large.publisher.connected_url(), proxy.url("localhost"));
  StreamInfo info;
  EXPECT_TRUE(WithJetStream(settings, [&](JetStreamClient* js) {
                return GetStreamInfo(js, "fraiseql_events", &info);
              }).ok());

  const Certificates others("DNS:broker.example");
  settings.tls_ca_file = others.ca();
  Status status = TroubleWith(settings);
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_TRUE(Contains(status.message(), "certificate")) << status.message();
  TlsProxy elsewhere(others, server.port());
  settings.url = elsewhere.url();
  status = TroubleWith(settings);
  EXPECT_EQ(status.code(), StatusCode::kInvalid);  // its certificate is for another host
  EXPECT_TRUE(Contains(status.message(), "mismatch")) << status.message();
  settings.tls_verify = false;
  EXPECT_TRUE(Delivers(settings));

  settings.url = server.url();  // speaks in clear
  status = TroubleWith(settings);
  EXPECT_TRUE(Contains(status.message(), "does not begin with TLS")) << status.message();
}

TEST(Access, BeginningWithTlsAndAllKindsOfIdentity) {
  const Certificates certificates;
  const TempDir dir;
  BrokerSettings tls = Broker("");
  tls.tls_first = true;
  tls.tls_ca_file = certificates.ca();
  {
    NatsServer server(R"(authorization: {user: "joe \"x\"", password: "p\"a\\s/s@w"})");
    TlsProxy proxy(certificates, server.port());
    BrokerSettings settings = tls;
    settings.url = proxy.url();
    settings.user = "joe \"x\"";
    settings.password_file = dir.Write("password", "p\"a\\s/s@w\n");
    EXPECT_TRUE(Delivers(settings));
    dir.Write("password", "wrong");
    const Status status = TroubleWith(settings);
    EXPECT_EQ(status.code(), StatusCode::kInvalid);
    EXPECT_TRUE(Contains(status.message(), "Authorization Violation")) << status.message();
    settings.user = settings.password_file = "";
    settings.url = proxy.url("joe%20%22x%22:p%22a%5Cs%2Fs%40w@localhost");
    EXPECT_TRUE(Delivers(settings));
  }
  {
    NatsServer server(R"(authorization: {token: "t\"k"})");
    TlsProxy proxy(certificates, server.port());
    BrokerSettings settings = tls;
    settings.url = proxy.url();
    settings.token_file = dir.Write("token", "t\"k\n");
    EXPECT_TRUE(Delivers(settings));
  }
  {
    NatsServer server("authorization: {users: [{nkey: " + std::string(kPublic) + "}]}");
    TlsProxy proxy(certificates, server.port());
    BrokerSettings settings = tls;
    settings.url = proxy.url();
    settings.nkey_seed_file = dir.Write("seed", kSeed);
    EXPECT_TRUE(Delivers(settings));
  }
  {
    NatsServer server(kJwtServerConfig);
    TlsProxy proxy(certificates, server.port());
    BrokerSettings settings = tls;
    settings.url = proxy.url();
    settings.creds_file = dir.Write("creds", kJwtUserCreds);
    EXPECT_TRUE(Delivers(settings));
    settings.creds_file = dir.path() + "/none";
    EXPECT_TRUE(Contains(TroubleWith(settings).message(), "creds_file"));
  }
}

}  // namespace
}  // namespace fraiseql::nats::test
