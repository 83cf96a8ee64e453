// SPDX-License-Identifier: PostgreSQL
// The process that makes one call for a session: its start, its waits and its end.
extern "C" {
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/wait_event.h"
}

#include "nats/base/background_call.h"
#include "nats/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/guard.h"
#include "pg/call/process_call.h"
#include "pg/call/process_functions.h"
#include "pg/base/pinned_settings.h"

namespace fraiseql::pg {

namespace {

// The parts of a call have their own time limits; this one is for steps that have none, such as the
// lookup of a host name.
constexpr int64_t kLongestMs = 10 * 60 * 1000;

// The last step: the thread of the call, and those of libraries, may still run.
void ExitAtOnce(int code, Datum) { _exit(code); }

class CallProcessMain {
 public:
  explicit CallProcessMain(dsm_segment* segment);
  [[noreturn]] void Run();

 private:
  bool ReadRequest();
  Status Work(std::string* rows);
  void Wait(int socket);
  void Send(const Status& status, const std::string& rows);

  CallSegment* const shared_;
  shm_mq_handle* answers_ = nullptr;
  ProcessCall call_;
  nats::BackgroundCall<std::string> thread_;
  std::string answer_;
  const int64_t until_ms_ = nats::SteadyMs() + kLongestMs;
};

CallProcessMain::CallProcessMain(dsm_segment* segment)
    : shared_(static_cast<CallSegment*>(dsm_segment_address(segment))) {
  auto* queue = reinterpret_cast<shm_mq*>(reinterpret_cast<char*>(shared_) +
                                          CallQueueOffset(shared_->request_size));
  shm_mq_set_sender(queue, MyProc);
  answers_ = shm_mq_attach(queue, segment, nullptr);
}

bool CallProcessMain::ReadRequest() {
  TextRowReader request({shared_->request, shared_->request_size});
  uint32_t fields = 0;
  if (!request.NextRow(&fields) || fields < 3) return false;
  for (std::string* field : {&call_.function, &call_.database, &call_.session}) {
    *field = request.NextField().value_or("");
  }
  for (fields -= 3; fields > 0; --fields) {
    const auto argument = request.NextField();
    call_.arguments.push_back(argument ? std::optional<std::string>(*argument) : std::nullopt);
  }
  if (!request.NextRow(&fields)) return false;
  for (; fields >= 2; fields -= 2) {
    const std::string name(request.NextField().value_or(""));
    call_.own_settings.emplace_back(name, request.NextField().value_or(""));
  }
  return true;
}

// Waits for an event.  Does not return if the process must end, because its session has ended, it
// was terminated, or the time limit is reached.
void CallProcessMain::Wait(int socket) {
  (void)WaitLatchOrSocket(
      MyLatch,
      WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | (socket >= 0 ? WL_SOCKET_READABLE : 0),
      socket, 1000, WaitForBrokerEvent());
  ResetLatch(MyLatch);
  if (ProcDiePending || pg_atomic_read_u32(&shared_->abandoned) != 0) proc_exit(0);
  if (nats::SteadyMs() > until_ms_) {
    ereport(LOG, (errmsg("%s() has not ended after 10 minutes, and is abandoned",
                         call_.function.c_str())));
    proc_exit(0);
  }
  CHECK_FOR_INTERRUPTS();
}

Status CallProcessMain::Work(std::string* rows) {
  BrokerWork work;
  Status status = BeginCall(call_, rows, &work);
  if (!status.ok() || !work) return status;
  status = thread_.Start(work);
  if (!status.ok()) return status;
  while (!thread_.Finish(&status, rows)) Wait(thread_.wake_fd());
  return status;
}

void CallProcessMain::Send(const Status& status, const std::string& rows) {
  AppendTextRow({std::to_string(static_cast<int>(status.code())), status.message(), status.hint()},
                &answer_);
  if (status.ok()) answer_ += rows;
  while (shm_mq_send(answers_, answer_.size(), answer_.data(), true, true) == SHM_MQ_WOULD_BLOCK) {
    Wait(-1);
  }
}

void CallProcessMain::Run() {
  std::string rows;
  Status status = Status::Internal("request to a process is damaged");
  if (ReadRequest()) {
    const std::string activity = call_.function + " for session " + call_.session +
                                 " of database \"" + call_.database + "\"";
    pgstat_report_activity(STATE_RUNNING, activity.c_str());
    status = Work(&rows);
  }
  if (rows.size() > kMaxAnswerBytes) {
    status = Status::Unavailable("answer of " + call_.function + "() has more than 16 MB");
  }
  Send(status, rows);
  proc_exit(0);
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PGDLLEXPORT void fraiseql_nats_call_main(Datum);

void fraiseql_nats_call_main(Datum argument) {
  using namespace fraiseql::pg;
  pqsignal(SIGTERM, die);
  on_proc_exit(ExitAtOnce, 0);
  BackgroundWorkerUnblockSignals();
  // Connected to no database: no session has to wait for this process, and pg_stat_activity shows
  // it.
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  PinProcessSettings();
  dsm_segment* segment = dsm_attach(DatumGetUInt32(argument));
  if (segment == nullptr) proc_exit(0);  // the session has already ended
  // Lives until the process ends; the kernel frees it.
  auto* process = new CallProcessMain(segment);
  Guard([=] { process->Run(); });
}
}
