// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/programs/child.h"

#include <csignal>
#include <fcntl.h>
#include <pty.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace vlm::test {
namespace {

void check(bool ok, const char *what) {
  if (!ok)
    throw std::runtime_error(what);
}

// No other child may inherit them: a pipe ends when its last writer does.
void keep_private(int a, int b) {
  fcntl(a, F_SETFD, FD_CLOEXEC);
  fcntl(b, F_SETFD, FD_CLOEXEC);
}

} // namespace

Channel::~Channel() {
  close(outer);
  close_inner();
}

void Channel::close_inner() {
  if (inner >= 0)
    close(inner);
  inner = -1;
}

std::string Channel::read_line() {
  std::string out;
  for (char c; read(outer, &c, 1) == 1 && c != '\n';)
    out += c;
  return out;
}

std::string Channel::read_all() {
  close_inner();
  std::string out;
  char part[4096];
  for (ssize_t got; (got = read(outer, part, sizeof part)) > 0;) // a terminal ends with an error
    out.append(part, static_cast<size_t>(got));
  return out;
}

Channel make_pipe() {
  int ends[2];
  check(pipe(ends) == 0, "pipe");
  keep_private(ends[0], ends[1]);
  return {ends[0], ends[1]};
}

Channel make_terminal() {
  int outer, inner;
  check(openpty(&outer, &inner, nullptr, nullptr, nullptr) == 0, "openpty");
  keep_private(outer, inner);
  return {outer, inner};
}

Child::Child(std::vector<std::string> command, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const int given[] = {in, out, err};
  for (int i = 0; i < 3; ++i)
    if (given[i] < 0)
      posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
    else
      posix_spawn_file_actions_adddup2(&actions, given[i], i);
  std::vector<char *> argv;
  for (std::string &word : command)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  check(error == 0, "posix_spawn");
}

void Child::signal(int number) const { kill(pid_, number); }

Ended Child::wait() const {
  int status = 0;
  rusage usage{};
  check(wait4(pid_, &status, 0, &usage) == pid_, "wait4");
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), usage.ru_maxrss};
}

} // namespace vlm::test
