// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <vector>

#include "config/section_reader.h"

namespace fraiseql {

// Reads one table of [[streams]] of fraiseql-observer.toml, and adds it if all of it is valid.
void ReadStream(const std::string& file, const TomlValue& table, SectionReader* reader,
                std::vector<StreamRule>* streams);

// Adds an error for each stream whose name an earlier one has.
void CheckStreamNames(const std::vector<StreamRule>& streams, ConfigProblems* problems);

}  // namespace fraiseql
