// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/command_line.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>

namespace vlm {
namespace {

template <typename Number>
std::function<void(const std::string &)> number_into(const std::string &name, Number *value) {
  return [name, value](const std::string &given) {
    Number out{};
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), out);
    if (error != std::errc() || end != given.data() + given.size())
      fail(ErrorCategory::Settings, "--", name, ": \"", given, "\" is not a number in range");
    *value = out;
  };
}

const CancelToken *on_signal = nullptr;

extern "C" void handle_signal(int) { on_signal->cancel(); }

} // namespace

CommandLine::CommandLine(std::string program, std::string usage, std::string about)
    : program_(std::move(program)), usage_(std::move(usage)), about_(std::move(about)) {}

void CommandLine::add(std::string name, std::string metavar, std::string help,
                      std::function<void(const std::string &)> set) {
  options_.push_back({std::move(name), std::move(metavar), std::move(help), std::move(set)});
}

void CommandLine::flag(const std::string &name, const std::string &help, bool *value) {
  add(name, "", help, [value](const std::string &) { *value = true; });
}

void CommandLine::text(const std::string &name, const std::string &metavar, const std::string &help,
                       std::string *value) {
  add(name, metavar, help, [value](const std::string &given) { *value = given; });
}

void CommandLine::integer(const std::string &name, const std::string &metavar,
                          const std::string &help, int64_t *value) {
  add(name, metavar, help, number_into(name, value));
}

void CommandLine::integer(const std::string &name, const std::string &metavar,
                          const std::string &help, uint64_t *value) {
  add(name, metavar, help, number_into(name, value));
}

void CommandLine::integer(const std::string &name, const std::string &metavar,
                          const std::string &help, int *value) {
  add(name, metavar, help, number_into(name, value));
}

void CommandLine::number(const std::string &name, const std::string &metavar,
                         const std::string &help, double *value) {
  add(name, metavar, help, number_into(name, value));
}

void CommandLine::repeated(const std::string &name, const std::string &metavar,
                           const std::string &help, std::function<void(const std::string &)> each) {
  add(name, metavar, help, std::move(each));
}

const CommandLine::Option &CommandLine::find(const std::string &name) const {
  const auto found = std::find_if(options_.begin(), options_.end(),
                                  [&](const Option &option) { return option.name == name; });
  if (found == options_.end())
    fail(ErrorCategory::Settings, "unknown option --", name, " (see --help)");
  return *found;
}

std::vector<std::string> CommandLine::parse(int argc, char **argv) const {
  std::vector<std::string> operands;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--") {
      operands.insert(operands.end(), argv + i + 1, argv + argc);
      break;
    }
    if (argument.rfind("--", 0) != 0) {
      operands.push_back(argument);
      continue;
    }
    if (argument == "--help") {
      print_help();
      std::exit(kDone);
    }
    const size_t equals = argument.find('=');
    const Option &option = find(argument.substr(2, equals - 2));
    const bool attached = equals != std::string::npos;
    if (option.metavar.empty() && attached)
      fail(ErrorCategory::Settings, "--", option.name, " takes no value");
    if (!option.metavar.empty() && !attached && i + 1 == argc)
      fail(ErrorCategory::Settings, "--", option.name, " needs a value: ", option.metavar);
    option.set(attached                 ? argument.substr(equals + 1)
               : option.metavar.empty() ? std::string()
                                        : std::string(argv[++i]));
  }
  return operands;
}

void CommandLine::print_help() const {
  std::cout << "usage: " << program_ << " " << usage_ << "\n\n" << about_ << "\n\noptions:\n";
  for (const Option &option : options_) {
    std::string left = "  --" + option.name + (option.metavar.empty() ? "" : " " + option.metavar);
    left.resize(std::max<size_t>(left.size() + 2, 28), ' ');
    std::cout << left << option.help << "\n";
  }
  std::cout << "  --help                    this text\n";
}

int run_program(const std::string &program, const std::function<int()> &body) {
  try {
    return body();
  } catch (const Error &error) {
    std::cerr << program << ": " << error.what() << "\n";
    return error.category() == ErrorCategory::Settings ? kWrongUse : kFailed;
  } catch (const std::bad_alloc &) {
    std::cerr << program << ": out of memory\n";
  } catch (const std::exception &error) {
    std::cerr << program << ": " << error.what() << "\n";
  }
  return kFailed;
}

void cancel_on_signal(const CancelToken &token) {
  static const CancelToken kept = token;
  on_signal = &kept;
  struct sigaction action {};
  action.sa_handler = handle_signal;
  action.sa_flags = SA_RESETHAND; // without SA_RESTART
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

} // namespace vlm
