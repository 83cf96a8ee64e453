// SPDX-License-Identifier: PostgreSQL
#include "config/toml_config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

namespace fraiseql {
namespace {

using Variables = std::map<std::string, std::string>;

Environment Of(const Variables& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

std::string ReadTestData(const std::string& name) {
  std::ifstream file("test/data/" + name);
  EXPECT_TRUE(file) << name << " must be read in the root of the repository";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Names(SettingSource source) {
  switch (source) {
    case SettingSource::kEnvironment:
      return "environment";
    case SettingSource::kObserverFile:
      return "observer file";
    case SettingSource::kFile:
      return "file";
  }
  return "";
}

std::string Joined(const std::vector<std::string>& items) {
  std::string joined;
  for (const std::string& item : items) joined += (joined.empty() ? "" : ",") + item;
  return joined;
}

// Everything a Config holds, one line for each part of it.
std::string Print(const Config& config) {
  std::ostringstream out;
  for (const Setting& setting : config.settings) {
    out << setting.name << " = " << setting.value.text << " (" << Names(setting.value.source)
        << ", " << setting.value.where << ')';
    for (const SettingValue& loser : setting.overridden) {
      out << " not " << loser.text << " (" << loser.where << ')';
    }
    out << '\n';
  }
  for (const ObserverRule& rule : config.rules) {
    out << rule.name << ": " << rule.table << '|' << rule.entity << '|' << Joined(rule.events)
        << '|' << rule.subject << '|' << rule.condition
        << (rule.when.empty() ? "" : "when " + rule.when) << '|' << Joined(rule.columns) << '|'
        << rule.format << '|' << rule.source << " (" << rule.where << ")\n";
  }
  for (const ConfigProblem& warning : config.warnings) {
    out << "warning: " << warning.text() << '\n';
  }
  for (const ConfigProblem& notice : config.notices) {
    out << "notice: " << notice.text() << '\n';
  }
  return out.str();
}

// What the files say, or the errors.
std::string Read(const std::optional<std::string>& file,
                 const std::optional<std::string>& observer_file, const Variables& variables = {}) {
  ConfigInput input;
  if (file) input.file = ConfigFile{"f.toml", *file};
  if (observer_file) input.observer_file = ConfigFile{"o.toml", *observer_file};
  input.environment = Of(variables);
  Config config;
  std::string printed;
  for (const ConfigProblem& error : ParseConfig(input, &config)) {
    printed += "error: " + error.text() + '\n';
  }
  return printed + Print(config);
}

std::string NoticeOfRules(const std::string& place) {
  return "notice: f.toml:" + place + ": FraiseQL's compiler refuses a file with observers\n";
}

TEST(TomlConfig, ReadsTheOrderSystemAsItIsPrinted) {
  ConfigInput input;
  input.file = ConfigFile{"fraiseql.toml", ReadTestData("order-system/fraiseql.toml")};
  input.observer_file =
      ConfigFile{"fraiseql-observer.toml", ReadTestData("order-system/fraiseql-observer.toml")};
  input.environment = Of({{"NATS_URL", "nats://nats-1:4222,nats://nats-2:4222"}});
  Config config;
  EXPECT_TRUE(ParseConfig(input, &config).empty());
  EXPECT_EQ(Print(config), R"(ack_wait = 30s (observer file, fraiseql-observer.toml:17:1)
consumer_name = fraiseql_observer_worker (observer file, fraiseql-observer.toml:10:1)
dedup_window = 5min (observer file, fraiseql-observer.toml:18:1)
max_age = 30d (observer file, fraiseql-observer.toml:13:1)
max_bytes = 10737418240 (observer file, fraiseql-observer.toml:14:1)
max_deliver = 3 (observer file, fraiseql-observer.toml:16:1)
max_msgs = 1000000 (observer file, fraiseql-observer.toml:15:1)
stream_name = fraiseql_events (observer file, fraiseql-observer.toml:8:1)
subject_prefix = fraiseql.mutation (observer file, fraiseql-observer.toml:9:1)
url = nats://nats-1:4222,nats://nats-2:4222 (observer file, fraiseql-observer.toml:7:1) not nats://nats-1:4222,nats://nats-2:4222 (fraiseql.toml:17:1)
toml:tb_order.insert: tb_order||INSERT|order_created|||| (fraiseql.toml:4:1)
toml:tb_order.update: tb_order||UPDATE|order_status_changed|||| (fraiseql.toml:9:1)
warning: fraiseql.toml:4:1: [[observers]] beside [observers] is not valid TOML
)");
}

TEST(TomlConfig, ReadsObserversHoweverTheyAreSpelled) {
  const std::string rule = "table = \"t\"\nevent = \"DELETE\"\n";
  const std::string printed = "toml:t.delete: t||DELETE||||| (f.toml:";
  const std::string warning = ":1: [[observers]] beside [observers] is not valid TOML\n";
  const struct {
    std::string text, printed;
  } kCases[] = {
      {"[[observers]]\n" + rule, printed + "1:1)\n" + NoticeOfRules("1:3")},
      {"[observers]\nbackend = \"nats\"\n[[observers.rules]]\n" + rule,
       printed + "3:1)\n" + NoticeOfRules("3:13")},
      {"[[observers.rules]]\n" + rule, printed + "1:1)\n" + NoticeOfRules("1:13")},
      {"observers = [{table = \"t\", event = \"DELETE\"}]",
       printed + "1:14)\n" + NoticeOfRules("1:1")},
      {"observers.rules = [{table = \"t\", event = \"DELETE\"}]",
       printed + "1:20)\n" + NoticeOfRules("1:11")},
      {"[observers]\nbackend = \"nats\"\n[[observers]]\n" + rule,
       printed + "3:1)\nwarning: f.toml:3" + warning},
      {"[[observers]]\n" + rule + "[observers]\nbackend = \"nats\"\n",
       printed + "1:1)\nwarning: f.toml:1" + warning},
      {"observers.backend = \"nats\"\n[[observers]]\n" + rule,
       printed + "2:1)\nwarning: f.toml:2" + warning},
      {"x = '''\n[[observers]]\n'''\n[[observers.rules]]\n" + rule,
       printed + "4:1)\n" + NoticeOfRules("4:13")},
      {"\xEF\xBB\xBF  [[ observers ]] # here\r\ntable='t'\r\nevent='delete'",
       printed + "1:3)\n" + NoticeOfRules("1:6")},
      {"", ""},
      {"[observers]\n", ""},
      {"observers = []\n", NoticeOfRules("1:1")},
  };
  for (const auto& c : kCases) EXPECT_EQ(Read(c.text, {}), c.printed) << c.text;
}

TEST(TomlConfig, GathersTheObserversOfAFile) {
  EXPECT_EQ(Read("[observers]\n[[observers.rules]]\ntable = \"a\"\nevent = \"INSERT\"\n"
                 "[[observers]]\ntable = \"b\"\nevent = \"INSERT\"\n",
                 "[[observers]]\nentity = \"C\"\nevent_type = \"INSERT\"\n"),
            "toml:C.insert: |C|INSERT||||| (o.toml:1:1)\n"
            "toml:a.insert: a||INSERT||||| (f.toml:2:1)\n"
            "toml:b.insert: b||INSERT||||| (f.toml:5:1)\n"
            "warning: f.toml:5:1: [[observers]] beside [observers] is not valid TOML\n");
}

TEST(TomlConfig, ReadsBothShapesOfObservers) {
  EXPECT_EQ(Read({}, R"([[observers]]
table = "sales.tb_order"
event = "update"
subject = "orders.{column:region}.{op}"
condition = "field_changed('status') && total > 100"

[[observers]]
entity = "Order"
event_type = "INSERT"
condition = "total >= 1_000"
)"),
            "error: o.toml:10:13: invalid condition at character 10: \"1_000\" is neither a number "
            "nor a string\n");
  EXPECT_EQ(Read({}, R"([[observers]]
table = "sales.tb_order"
event = "update"
subject = "orders.{column:region}.{op}"
condition = "field_changed('status') && total > 100"

[[observers]]
entity = "Order"
event_type = "INSERT"
condition = "total >= 1000"
when = "lower(note) LIKE '%gift%'"

[[observers]]
name = "mine"
table = "tb_item"
entity = "Thing"
events = ["delete", "INSERT", "INSERT"]
subject = "thing_moved"
columns = ["id", "total"]
format = "row"
source = "notify"
)"),
            "toml:sales.tb_order.update: sales.tb_order||UPDATE|orders.{column:region}.{op}|"
            "field_changed('status') && total > 100||| (o.toml:1:1)\n"
            "toml:Order.insert: |Order|INSERT||total >= 1000when lower(note) LIKE '%gift%'||| "
            "(o.toml:7:1)\n"
            "mine: tb_item|Thing|INSERT,DELETE|thing_moved||id,total|row|notify (o.toml:13:1)\n");
}

TEST(TomlConfig, NamesObserversAfterTableAndEvents) {
  EXPECT_EQ(Read("observers = [\n"
                 "{table = 't', event = 'INSERT', subject = 'a'},\n"
                 "{table = 't', event = 'INSERT', subject = 'b'},\n"
                 "{table = 't', events = ['UPDATE', 'INSERT']},\n"
                 "{table = 't', events = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']}]",
                 {}),
            "toml:t.insert: t||INSERT|a|||| (f.toml:2:1)\n"
            "toml:t.insert#2: t||INSERT|b|||| (f.toml:3:1)\n"
            "toml:t.insert_update: t||INSERT,UPDATE||||| (f.toml:4:1)\n"
            "toml:t: t||INSERT,UPDATE,DELETE,TRUNCATE||||| (f.toml:5:1)\n" +
                NoticeOfRules("1:1"));
}

TEST(TomlConfig, LeavesTheOtherSectionsToFraiseql) {
  EXPECT_EQ(
      Read(
          "top = 1\n[project]\nname = \"${UNSET}\"\n[database]\nurl = 5\n[redis]\nx = 1\n"
          "[[types]]\na.b.c = 1979-05-27\n[observers]\nnats_url = \"nats://a\"\n[security.rules]\n",
          {}),
      "url = nats://a (file, f.toml:11:1)\n");
}

TEST(TomlConfig, ReadsTextOfAllLanguages) {
  EXPECT_EQ(Read("# été 日本\n\"é\".x = 1\n[[observers]]\ntable = 'tb_été' # é\n"
                 "event = 'INSERT'\nsubject = \"\"\"a.\\\n  é\"\"\"\nformat = 'row'\n",
                 {}),
            "toml:tb_été.insert: tb_été||INSERT|a.é|||row| (f.toml:3:1)\n" + NoticeOfRules("3:3"));
}

TEST(TomlConfig, ReadsTheTransportOfTheServer) {
  EXPECT_EQ(Read("[observers.runtime.transport]\ntransport = \"nats\"\n"
                 "[observers.runtime.transport.nats]\nurl = \"tls://a\"\n"
                 "jetstream.max_age_days = 1\n",
                 {}),
            "max_age = 1d (file, f.toml:5:11)\nurl = tls://a (file, f.toml:4:1)\n");
}

TEST(TomlConfig, TakesTheFirstSourceThatHasAValue) {
  const std::string file =
      "[observers]\nbackend = \"nats\"\nnats_url = \"nats://f\"\n"
      "[observers.runtime.transport.nats]\nstream_name = \"f\"\nconsumer_name = \"f\"\n";
  const std::string observer_file = "[transport.nats]\nurl = \"nats://o\"\nstream_name = \"o\"\n";
  EXPECT_EQ(Read(file, observer_file, {{"FRAISEQL_NATS_URL", "nats://e"}}),
            "consumer_name = f (file, f.toml:6:1)\n"
            "stream_name = o (observer file, o.toml:3:1) not f (f.toml:5:1)\n"
            "url = nats://e (environment, FRAISEQL_NATS_URL) not nats://o (o.toml:2:1) "
            "not nats://f (f.toml:3:1)\n");
}

TEST(TomlConfig, ReadsEveryVariable) {
  EXPECT_EQ(Read({}, {},
                 {{"FRAISEQL_OBSERVER_TRANSPORT", "nats"},
                  {"FRAISEQL_NATS_URL", "nats://a, tls://b:1"},
                  {"FRAISEQL_NATS_SUBJECT_PREFIX", "p"},
                  {"FRAISEQL_NATS_CONSUMER_NAME", "c"},
                  {"FRAISEQL_NATS_STREAM_NAME", "s"},
                  {"FRAISEQL_NATS_DEDUP_WINDOW_MINUTES", "60"},
                  {"FRAISEQL_NATS_MAX_AGE_DAYS", "0"},
                  {"FRAISEQL_NATS_MAX_MSGS", "-1"},
                  {"FRAISEQL_NATS_MAX_BYTES", "9007199254740992"},
                  {"FRAISEQL_NATS_ACK_WAIT_SECS", "1"},
                  {"FRAISEQL_NATS_MAX_DELIVER", "5"},
                  {"PATH", "not ours"}}),
            "ack_wait = 1s (environment, FRAISEQL_NATS_ACK_WAIT_SECS)\n"
            "consumer_name = c (environment, FRAISEQL_NATS_CONSUMER_NAME)\n"
            "dedup_window = 60min (environment, FRAISEQL_NATS_DEDUP_WINDOW_MINUTES)\n"
            "max_age = 0d (environment, FRAISEQL_NATS_MAX_AGE_DAYS)\n"
            "max_bytes = 9007199254740992 (environment, FRAISEQL_NATS_MAX_BYTES)\n"
            "max_deliver = 5 (environment, FRAISEQL_NATS_MAX_DELIVER)\n"
            "max_msgs = -1 (environment, FRAISEQL_NATS_MAX_MSGS)\n"
            "stream_name = s (environment, FRAISEQL_NATS_STREAM_NAME)\n"
            "subject_prefix = p (environment, FRAISEQL_NATS_SUBJECT_PREFIX)\n"
            "url = nats://a, tls://b:1 (environment, FRAISEQL_NATS_URL)\n");
}

TEST(TomlConfig, RefusesVariablesThatMakeNoSense) {
  const struct {
    std::string name, value, message;
  } kCases[] = {
      {"FRAISEQL_OBSERVER_TRANSPORT", "mail",
       "transport \"mail\" is not supported, only \"nats\" is"},
      {"FRAISEQL_NATS_MAX_AGE_DAYS", "30d",
       "FRAISEQL_NATS_MAX_AGE_DAYS must be an integer, not \"30d\""},
      {"FRAISEQL_NATS_MAX_AGE_DAYS", "", "FRAISEQL_NATS_MAX_AGE_DAYS must be an integer, not \"\""},
      {"FRAISEQL_NATS_MAX_BYTES", "9223372036854775808",
       "FRAISEQL_NATS_MAX_BYTES must be an integer, not \"9223372036854775808\""},
      {"FRAISEQL_NATS_MAX_BYTES", "-2",
       "FRAISEQL_NATS_MAX_BYTES must be between -1 and 9007199254740992, not -2"},
      {"FRAISEQL_NATS_DEDUP_WINDOW_MINUTES", "61",
       "FRAISEQL_NATS_DEDUP_WINDOW_MINUTES must be between 1 and 60, not 61"},
      {"FRAISEQL_NATS_STREAM_NAME", "a.b", "stream name \"a.b\" has a blank or one of . * > \\ /"},
      {"FRAISEQL_NATS_URL", "",
       "server URL does not have the form nats://host:port or tls://host:port"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Read({}, {}, {{c.name, c.value}}), "error: " + c.name + ": " + c.message + "\n");
  }
}

// What is FraiseQL's own, or was, with any value.
TEST(TomlConfig, LeavesTheRestOfObserversToFraiseql) {
  const std::string runtime = " has no effect here: it is for FraiseQL's own runtime\n";
  const std::string own = " has no effect here: it is for FraiseQL\n";
  const std::string dropped = " has no effect here: FraiseQL no longer reads it\n";
  EXPECT_EQ(Read("[observers]\nredis_url = \"redis://a\"\n[[observers.handlers]]\nname = 1\n"
                 "[observers.runtime]\npoll_interval_ms = 100\nlater.than.us = {}\n"
                 "pool = {min_connections = 2}\n[observers.runtime.email]\nfrom = \"${UNSET}\"\n",
                 {}),
            "notice: f.toml:2:1: \"observers.redis_url\"" + own +
                "notice: f.toml:3:13: \"observers.handlers\"" + own +
                "notice: f.toml:6:1: \"observers.runtime.poll_interval_ms\"" + runtime +
                "notice: f.toml:7:1: \"observers.runtime.later\"" + runtime +
                "notice: f.toml:8:1: \"observers.runtime.pool\"" + runtime +
                "notice: f.toml:9:20: \"observers.runtime.email\"" + runtime);
  EXPECT_EQ(Read("[observers.runtime.transport]\nrun_bridge = false\nrun_executors = \"\"\n"
                 "[observers.runtime.transport.bridge]\nbatch_size = 1\n",
                 {}),
            "notice: f.toml:2:1: \"observers.runtime.transport.run_bridge\"" + dropped +
                "notice: f.toml:3:1: \"observers.runtime.transport.run_executors\"" + dropped +
                "notice: f.toml:4:30: \"observers.runtime.transport.bridge\"" + dropped);
  EXPECT_EQ(
      Read({}, {}, {{"FRAISEQL_NATS_ENABLE_BRIDGE", "0"}, {"FRAISEQL_NATS_RUN_EXECUTORS", "yes"}}),
      "notice: FRAISEQL_NATS_ENABLE_BRIDGE: FRAISEQL_NATS_ENABLE_BRIDGE" + dropped +
          "notice: FRAISEQL_NATS_RUN_EXECUTORS: FRAISEQL_NATS_RUN_EXECUTORS" + dropped);
  const std::string kKeys[] = {"channel_capacity", "max_concurrency", "backlog_alert_threshold",
                               "shutdown_timeout", "max_dlq_size",    "redis",
                               "performance",      "job_queue",       "clickhouse"};
  for (const std::string& key : kKeys) {
    EXPECT_EQ(Read({}, key + " = 1\n"), "notice: o.toml:1:1: \"" + key + '"' + dropped);
    EXPECT_EQ(Read({}, '[' + key + "]\nx = 1\n"), "notice: o.toml:1:2: \"" + key + '"' + dropped);
    EXPECT_EQ(Read('[' + key + "]\nx = 1\n", {}), "");
  }
  for (const std::string key : {"run_bridge", "run_executors", "bridge"}) {
    EXPECT_EQ(Read({}, "[transport]\n" + key + " = true\n"),
              "notice: o.toml:2:1: \"transport." + key + '"' + dropped);
  }
}

// FraiseQL's own runtime may be off, or use another backend, and this extension be on.
TEST(TomlConfig, IsSwitchedOffByFraiseqlObserverTomlAlone) {
  const std::string enabled =
      "notice: f.toml:2:1: \"observers.enabled\" has no effect here: it switches FraiseQL's own "
      "runtime, and not fraiseql_nats\n";
  EXPECT_EQ(Read("[observers]\nenabled = false\n", {}), enabled);
  EXPECT_EQ(Read("[observers]\nenabled = true\n", "[observers]\nenabled = false\n"),
            "enabled = off (observer file, o.toml:2:1)\n" + enabled);
  const std::string chooses =
      " has no effect here: it chooses what FraiseQL's own runtime uses, fraiseql_nats publishes "
      "to "
      "NATS all the same\n";
  for (const std::string backend : {"postgres", "postgresql", "redis", "mysql", "in-memory"}) {
    EXPECT_EQ(Read("[observers]\nbackend = \"" + backend + "\"\n", {}),
              "notice: f.toml:2:11: \"observers.backend\" = \"" + backend + '"' + chooses);
  }
  for (const std::string transport : {"postgres", "in_memory"}) {
    EXPECT_EQ(Read("[observers.runtime]\ntransport.transport = \"" + transport + "\"\n", {}),
              "notice: f.toml:2:23: \"observers.runtime.transport.transport\" = \"" + transport +
                  '"' + chooses);
  }
  for (const std::string transport :
       {"postgres", "postgresql", "in_memory", "inmemory", "memory"}) {
    EXPECT_EQ(Read({}, {}, {{"FRAISEQL_OBSERVER_TRANSPORT", transport}}),
              "notice: FRAISEQL_OBSERVER_TRANSPORT: FRAISEQL_OBSERVER_TRANSPORT = \"" + transport +
                  '"' + chooses);
  }
  Config config;
  EXPECT_TRUE(ParseConfigText("[observers]\nbackend = \"postgres\"\n", &config).empty());
  ASSERT_EQ(config.notices.size(), 1u);
  EXPECT_NE(config.notices[0].hint.find("\"fraiseql_nats.enabled\" to off"), std::string::npos);
}

// Notices are logged and shown, as errors are.
TEST(TomlConfig, HasNoticesThatAreFitToBeShown) {
  std::string text = "[observers.runtime]\n\"a\\u001b[31m\\nLOG: x\" = 1\n";
  for (int i = 0; i < 1000; ++i) text += "x" + std::to_string(i) + " = 1\n";
  Config config;
  EXPECT_TRUE(ParseConfigText(text, &config).empty());
  ASSERT_EQ(config.notices.size(), 100u);
  EXPECT_EQ(config.notices[0].text(),
            "fraiseql.toml:2:1: \"observers.runtime.a?[31m?LOG: x\" has no effect here: it is for "
            "FraiseQL's own runtime");
}

TEST(TomlConfig, TellsWhereObserversArePutBetter) {
  const std::string rule = "table = \"t\"\nevent = \"DELETE\"\n";
  Config config;
  EXPECT_TRUE(ParseConfigText("[[observers.rules]]\n" + rule, &config).empty());
  ASSERT_EQ(config.notices.size(), 1u);
  EXPECT_EQ(config.notices[0].hint,
            "Move the observers to fraiseql-observer.toml, as [[observers.rules]]: FraiseQL does "
            "not read that file.");
  for (const std::string header : {"[[observers]]\n", "[[observers.rules]]\n"}) {
    EXPECT_EQ(Read({}, header + rule), "toml:t.delete: t||DELETE||||| (o.toml:1:1)\n");
  }
}

TEST(TomlConfig, ReplacesVariablesInStringsAlone) {
  EXPECT_EQ(Read("# ${UNSET}\n[observers]\nnats_url = \"${U:-nats://d}\"\n[[observers.rules]]\n"
                 "table = '${T}'\nevents = ['${E}']\nsubject = \"${S:-a}.{op}\"\n",
                 {}, {{"T", "\"tb x[]\""}, {"E", "INSERT"}}),
            "url = nats://d (file, f.toml:3:1)\n"
            "toml:\"tb x[]\".insert: \"tb x[]\"||INSERT|a.{op}|||| (f.toml:4:1)\n" +
                NoticeOfRules("4:13"));
}

TEST(TomlConfig, TellsTheTwoFilesApart) {
  Config config;
  EXPECT_TRUE(ParseConfigText("[transport.nats]\nurl = \"nats://a\"\n", &config).empty());
  EXPECT_EQ(Print(config), "url = nats://a (observer file, fraiseql-observer.toml:2:1)\n");
  EXPECT_TRUE(ParseConfigText("[observers]\nnats_url = \"nats://a\"\n[x]\n", &config).empty());
  EXPECT_EQ(Print(config), "url = nats://a (file, fraiseql.toml:2:1)\n");
  const auto errors = ParseConfigText("[observers\n", &config);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].text(),
            "fraiseql.toml:1:11: error while parsing table header: expected ']', saw '\\n'");
}

// The text may come from somebody who may not see the environment.
TEST(TomlConfig, OfATextAloneLooksNothingUpInTheEnvironment) {
  const std::string text =
      "[observers]\nbackend = \"${PATH}\"\nnats_url = \"nats://${NO_SUCH_VARIABLE}\"\n"
      "[[observers.rules]]\ntable = \"${T:-t}\"\nevent = \"INSERT\"\n";
  Config config;
  EXPECT_TRUE(ParseConfigText(text, &config).empty());
  ASSERT_EQ(config.warnings.size(), 3u);
  EXPECT_EQ(config.warnings[0].text(),
            "fraiseql.toml:2:11: \"observers.backend\" refers to the server's environment, which "
            "is not looked up here");
  EXPECT_EQ(config.warnings[1].at.line, 3u);
  EXPECT_EQ(config.warnings[2].at.line, 5u);
  EXPECT_EQ(Print(config).find(std::getenv("PATH")), std::string::npos);
  // Nor is what the environment sets taken in.
  setenv("FRAISEQL_NATS_URL", "nats://secret", 1);
  EXPECT_TRUE(ParseConfigText("", &config).empty());
  unsetenv("FRAISEQL_NATS_URL");
  EXPECT_TRUE(config.settings.empty());
}

TEST(TomlConfig, KeepsTheConfigWhenThereIsAnError) {
  Config config;
  config.rules.resize(1);
  EXPECT_FALSE(ParseConfigText("[observers]\nx = 1\n", &config).empty());
  EXPECT_EQ(config.rules.size(), 1u);
}

TEST(TomlConfig, DeclaresStreams) {
  Config config;
  ASSERT_TRUE(ParseConfigText(R"([transport]
[[streams]]
name = "clicks"
subjects = ["click.>", "seen.*"]
max_age = "1 hour"
max_bytes = 1_000
message_id_header = "Fraiseql-Id"
[[streams]]
kv = "orders"
history = 5
[[observers.rules]]
table = "t"
event = "INSERT"
stream = "clicks"
)",
                              &config)
                  .empty());
  ASSERT_EQ(config.streams.size(), 2U);
  EXPECT_EQ(config.streams[0].name, "clicks");
  EXPECT_EQ(config.streams[0].subjects, (std::vector<std::string>{"click.>", "seen.*"}));
  const std::vector<std::pair<std::string, std::string>> values = {
      {"name", "clicks"},
      {"max_age", "1 hour"},
      {"max_bytes", "1000"},
      {"message_id_header", "Fraiseql-Id"}};
  EXPECT_EQ(config.streams[0].values, values);
  EXPECT_EQ(config.streams[1].name, "KV_orders");
  EXPECT_EQ(config.streams[1].where, "fraiseql-observer.toml:8:1");
  ASSERT_EQ(config.rules.size(), 1U);
  EXPECT_EQ(config.rules[0].stream, "clicks");
}

}  // namespace
}  // namespace fraiseql
