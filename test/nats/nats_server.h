// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <sys/types.h>

#include <string>

namespace fraiseql::nats::test {

// A directory of its own under /tmp, removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // Writes a file into it and returns its path.
  std::string Write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

// A port of 127.0.0.1 that is free now.
int FreePort();

// A nats-server of our own on 127.0.0.1, running from construction to destruction unless told
// otherwise; it dies with the test process, too.
class NatsServer {
 public:
  // `config` is added to the configuration file.  JetStream is on unless `jetstream` is empty.
  explicit NatsServer(const std::string& config = "", std::string jetstream = "{}");
  ~NatsServer();
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  void Start();   // again, on the same port with the same data; returns when it answers
  void Kill();    // SIGKILL
  void Pause();   // SIGSTOP
  void Resume();  // SIGCONT
  // Changes the configuration of the running server; `config` as in the constructor.  Returns when
  // it is in force.
  void Reload(const std::string& config);

  int port() const { return port_; }
  std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }
  // What it has written to its log.
  std::string log() const;

 private:
  void Configure(const std::string& config);

  TempDir dir_;
  const std::string jetstream_;
  const int port_;
  std::string config_file_;
  pid_t pid_ = -1;
};

}  // namespace fraiseql::nats::test
