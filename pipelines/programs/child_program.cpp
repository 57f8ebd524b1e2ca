// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/child_program.h"

#include "model/core/error.h"

#include <glib.h>

#include <memory>

namespace vlm {
namespace {

struct Free {
  void operator()(char *text) const { g_free(text); }
  void operator()(char **texts) const { g_strfreev(texts); }
  void operator()(GError *error) const { g_error_free(error); }
};

/// The last lines of a program's complaints, or of what it printed where it made none.
std::string end_of(const std::string &text) {
  constexpr size_t kMost = 2000;
  const size_t end = text.find_last_not_of(" \n") + 1;
  const size_t begin = end > kMost ? text.find('\n', end - kMost) + 1 : 0;
  return text.substr(begin, end - begin);
}

} // namespace

std::string output_of(const std::vector<std::string> &command) {
  std::vector<char *> arguments;
  for (const std::string &each : command)
    arguments.push_back(const_cast<char *>(each.c_str()));
  arguments.push_back(nullptr);
  // Inherited, they would make every barrier of another OpenMP program a sleep.
  const std::unique_ptr<char *, Free> environment(g_environ_unsetenv(
      g_environ_unsetenv(g_get_environ(), "OMP_WAIT_POLICY"), "GOMP_SPINCOUNT"));
  char *printed = nullptr, *complaints = nullptr;
  GError *error = nullptr;
  int status = 0;
  const bool started =
      g_spawn_sync(nullptr, arguments.data(), environment.get(), G_SPAWN_SEARCH_PATH, nullptr,
                   nullptr, &printed, &complaints, &status, &error);
  const std::unique_ptr<char, Free> owned_printed(printed), owned_complaints(complaints);
  const bool done = started && g_spawn_check_wait_status(status, &error);
  const std::unique_ptr<GError, Free> owned_error(error);
  if (!done) {
    const std::string told = complaints && *complaints ? complaints : printed ? printed : "";
    fail(ErrorCategory::Failed, command.front(), ": ", error->message,
         told.empty() ? "" : "; it ended with\n", end_of(told));
  }
  return printed;
}

void check_programs(const std::vector<std::string> &programs, const std::string &purpose) {
  std::string missing;
  for (const std::string &program : programs) {
    const std::unique_ptr<char, Free> path(g_find_program_in_path(program.c_str()));
    if (!path)
      missing += (missing.empty() ? "" : ", ") + program;
  }
  if (!missing.empty())
    fail(ErrorCategory::Unavailable, purpose, " takes programs that are missing: ", missing);
}

} // namespace vlm
