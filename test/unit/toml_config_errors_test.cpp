// SPDX-License-Identifier: PostgreSQL
#include <gtest/gtest.h>

#include "config/toml_config.h"

namespace fraiseql {
namespace {

// One input that is wrong, the one error that it gives, and what the hint says.
struct Case {
  std::string text, message, hint;
};

std::vector<ConfigProblem> ErrorsOf(const ConfigInput& input) {
  Config config;
  return ParseConfig(input, &config);
}

ConfigInput InputOf(const std::string& file, const std::string& observer_file) {
  ConfigInput input;
  if (!file.empty()) input.file = ConfigFile{"f.toml", file};
  if (!observer_file.empty()) input.observer_file = ConfigFile{"o.toml", observer_file};
  input.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "EMPTY") return "";
    return std::nullopt;
  };
  return input;
}

void ExpectOneError(const ConfigInput& input, const Case& expected) {
  const auto errors = ErrorsOf(input);
  ASSERT_EQ(errors.size(), 1u) << expected.text;
  EXPECT_EQ(errors[0].text(), expected.message);
  EXPECT_NE(errors[0].hint.find(expected.hint), std::string::npos) << errors[0].hint;
  EXPECT_NE(errors[0].hint, "");
}

TEST(TomlConfigErrors, OfFraiseqlToml) {
  const Case kCases[] = {
      // What is no TOML.
      {"a = \n", "f.toml:1:5: error while parsing key-value pair: expected value, saw '\\n'",
       "TOML"},
      {"[=]\n",
       "f.toml:1:2: error while parsing key: expected bare key starting character or string "
       "delimiter, saw '='",
       "TOML"},
      {"[observers]\nbackend = nats\n",
       "f.toml:2:13: error while parsing floating-point: expected 'nan', saw 'nat'",
       "strings in quotes"},
      {"[observers]\nx = 1\nx = 2\n",
       "f.toml:3:5: error while parsing key-value pair: cannot redefine existing integer 'x'",
       "TOML"},
      {"[[observers]]\ntable = 't' event = 'INSERT'\n",
       "f.toml:2:13: error while parsing key-value pair: expected a comment or whitespace, saw 'e'",
       "TOML"},
      {"[[observers]] extra\n",
       "f.toml:1:15: error while parsing table header: expected a comment or whitespace, saw 'e'",
       "TOML"},
      {"[observers]\n[observers]\n",
       "f.toml:2:1: error while parsing table header: cannot redefine existing table 'observers'",
       "TOML"},
      {"[[observers]]\n[observers.retry]\n[observers.retry]\n",
       "f.toml:3:1: error while parsing table header: cannot redefine existing table "
       "'observers.retry'",
       "TOML"},
      {"[observers]\nx = 9223372036854775808\n",
       "f.toml:2:24: error while parsing decimal integer: '9223372036854775808' is not "
       "representable in 64 bits",
       "TOML"},
      {"été = 1\n",
       "f.toml:1:1: error while parsing root table: expected keys, tables, whitespace or comments, "
       "saw 'é'",
       "TOML"},
      {"xé = 1\n", "f.toml:1:2: error while parsing key-value pair: expected '=', saw 'é'", "TOML"},
      {"x = 1é\n", "f.toml:1:6: error while parsing decimal integer: expected digit, saw 'é'",
       "TOML"},
      {"x = \"\"\"\\é\"\"\"\n",
       "f.toml:1:9: error while parsing string: unknown escape sequence '\\é'", "TOML"},
      {"x = \"\xFF\"\n", "f.toml:1:5: encountered invalid utf-8 sequence", "TOML"},
      {"[a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i]\n",
       "f.toml:1:67: key has too many parts", "five"},
      // Keys.
      {"[observers]\nbakend = \"nats\"\n", "f.toml:2:1: unknown key \"bakend\" in [observers]",
       "Did you mean \"backend\"?"},
      {"[observers]\ncolour = 1\n", "f.toml:2:1: unknown key \"colour\" in [observers]",
       "Known keys are enabled, backend, nats_url, rules."},
      {"[observers.runtime.transport]\nrun_bridges = true\n",
       "f.toml:2:1: unknown key \"run_bridges\" in [observers.runtime.transport]",
       "Known keys are transport, nats."},
      // Types and values.
      {"observers = 1\n", "f.toml:1:13: \"observers\" must be a table, not an integer", "section"},
      {"[observers]\nbackend = 1\n",
       "f.toml:2:11: \"observers.backend\" must be a string, not an integer", "quotes"},
      {"[observers]\nruntime = 1.5\n",
       "f.toml:2:11: \"observers.runtime\" must be a table, not a float", "section"},
      {"[observers]\nbackend = \"redys\"\n",
       "f.toml:2:11: backend \"redys\" is not supported, only \"nats\" is", "write \"nats\""},
      {"[observers]\nnats_url = \"http://a:secret@b\"\n",
       "f.toml:2:12: server URL does not have the form nats://host:port or tls://host:port",
       "commas"},
      {"[observers]\nnats_url = \"nats://a,b\"\n",
       "f.toml:2:12: server URL does not have the form nats://host:port or tls://host:port",
       "commas"},
      {"[observers]\nnats_url = \"nats://a\"\n[observers.runtime.transport.nats]\nurl = "
       "\"nats://b\"\n",
       "f.toml:4:1: setting \"url\" has another value at f.toml:2:1", "Remove one"},
      // Variables.
      {"[observers]\nnats_url = \"${NATS_URL}\"\n",
       "f.toml:2:12: \"observers.nats_url\": environment variable NATS_URL is not set",
       "${NATS_URL:-default}"},
      {"[observers]\nnats_url = \"nats://${HOST\"\n",
       "f.toml:2:12: \"observers.nats_url\": \"${\" without \"}\"", "${NAME}"},
      {"[observers]\nnats_url = \"${EMPTY}\"\n",
       "f.toml:2:12: server URL does not have the form nats://host:port or tls://host:port",
       "Give one URL"},
      // What cannot be honoured.
      {"[[observers.subscribe]]\nsubject = \"x\"\n",
       "f.toml:1:13: \"observers.subscribe\" cannot be honoured: fraiseql_nats publishes to NATS "
       "and does not subscribe",
       "Subscribe in a service"},
      {"[observers]\npoll_interval_ms = 100\n",
       "f.toml:2:1: \"observers.poll_interval_ms\" cannot be honoured: fraiseql_nats reads "
       "the log as it is written and does not poll",
       "Remove it."},
      {"[observers.nats]\nurl = \"nats://a\"\n",
       "f.toml:1:12: \"observers.nats\" cannot be honoured: FraiseQL has no such section",
       "nats_url in [observers]"},
      {"[nats.auth]\ntype = \"token\"\n",
       "f.toml:1:2: \"nats\" cannot be honoured: FraiseQL has no such section",
       "fraiseql_nats.token_file"},
      {"[transport]\ntransport = \"nats\"\n",
       "f.toml:1:2: \"transport\" belongs in fraiseql-observer.toml",
       "[observers.runtime.transport]"},
  };
  for (const Case& c : kCases) ExpectOneError(InputOf(c.text, ""), c);
}

TEST(TomlConfigErrors, OfFraiseqlObserverToml) {
  const std::string jetstream = "[transport.nats.jetstream]\n";
  const Case kCases[] = {
      {"[transprt]\n", "o.toml:1:2: unknown key \"transprt\"", "Did you mean \"transport\"?"},
      {"[project]\n", "o.toml:1:2: unknown key \"project\"",
       "Known keys are observers, streams, transport."},
      {"[transport]\ntransport = \"postgres\"\n",
       "o.toml:2:13: transport \"postgres\" is not supported, only \"nats\" is", "write \"nats\""},
      {"[observers.runtime.transport]\ntransport = \"postgres\"\n",
       "o.toml:2:13: transport \"postgres\" is not supported, only \"nats\" is", "write \"nats\""},
      {"[observers]\nbackend = \"postgres\"\n",
       "o.toml:2:11: backend \"postgres\" is not supported, only \"nats\" is", "write \"nats\""},
      {"[observers]\nenabled = \"true\"\n",
       "o.toml:2:11: \"observers.enabled\" must be a boolean, not a string", "without quotes"},
      {"[observers]\nenabled = 1979-05-27\n",
       "o.toml:2:11: \"observers.enabled\" must be a boolean, not a date or time", "true"},
      {"[transport]\nbackend = \"nats\"\n",
       "o.toml:2:1: \"transport.backend\" cannot be honoured: FraiseQL has no such key",
       "transport = \"nats\""},
      {"[transport.nats]\nurls = \"nats://a\"\n",
       "o.toml:2:1: unknown key \"urls\" in [transport.nats]", "Did you mean \"url\"?"},
      {"[transport.nats]\nstream_name = \"my stream\"\n",
       "o.toml:2:15: stream name \"my stream\" has a blank or one of . * > \\ /", "safe"},
      {"[transport.nats]\nconsumer_name = \"\"\n", "o.toml:2:17: consumer name is empty", "value"},
      {"[transport.nats]\nsubject_prefix = \"a..b\"\n",
       "o.toml:2:18: subject \"a..b\" has an empty token", "dots"},
      {jetstream + "max_age_day = 30\n",
       "o.toml:2:1: unknown key \"max_age_day\" in [transport.nats.jetstream]",
       "Did you mean \"max_age_days\"?"},
      {jetstream + "max_age_days = \"30\"\n",
       "o.toml:2:16: \"transport.nats.jetstream.max_age_days\" must be an integer, not a string",
       "without quotes"},
      {jetstream + "max_bytes = 1e9\n",
       "o.toml:2:13: \"transport.nats.jetstream.max_bytes\" must be an integer, not a float",
       "digits"},
      {jetstream + "dedup_window_minutes = 0\n",
       "o.toml:2:24: \"transport.nats.jetstream.dedup_window_minutes\" must be between 1 and 60, "
       "not 0",
       "range"},
      {jetstream + "dedup_window_minutes = 61\n",
       "o.toml:2:24: \"transport.nats.jetstream.dedup_window_minutes\" must be between 1 and 60, "
       "not 61",
       "range"},
      {jetstream + "ack_wait_secs = 0\n",
       "o.toml:2:17: \"transport.nats.jetstream.ack_wait_secs\" must be between 1 and 86400, "
       "not 0",
       "range"},
      {jetstream + "max_deliver = -1\n",
       "o.toml:2:15: \"transport.nats.jetstream.max_deliver\" must be between 1 and 1000000, "
       "not -1",
       "range"},
      {jetstream + "max_msgs = -2\n",
       "o.toml:2:12: \"transport.nats.jetstream.max_msgs\" must be between -1 and "
       "9007199254740992, not -2",
       "range"},
      {jetstream + "max_age_days = -1\n",
       "o.toml:2:16: \"transport.nats.jetstream.max_age_days\" must be between 0 and 24855, not -1",
       "range"},
  };
  for (const Case& c : kCases) ExpectOneError(InputOf("", c.text), c);
}

TEST(TomlConfigErrors, OfAnObserver) {
  const Case kCases[] = {
      {"", "o.toml:1:1: observer has neither table nor entity", "tb_order"},
      {"table = 't'", "o.toml:1:1: observer has no event", "event = "},
      {"table = 't'\nevent = 'INSERT'\nevent_type = 'INSERT'",
       "o.toml:1:1: observer gives its events twice", "events = "},
      {"table = 't'\nevent = 'UPSERT'", "o.toml:3:9: unknown event \"UPSERT\"", "INSERT, UPDATE"},
      {"entity = 'T'\nevent_type = 'CUSTOM'", "o.toml:3:14: event \"CUSTOM\" is not supported",
       "publish()"},
      {"table = 't'\nevents = []", "o.toml:3:10: \"events\" is empty", "value"},
      {"table = 't'\nevents = ['INSERT', 1]",
       "o.toml:3:21: each element of \"events\" must be a string, not an integer", "quotes"},
      {"table = 't'\nevents = 'INSERT'", "o.toml:3:10: \"events\" must be an array, not a string",
       "brackets"},
      {"table = ''\nevent = 'INSERT'", "o.toml:2:9: table is empty", "value"},
      {"table = 'a b'\nevent = 'INSERT'", "o.toml:2:9: table 'a b' is not the name of a table",
       "as in SQL"},
      {"entity = '" + std::string(64, 'e') + "'\nevent = 'INSERT'",
       "o.toml:1:1: entity \"" + std::string(64, 'e') + "\" does not determine a valid table name",
       "shorter"},
      {"table = '${T}'\nevent = 'INSERT'",
       "o.toml:2:9: \"table\": environment variable T is not set", "${T:-default}"},
      {"entity = '*'\nevent = 'INSERT'", "o.toml:2:10: entity \"*\" is not supported",
       "each table"},
      {"tabel = 't'\nevent = 'INSERT'", "o.toml:2:1: unknown key \"tabel\"",
       "Did you mean \"table\"?"},
      {"table = 't'\nevent = 'INSERT'\nsubject = 'a b'",
       "o.toml:4:11: subject \"a b\" has a wildcard, a blank or a control character", "tokens"},
      {"table = 't'\nevent = 'INSERT'\nsubject = 'a.{what}'",
       "o.toml:4:11: unknown placeholder {what} in a subject", "{column:NAME}"},
      {"table = 't'\nevent = 'INSERT'\ncondition = 'a = 1'",
       "o.toml:4:13: invalid condition at character 3: expected one of == != > < >= <=, found "
       "\"=\"",
       "Equality is ==."},
      {"table = 't'\nevent = 'TRUNCATE'\ncondition = 'a == 1'",
       "o.toml:1:1: condition cannot apply to TRUNCATE, which has no row", "another observer"},
      {"table = 't'\nevent = 'INSERT'\nwhen = ''", "o.toml:4:8: when is empty", "Give it a value"},
      {"table = 't'\nevent = 'TRUNCATE'\nwhen = 'a = 1'",
       "o.toml:1:1: condition cannot apply to TRUNCATE, which has no row", "another observer"},
      {"table = 't'\nevent = 'INSERT'\nformat = 'xml'", "o.toml:4:10: unknown format \"xml\"",
       "observe()"},
      {"table = 't'\nevent = 'INSERT'\nsource = 'both'", "o.toml:4:10: unknown source \"both\"",
       "observe()"},
      {"table = 't'\nevent = 'INSERT'\nsubject = 'a.b'\nsource = 'auto'",
       "o.toml:1:1: source \"auto\" needs a topic", "order_created"},
      {"table = 't'\nevent = 'INSERT'\n[[observers.actions]]\ntype = 'webhook'",
       "o.toml:4:13: \"actions\" cannot be honoured: actions are run by FraiseQL's own runtime",
       "services act on the messages"},
      {"table = 't'\nevent = 'INSERT'\n[observers.retry]\nmax_attempts = 3",
       "o.toml:4:12: \"retry\" cannot be honoured: fraiseql_nats sends a message until the stream "
       "has it",
       "Remove it."},
      {"table = 't'\nevent = 'INSERT'\n[observers.on_failure]",
       "o.toml:4:12: \"on_failure\" cannot be honoured: actions are run by FraiseQL's own runtime",
       "Remove it"},
      {"table = 't'\nevent = 'INSERT'\n[[observers]]\ntable = 't'\nevent = 'INSERT'",
       "o.toml:4:1: observer repeats the one at o.toml:1:1", "Remove one"},
      {"name = 'n'\ntable = 't'\nevent = 'INSERT'\n[[observers]]\nname = 'n'\ntable = 'u'\nevent = "
       "'INSERT'",
       "o.toml:5:1: observer \"n\" is already declared at o.toml:1:1", "another name"},
  };
  for (const Case& c : kCases) ExpectOneError(InputOf("", "[[observers]]\n" + c.text), c);
}

TEST(TomlConfigErrors, OfAStream) {
  const std::string begin = "[transport]\n[[streams]]\n";
  const Case kCases[] = {
      {"name = \"a\"\n", "o.toml:2:1: stream has no subjects", "kv"},
      {"subjects = [\"a.>\"]\n", "o.toml:2:1: stream has no name", "name"},
      {"name = \"a b\"\nsubjects = [\"a.>\"]\n",
       "o.toml:3:8: stream name \"a b\" has a blank or one of . * > \\ /", "Letters"},
      {"name = \"a\"\nsubjects = [\"a.>\"]\nstorage = \"tape\"\n",
       "o.toml:5:11: unknown storage \"tape\"", "\"memory\""},
      {"name = \"a\"\nsubjects = [\"a.>\"]\nretention = \"forever\"\n",
       "o.toml:5:13: unknown retention \"forever\"", "workqueue"},
      {"name = \"a\"\nsubjects = [\"a.>\"]\nmessage_id_header = \"Id\"\n",
       "o.toml:5:21: unknown message_id_header \"Id\"", "Fraiseql-Id"},
      {"name = \"a\"\nsubjects = [\"$JS.>\"]\n", "o.toml:4:13: subject \"$JS.>\" is reserved",
       "NATS"},
      {"name = \"a\"\nsubjects = [\"a.>.b\"]\n",
       "o.toml:4:13: subject \"a.>.b\" has a wildcard, a blank or a control character", "tokens"},
      {"name = \"a\"\nsubjects = [\"a.>\"]\nreplicas = 6\n",
       "o.toml:5:12: \"replicas\" must be between 1 and 5, not 6", "range"},
      {"name = \"a\"\nsubjects = [\"a.>\"]\nhistory = 2\n", "o.toml:2:1: a history is of a bucket",
       "kv"},
      {"name = \"a\"\nsubjects = [\"a.>\"]\nmax_mgs = 2\n", "o.toml:5:1: unknown key \"max_mgs\"",
       "max_msgs"},
      {"kv = \"a.b\"\n", "o.toml:3:6: \"a.b\" is not the name of a bucket", "letters"},
      {"kv = \"x\"\nname = \"y\"\n",
       "o.toml:2:1: name, subjects and max_msgs_per_subject of a bucket follow from kv and history",
       "Leave"},
      {"name = \"KV_x\"\nsubjects = [\"x.>\"]\n", "o.toml:2:1: \"KV_x\" is the stream of a bucket",
       "kv = \"x\""},
      {"name = \"default\"\nsubjects = [\"x.>\"]\n",
       "o.toml:2:1: \"default\" is the stream of the settings", "transport.nats"},
      {"kv = \"x\"\n[[streams]]\nkv = \"x\"\n",
       "o.toml:4:1: stream \"KV_x\" is already declared at o.toml:2:1", "another name"},
  };
  for (const Case& wrong : kCases) ExpectOneError(InputOf("", begin + wrong.text), wrong);
}

TEST(TomlConfigErrors, OfRulesThatAreNoTables) {
  ExpectOneError(InputOf("[observers]\nrules = 1\n", ""),
                 {"", "f.toml:2:9: \"observers.rules\" must be an array, not an integer", ""});
  ExpectOneError(
      InputOf("[observers]\nrules = ['a']\n", ""),
      {"", "f.toml:2:10: each element of \"observers.rules\" must be a table, not a string", ""});
  ExpectOneError(InputOf("observers = [1]\n", ""),
                 {"",
                  "f.toml:1:14: each element of \"observers.rules\" must be a table, not an "
                  "integer",
                  ""});
}

TEST(TomlConfigErrors, AreAllReportedInTheOrderOfTheirPlaces) {
  const auto errors = ErrorsOf(InputOf(
      "[[observers]]\nevent = 'x'\ntable = 1\n[observers]\nbackend = 'redys'\nzzz = 1\naaa = 1\n",
      "[transport]\ntransport = 'memory'\nnats.url = 'x'\n"));
  std::string text;
  for (const ConfigProblem& error : errors) text += error.text() + '\n';
  EXPECT_EQ(text,
            "o.toml:2:13: transport \"memory\" is not supported, only \"nats\" is\n"
            "o.toml:3:12: server URL does not have the form nats://host:port or tls://host:port\n"
            "f.toml:2:9: unknown event \"x\"\n"
            "f.toml:3:9: \"table\" must be a string, not an integer\n"
            "f.toml:5:11: backend \"redys\" is not supported, only \"nats\" is\n"
            "f.toml:6:1: unknown key \"zzz\" in [observers]\n"
            "f.toml:7:1: unknown key \"aaa\" in [observers]\n");
}

// They are logged and shown: nothing of the file may speak to a terminal, or make up a line.
TEST(TomlConfigErrors, AreFitToBeShown) {
  ExpectOneError(InputOf("[observers]\n\"a\\u001b[31m\\nLOG: \\u009b\\u0000\\u00e9\" = 1\n", ""),
                 {"", "f.toml:2:1: unknown key \"a?[31m?LOG: ??\xC3\xA9\" in [observers]", ""});
  const auto errors = ErrorsOf(InputOf("[observers]\n\"" + std::string(5000, 'x') + "\" = 1", ""));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].reason, "unknown key \"" + std::string(484, 'x') + "...");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "x" + std::to_string(i) + " = 1\n";
  const auto hundred = ErrorsOf(InputOf("[observers]\n" + many, ""));
  ASSERT_EQ(hundred.size(), 100u);
  EXPECT_EQ(hundred[99].text(), "f.toml: there are 901 more problems");
  ExpectOneError(InputOf("[[observers]]\nname = \"a\\u0000\"\ntable = 't'\nevent = 'INSERT'\n", ""),
                 {"", "f.toml:2:8: \"name\" has a zero byte", "Remove"});
}

TEST(TomlConfigErrors, OfSize) {
  std::string rules;
  for (size_t i = 0; i <= kMaxRules; ++i) {
    rules += "[[observers]]\ntable='" + std::to_string(i).insert(0, "t") + "'\nevent='INSERT'\n";
  }
  ExpectOneError(InputOf(rules, ""),
                 {"", "f.toml:60001:1: there are more than 20000 observers", "observe()"});
  ExpectOneError(InputOf(std::string(1024 * 1024 + 1, '\n'), ""),
                 {"", "f.toml: file is larger than 1 MB", "configuration"});
}

}  // namespace
}  // namespace fraiseql
