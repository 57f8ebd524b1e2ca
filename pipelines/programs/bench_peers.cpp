// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_peers.h"

#include "model/core/error.h"
#include "model/core/machine.h"
#include "model/engine/model.h"
#include "model/weights/checkpoint.h"
#include "pipelines/programs/llama_cpp.h"
#include "pipelines/programs/machine_share.h"
#include "pipelines/programs/peer_weights.h"
#include "pipelines/programs/spread.h"

#include <algorithm>
#include <cstdio>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// What a precision is measured beside. Goals are times the peer's speed; 0: none.
struct Pair {
  const char *precision, *type;
  double prefill_goal, decode_goal;
};
constexpr Pair kPairs[] = {
    {"bfloat16", "BF16", 1.5, 0}, {"int8", "Q8_0", 4, 0}, {"int4", "Q4_0", 0, 1.5}};

Pair pair_of(const std::string &precision) {
  std::string known;
  for (const Pair &pair : kPairs) {
    if (precision == pair.precision)
      return pair;
    known += (known.empty() ? "" : ", ") + std::string(pair.precision);
  }
  fail(ErrorCategory::Settings, "--precision ", precision, ": one of ", known);
}

/// Our side: the model in one precision.
class Ours {
public:
  Ours(const BenchPeersOptions &options, const char *precision, int threads)
      : options_(options),
        shares_(caption_work(options.model, precision, options.tokens_in), precision) {
    ModelOptions wanted;
    wanted.path = options.model;
    wanted.precision = precision;
    wanted.threads = threads;
    model_ = Model::load(wanted);
    find_prompt();
    decode();
  }

  /// Both are tokens per second; `machine`: as it is now.
  double prefill(const MachineProbes &machine) {
    const Result result = answer(words_, 1);
    shares_.add_stage("prefill", result.timings.prefill, machine);
    return static_cast<double>(result.prompt_positions) / result.timings.prefill;
  }

  double decode(const MachineProbes &machine) {
    const double rate = decode();
    shares_.add_decode(rate, machine);
    return rate;
  }

  json shares() const { return shares_.figures(); }

private:
  double decode() const {
    const Result result = answer(1, options_.tokens_out + 1); // the first comes from the prefill
    const auto written = static_cast<double>(result.output_ids.size()) - 1;
    if (written < 1)
      fail(ErrorCategory::Failed, options_.model, ": ends its answer at once");
    return written / result.timings.decode;
  }

  Result answer(int64_t words, int64_t max_tokens) const {
    Request request;
    for (int64_t i = 0; i < words; ++i)
      request.question += i % 2 ? " to" : " a";
    request.max_tokens = max_tokens;
    request.reuse = parse_reuse("none"); // every round does the whole work
    return model_->generate(request);
  }

  /// As many words as make the prompt just that long, with what a template puts around them. The
  /// answers warm the model up.
  void find_prompt() {
    constexpr int kTries = 6; // the first one tells the template's length where a word is a token
    words_ = options_.tokens_in;
    for (int i = 0; i < kTries; ++i) {
      const int64_t more = options_.tokens_in - answer(words_, 1).prompt_positions;
      if (more == 0)
        return;
      words_ = std::max<int64_t>(words_ + more, 1);
    }
    fail(ErrorCategory::Settings, "no prompt of ", options_.tokens_in, " tokens is found for ",
         options_.model);
  }

  const BenchPeersOptions &options_;
  std::shared_ptr<const Model> model_;
  MachineShares shares_;
  int64_t words_ = 0;
};

/// What was measured of a pair, round by round.
struct Rates {
  Samples vlm, peer, ratio;
  void add(double ours, double theirs) {
    vlm.push_back(ours);
    peer.push_back(theirs);
    ratio.push_back(ours / theirs);
  }
  json figures(double goal) const {
    json out = {{"vlm", Spread::of(vlm)}, {"peer", Spread::of(peer)}, {"ratio", Spread::of(ratio)}};
    if (goal > 0)
      out["goal"] = goal;
    return out;
  }
};

json measure(const BenchPeersOptions &options, const Pair &pair, const LlamaCpp &peer,
             const fs::path &weights, int threads, MachineProbes &machine) {
  Ours ours(options, pair.precision, threads);
  Rates prefill, decode;
  for (int64_t round = 1; round <= options.rounds; ++round) {
    machine.take();
    const double our_prefill = ours.prefill(machine), our_decode = ours.decode(machine);
    machine.take();
    const LlamaSpeed theirs = peer.measure(weights, options.tokens_in, options.tokens_out, threads);
    prefill.add(our_prefill, theirs.prefill);
    decode.add(our_decode, theirs.decode);
  }
  return {{"type", pair.type},
          {"shares", ours.shares()},
          {"prefill", prefill.figures(pair.prefill_goal)},
          {"decode", decode.figures(pair.decode_goal)}};
}

void print_pair(const std::string &precision, const json &pair) {
  std::printf("%s beside %s\n", precision.c_str(), pair["type"].get<std::string>().c_str());
  for (const char *work : {"prefill", "decode"}) {
    const json &rates = pair[work];
    std::printf("  %-8s %26s %26s   x %s", work, range_text(rates["vlm"], 0, 1).c_str(),
                range_text(rates["peer"], 0, 1).c_str(), range_text(rates["ratio"], 0, 2).c_str());
    if (rates.contains("goal"))
      std::printf("   goal %.1f", rates["goal"].get<double>());
    std::printf("%s\n", share_text(pair["shares"], work).c_str());
  }
  std::fflush(stdout);
}

} // namespace

json bench_peers(const BenchPeersOptions &options) {
  check_waiting();
  const int threads = options.threads > 0 ? options.threads : available_threads();
  std::vector<Pair> pairs;
  std::vector<std::string> types;
  for (const std::string &precision : options.precisions) {
    pairs.push_back(pair_of(precision));
    types.emplace_back(pairs.back().type);
  }
  const fs::path cache = peers_folder();
  const PeerWeights weights(read_model_config(options.model, Checkpoint(options.model)),
                            cache / "weights");
  const LlamaCpp peer(cache);
  weights.make(peer, types, threads);
  json out = {{"model", fs::path(options.model).filename().string()},
              {"peer", "llama.cpp of " + LlamaCpp::version()},
              {"threads", threads},
              {"tokens_in", options.tokens_in},
              {"tokens_out", options.tokens_out},
              {"pairs", json::object()}};
  std::printf("%s, tokens a second: %d in, %d out, with %d threads\n  %-8s %26s %26s\n",
              out["model"].get<std::string>().c_str(), out["tokens_in"].get<int>(),
              out["tokens_out"].get<int>(), threads, "", "vlm",
              ("llama.cpp (" + LlamaCpp::version() + ")").c_str());
  MachineProbes machine(threads);
  for (const Pair &pair : pairs) {
    json &figures = out["pairs"][pair.precision];
    figures = measure(options, pair, peer, weights.file(pair.type), threads, machine);
    print_pair(pair.precision, figures);
  }
  machine.take();
  out["machine"] = machine.figures();
  return out;
}

} // namespace vlm
