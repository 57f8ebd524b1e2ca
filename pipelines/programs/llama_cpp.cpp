// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/llama_cpp.h"

#include "model/core/error.h"
#include "pipelines/programs/child_program.h"

#include <nlohmann/json.hpp>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kBench = "llama-bench", *kQuantize = "llama-quantize";

const PeerSource kLlamaSource = {"llama.cpp",
                                 "llama-cpp-python",
                                 "0.3.36",
                                 "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
                                 {"-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_OPENSSL=OFF",
                                  "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
                                  "-DLLAMA_BUILD_SERVER=OFF", "-DLLAMA_BUILD_APP=OFF"},
                                 {kBench, kQuantize}};

} // namespace

std::string LlamaCpp::version() { return kLlamaSource.version(); }

LlamaCpp::LlamaCpp(const fs::path &cache) : build_(kLlamaSource, cache) {}

void LlamaCpp::quantize(const fs::path &from, const fs::path &to, const std::string &type,
                        int threads) const {
  fs::path part = to;
  part += ".part";
  try {
    output_of({build_.program(kQuantize), from, part, type, std::to_string(threads)});
  } catch (const Error &) {
    fs::remove(part);
    throw;
  }
  fs::rename(part, to);
}

LlamaSpeed LlamaCpp::measure(const fs::path &model, int64_t tokens_in, int64_t tokens_out,
                             int threads) const {
  return read_llama_bench(
      output_of({build_.program(kBench), "--model", model, "--n-prompt", std::to_string(tokens_in),
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
