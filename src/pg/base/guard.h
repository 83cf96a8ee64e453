// SPDX-License-Identifier: PostgreSQL
#pragma once

// The boundary between C++ and Postgres.  Include after postgres.h.
//
//   * Everything that Postgres calls enters C++ through Guard(): no exception gets out.
//   * An ereport(ERROR) longjmps over C++ frames without running destructors.  So during a call of
//     a Postgres function that may raise, the stack holds only trivially destructible objects;
//     owners are members of an object that lives in a memory context (NewInContext) or as long as
//     the process.

#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "core/base/status.h"

namespace fraiseql::pg {

// ereport(ERROR) with a text of our own.
[[noreturn]] void RaiseInternal(const char* message);
[[noreturn]] void RaiseOutOfMemory();

// ereport(ERROR) for an expected failure, with its hint.  REQUIRES: no C++ object with a destructor
// but `status` is alive in the frames up to Postgres; the status itself is copied and destroyed.
[[noreturn]] void RaiseStatus(Status&& status);

template <typename Body>
auto Guard(Body&& body) -> decltype(body()) {
  static_assert(
      std::is_trivially_destructible_v<decltype(body())> || std::is_void_v<decltype(body())>,
      "a longjmp out of body() must skip no destructor");
  char message[512] = "";
  try {
    return body();
  } catch (const std::bad_alloc&) {
    // No text: RaiseOutOfMemory() has its own.
  } catch (const std::exception& e) {
    strlcpy(message, e.what(), sizeof(message));
  } catch (...) {
    strlcpy(message, "unknown C++ exception", sizeof(message));
  }
  // Outside the handler, which a longjmp would not close.
  if (message[0] == '\0') RaiseOutOfMemory();
  RaiseInternal(message);
}

// Creates a C++ object that is destroyed with (or at the reset of) its memory context, also on an
// error.
template <typename T, typename... Args>
T* NewInContext(MemoryContext context, Args&&... args) {
  auto* callback = static_cast<MemoryContextCallback*>(
      MemoryContextAlloc(context, sizeof(MemoryContextCallback)));
  void* memory = MemoryContextAlloc(context, sizeof(T));
  T* object = new (memory) T(std::forward<Args>(args)...);
  callback->func = [](void* argument) { static_cast<T*>(argument)->~T(); };
  callback->arg = object;
  MemoryContextRegisterResetCallback(context, callback);
  return object;
}

}  // namespace fraiseql::pg
