// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/section_reader.h"

namespace fraiseql {

// Reads one table of [[observers.rules]]; an error is added to the reader's problems.
void ReadRule(const std::string& file, const TomlValue& table, SectionReader* reader,
              std::vector<ObserverRule>* rules);

// Gives each rule without a name one that stays the same as long as its table or entity and its
// events do: "toml:tb_order.insert", and "toml:tb_order.insert#2" for the second of them. Adds an
// error for a name that is given twice, and for a rule that repeats another.
void NameRules(std::vector<ObserverRule>* rules, ConfigProblems* problems);

}  // namespace fraiseql
