//go:build tools

// SPDX-License-Identifier: PostgreSQL

// Package tools names the nats CLI, which `run --prepare-tools` builds: the newest version that Debian 12's Go
// can build, with what it is made of pinned by go.sum.
package tools

import _ "github.com/nats-io/natscli/nats"
