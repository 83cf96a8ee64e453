// SPDX-License-Identifier: PostgreSQL
#include "nats_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "time_limit.h"

namespace fraiseql::nats::test {

namespace {

// Connects, and reads the greeting: a listening socket alone does not mean that the server is up.
bool Answers(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char byte;
  const bool answers = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
                       read(fd, &byte, 1) == 1;
  close(fd);
  return answers;
}

}  // namespace

TempDir::TempDir() {
  char name[] = "/tmp/fraiseql_nats_test.XXXXXX";
  if (mkdtemp(name) == nullptr) std::abort();
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::Write(const std::string& name, const std::string& content) const {
  const std::string file = path_ + "/" + name;
  std::ofstream(file) << content;
  return file;
}

int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  close(fd);
  return ntohs(address.sin_port);
}

NatsServer::NatsServer(const std::string& config, std::string jetstream)
    : jetstream_(std::move(jetstream)), port_(FreePort()) {
  Configure(config);
  Start();
}

void NatsServer::Configure(const std::string& config) {
  std::string text = "listen: \"127.0.0.1:" + std::to_string(port_) + "\"\n";
  if (!jetstream_.empty()) {
    text += "jetstream: {store_dir: \"" + dir_.path() + "\", " + jetstream_.substr(1) + "\n";
  }
  config_file_ = dir_.Write("server.conf", text + config + "\n");
}

void NatsServer::Reload(const std::string& config) {
  const size_t before = log().size();
  Configure(config);
  kill(pid_, SIGHUP);
  for (int tries = 0; log().find("Reloaded server configuration", before) == std::string::npos;
       ++tries) {
    if (tries == TimeLimit(500)) std::abort();
    usleep(20000);
  }
}

NatsServer::~NatsServer() { Kill(); }

void NatsServer::Start() {
  const std::string log_file = dir_.path() + "/log";
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    execlp("nats-server", "nats-server", "-c", config_file_.c_str(), "-l", log_file.c_str(),
           static_cast<char*>(nullptr));
    _exit(127);
  }
  for (int tries = 0; !Answers(port_); ++tries) {
    if (tries == TimeLimit(500)) std::abort();  // 10 s: no test makes sense without a server
    usleep(20000);
  }
}

void NatsServer::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void NatsServer::Pause() { kill(pid_, SIGSTOP); }

void NatsServer::Resume() { kill(pid_, SIGCONT); }

std::string NatsServer::log() const {
  std::ostringstream text;
  text << std::ifstream(dir_.path() + "/log").rdbuf();
  return text.str();
}

}  // namespace fraiseql::nats::test
