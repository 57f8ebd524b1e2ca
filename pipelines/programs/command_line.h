// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vlm {

/// Exit statuses of every program.
enum ExitStatus { kDone = 0, kFailed = 1, kWrongUse = 2 };

/// Long options of a program, its --help, and the rules that all programs share: `--name VALUE` or
/// `--name=VALUE`, "--" ends options, unknown or malformed ones are wrong use.
class CommandLine {
public:
  /// `usage`: what follows the program's name; `about`: what it does, with examples.
  CommandLine(std::string program, std::string usage, std::string about);

  void flag(const std::string &name, const std::string &help, bool *value);
  void text(const std::string &name, const std::string &metavar, const std::string &help,
            std::string *value);
  /// A value outside of the type's range is wrong use.
  void integer(const std::string &name, const std::string &metavar, const std::string &help,
               int64_t *value);
  void integer(const std::string &name, const std::string &metavar, const std::string &help,
               uint64_t *value);
  void integer(const std::string &name, const std::string &metavar, const std::string &help,
               int *value);
  void number(const std::string &name, const std::string &metavar, const std::string &help,
              double *value);
  /// Called for each occurrence.
  void repeated(const std::string &name, const std::string &metavar, const std::string &help,
                std::function<void(const std::string &)> add);

  /// The operands. Prints help and exits 0 on --help; throws Error(Settings) naming the option or
  /// value on wrong use.
  std::vector<std::string> parse(int argc, char **argv) const;

private:
  struct Option {
    std::string name, metavar, help;
    std::function<void(const std::string &)> set;
  };
  void add(std::string name, std::string metavar, std::string help,
           std::function<void(const std::string &)> set);
  const Option &find(const std::string &name) const;
  void print_help() const;

  std::string program_, usage_, about_;
  std::vector<Option> options_;
};

/// Runs `body` and turns exceptions into a message "PROGRAM: what" on stderr and an exit status:
/// Settings errors are wrong use, every other failure is 1.
int run_program(const std::string &program, const std::function<int()> &body);

/// Lets the first SIGINT or SIGTERM cancel `token` and end a read that waits, as if its file ended
/// there; a second one ends the process. Once per process.
void cancel_on_signal(const CancelToken &token);

} // namespace vlm
